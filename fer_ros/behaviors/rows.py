# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Rules as rows of arrays, judged for all faces of one image at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ros.behaviors.expressions import QUANTITIES, Condition, ConditionTable
from fer_ros.behaviors.rules import ANY_EXPRESSION, Rule
from fer_ros.behaviors.states import NEVER, States, Times
from fer_ros.perception.emotions import KNOWN

LABELS = tuple(sorted(KNOWN))
PLACES = {label: index for index, label in enumerate(LABELS)}
NAMES = (*LABELS, *QUANTITIES)
CONFIDENCE = len(LABELS)
"""Place of the confidence among the names."""


@dataclass(frozen=True)
class Row:
    """A rule, for one of its expressions."""

    rule: Rule
    label: str
    """Empty: the rule names none."""


@dataclass(frozen=True)
class View:
    """One image, with a column for every slot."""

    present: NDArray[np.bool_]
    label: NDArray[np.intp]
    """Place in the known labels, -1: uncertain or not there."""
    values: NDArray[np.float32]
    """Shape (names, slots); NaN where the face is not there, or the network knows no such class."""
    area: NDArray[np.float32]
    closeness: NDArray[np.float32]


class Rows:
    """Rules of one kind, as arrays with a row for each."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        rules = [row.rule for row in rows]
        self.label = np.array([PLACES.get(row.label, -1) for row in rows], np.intp)
        self.confidence = np.array([rule.confidence for rule in rules], np.float32)[:, None]
        self.slack = np.array([rule.hysteresis for rule in rules], np.float32)
        self.certain = np.array(
            [bool(row.label) or _certain(row.rule.when) for row in rows], np.bool_
        )[:, None]
        kinds = np.array([rule.faces for rule in rules], np.str_)
        self.nearest, self.largest = (np.flatnonzero(kinds == k) for k in ("nearest", "largest"))
        self.every = kinds == "all"
        conditions = {i: rule.when for i, rule in enumerate(rules) if rule.when is not None}
        self._conditions = conditions
        self._tables: dict[tuple[str, ...], ConditionTable] = {}
        self.states = States(
            Times(
                hold=_column([rule.hold_ns for rule in rules]),
                release=_column([rule.release_ns for rule in rules]),
                ongoing=_column([rule.ongoing_ns or NEVER for rule in rules]),
                cooldown=_column(
                    [NEVER if rule.cooldown_ns is None else rule.cooldown_ns for rule in rules]
                ),
                together=np.array([rule.cooldown_per == "rule" for rule in rules], np.bool_)[
                    :, None
                ],
            )
        )

    def __len__(self) -> int:
        return len(self.rows)

    def judge(
        self, view: View, labels: tuple[str, ...]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return where the conditions to begin and to go on hold, shape (rows, slots)."""
        # A row of the label's place for every label, and one of "there" at the end.
        shown = np.arange(len(LABELS))[:, None] == view.label
        base = np.vstack([shown, view.present[None]])[self.label]
        base &= ~self.certain | (view.label >= 0)
        confident = view.values[CONFIDENCE] >= self.confidence
        widened = view.values[CONFIDENCE] >= self.confidence - self.slack[:, None]
        unconditional = self.confidence <= 0
        strict = base & (confident | unconditional)
        relaxed = base & (widened | unconditional)
        if self._conditions:
            table = self._table(labels)
            holds = np.ones_like(base)
            relaxed &= table.judge(view.values, holds)
            strict &= holds
        return strict, relaxed

    def unknown(self, labels: tuple[str, ...]) -> set[str]:
        """Return the rules that need an expression that is not among the labels."""
        rows = set(self._table(labels).unknown)
        return {
            row.rule.name
            for index, row in enumerate(self.rows)
            if index in rows
            or (row.label and row.label not in labels and row.rule.expressions != ("any",))
        }

    def _table(self, labels: tuple[str, ...]) -> ConditionTable:
        if labels not in self._tables:
            known = {*labels, *QUANTITIES}
            names = [name if name in known else "" for name in NAMES]
            self._tables = {labels: ConditionTable(self._conditions, self.slack, names)}
        return self._tables[labels]


def labels_of(rule: Rule) -> tuple[str, ...]:
    """Return the expressions that have rows of their own, or one empty name."""
    if rule.expressions == (ANY_EXPRESSION,):
        return LABELS
    return rule.expressions or ("",)


def _certain(condition: Condition | None) -> bool:
    return condition is not None and condition.needs_certainty


def _column(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64).reshape(-1, 1)
