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

"""Thresholds that a replay must hold, from a YAML file.

Example::

    balanced_accuracy: ">= 0.65"
    latency_ms.total.p99: "<= 15"
    recording.seconds: [">= 60", "<= 600"]
    labels_needed: {spans: 8, classes: 2}
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ros.perception.strings import near_names
from fer_ros.replay import records
from fer_ros.replay.display_text import shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.basis import Basis, Needed
from fer_ros.replay.verdicts import DOES_NOT_HOLD, HOLDS, NOT_ENOUGH, Check
from fer_ros.transport.bounded_parsing import DocumentError, parse_yaml, read_text

NEEDED = "labels_needed"
"""The key that is no criterion: how many labels a figure must rest on."""

COMPARED = "baseline."
"""How the names of measures begin that compare with an earlier replay."""

_MOST_CRITERIA = 1000

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_CONDITION = re.compile(r"\s*(>=|<=|==|>|<)\s*(\S+)\s*")


class CriteriaError(ReplayError):
    """The criteria cannot be used; the message names the one and the valid values."""


@dataclass(frozen=True)
class Criterion:
    """One threshold on one measure."""

    metric: str
    """Path into metrics and latency, with dots."""
    condition: str
    limit: float

    def check(self, results: Mapping[str, Any], basis: Basis | None, needed: Needed) -> Check:
        """Return how the measure meets the threshold.

        A measure that has no value does not hold; one that rests on too few labels tells nothing.

        Args:
            results: Everything that a criterion can name, by the first part of its name.
            basis: What the measure rests on; None where it needs no labels.
            needed: How much that must be.
        """
        value = records.number(results, self.metric)
        sign = self.condition.split()[0]
        passed = value is not None and _OPERATORS[sign](value, self.limit)
        result, reason = HOLDS if passed else DOES_NOT_HOLD, ""
        lacking = needed.lacking(basis) if basis else ""
        if lacking:
            passed, result, reason = False, NOT_ENOUGH, lacking
        elif value is None:
            reason = "was not measured in this recording"
        return Check(
            self.metric, self.condition, value, passed, result, reason,
            spans=basis.spans if basis else None, classes=basis.classes if basis else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Criteria:
    """All thresholds of a file."""

    criteria: Sequence[Criterion]
    needed: Needed


def load(path: Path) -> Criteria:
    """Read a criteria file.

    Raises:
        CriteriaError: It cannot be read, or a condition is malformed.
    """
    try:
        content = parse_yaml(read_text(path))
    except DocumentError as error:
        raise CriteriaError(
            f"the criteria {path} cannot be read (are the conditions in quotes?): {error}"
        ) from error
    if not isinstance(content, dict) or not content:
        raise CriteriaError(f"{path} must hold lines such as  accuracy: '>= 0.6'")
    needed = _needed(content.pop(NEEDED, {}), path)
    criteria = []
    for metric, conditions in content.items():
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            criteria.append(_criterion(str(metric), condition, path))
            if len(criteria) > _MOST_CRITERIA:
                raise CriteriaError(f"{path} has more than {_MOST_CRITERIA} criteria")
    return Criteria(criteria, needed)


def _needed(content: Any, path: Path) -> Needed:
    known = {"spans", "classes"}
    right = isinstance(content, dict) and content.keys() <= known
    if not right or not all(type(v) is int and v >= 1 for v in content.values()):
        raise CriteriaError(f"{path}: {NEEDED} must be as in {{spans: 8, classes: 2}}")
    return Needed(**content)


def _criterion(metric: str, condition: Any, path: Path) -> Criterion:
    match = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
    try:
        limit = float(match.group(2)) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        given = shown(repr(condition), 40) if isinstance(condition, (str, int, float)) else "that"
        raise CriteriaError(
            f"{path}: {shown(metric)} must be compared as in '>= 0.65' or '<= 15', not {given}"
        )
    return Criterion(metric, f"{match.group(1)} {match.group(2)}", limit)


def check_names(criteria: Sequence[Criterion], known: Sequence[str]) -> None:
    """Check that every criterion names a measure.

    Args:
        criteria: What was asked.
        known: Names of all measures, with or without a value in this recording.

    Raises:
        CriteriaError: One does not; the message offers names like it.
    """
    for criterion in criteria:
        if criterion.metric not in known:
            asked = shown(criterion.metric)
            if asked.startswith(COMPARED) and not any(n.startswith(COMPARED) for n in known):
                raise CriteriaError(f"there is no measure {asked!r} without --baseline")
            close = near_names(asked, known, 3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise CriteriaError(f"there is no measure {asked!r}{hint}")
