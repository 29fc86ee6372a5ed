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

"""Conditions such as ``happy + surprise > 0.6 and age > 2``, judged for many rules at once.

Python's own parser reads the text; only numbers, names, arithmetic, comparisons, ``and``, ``or``,
``not``, ``min`` and ``max`` are let through. Conditions of one form (they differ in names and
numbers) are judged together, for all faces, in one numpy expression: one by one, as libraries of
expressions do it, 1,000 rules and 50 faces at 30 Hz would take more than a whole core.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LENGTH = 500
"""Characters of the longest condition."""

_MAX_DEPTH = 20

QUANTITIES = {
    "confidence": "smoothed probability of the face's label [0..1]",
    "size": "height of the face's box as a part of the image's [0..1]",
    "age": "time since the face was first seen [s]",
}
"""What a condition may name beside the expressions."""

_ARITHMETIC: Mapping[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", np.add),
    ast.Sub: ("-", np.subtract),
    ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.divide),
}
_COMPARISONS: Mapping[type, tuple[str, bool]] = {
    ast.Gt: (">", True), ast.GtE: (">=", True), ast.Lt: ("<", False), ast.LtE: ("<=", False),
}  # fmt: skip
"""Sign, and whether the left side is the one that has to be large."""
_FUNCTIONS = {"min": np.minimum, "max": np.maximum}
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict(_ARITHMETIC.values()), **_FUNCTIONS,
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
    "and": np.logical_and, "or": np.logical_or,
}  # fmt: skip


class ExpressionError(ValueError):
    """A condition that cannot be understood; the message says what is wrong with it."""


@dataclass(frozen=True)
class Condition:
    """One condition: its form, and what the places in the form stand for."""

    form: Any
    """Nested tuples: ``("name",)``, ``("number",)``, ``("not", a)``, ``(operator, a, b)``, and for
    comparisons ``(operator, a, b, sign)`` with the sign by which slack widens the right side."""
    names: tuple[str, ...]
    numbers: tuple[float, ...]

    @property
    def expressions(self) -> frozenset[str]:
        """The expressions whose probabilities are named."""
        return frozenset(self.names) - QUANTITIES.keys()

    @property
    def needs_certainty(self) -> bool:
        """Whether the condition says something about the face's expression."""
        return bool(self.expressions) or "confidence" in self.names


def parse(text: str, labels: Iterable[str]) -> Condition:
    """Read a condition.

    Args:
        text: E.g. ``happy > 0.6 and not sad > 0.2``.
        labels: The expressions that may be named.

    Raises:
        ExpressionError: It is too long, malformed, names what is unknown, or has no truth value.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the condition is longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1and 2": the parser's own remarks
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise ExpressionError(f"{text!r} is no condition: {what}") from None
    reader = _Reader(text.strip(), {*labels, *QUANTITIES})
    form, truth = reader.read(tree.body, True, 0)
    if not truth:
        raise ExpressionError(f"{text!r} is a number; compare it, as in `{text} > 0.5`")
    return Condition(form, tuple(reader.names), tuple(reader.numbers))


@dataclass
class _Reader:
    text: str
    known: set[str]
    names: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    def read(self, node: ast.expr, positive: bool, depth: int) -> tuple[Any, bool]:
        """Return the form of a part, and whether it is true or false rather than a number.

        Args:
            node: The part.
            positive: Whether the whole gets truer when this part does.
            depth: How deep the part lies.
        """
        if depth > _MAX_DEPTH:
            raise ExpressionError("the condition is nested too deeply")
        below = depth + 1
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as value):
                self.numbers.append(_finite(value))
                return ("number",), False
            case ast.Name(id=name):
                self.names.append(self._known(name))
                return ("name",), False
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                self.numbers.append(-_finite(value))
                return ("number",), False
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return ("not", self._truth(part, not positive, below)), True
            case ast.BoolOp(op=op, values=parts):
                word = "and" if isinstance(op, ast.And) else "or"
                return _chain(word, [self._truth(part, positive, below) for part in parts]), True
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops, positive, below), True
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                sign = _ARITHMETIC[type(op)][0]
                return (sign, self._number(left, below), self._number(right, below)), False
            case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if (
                name in _FUNCTIONS and len(parts) > 1
            ):
                return _chain(name, [self._number(part, below) for part in parts]), False
        raise ExpressionError(
            f"{self._said(node)!r} is no part of a condition; there are expressions, "
            f"{', '.join(QUANTITIES)}, numbers, + - * /, < <= > >=, and, or, not, min(), max()"
        )

    def _comparison(
        self, sides: Sequence[ast.expr], ops: Sequence[ast.cmpop], positive: bool, depth: int
    ) -> Any:
        """``a < b < c`` is ``a < b and b < c``."""
        forms = []
        for left, op, right in zip(sides, ops, sides[1:]):
            if type(op) not in _COMPARISONS:
                raise ExpressionError("probabilities are compared by < <= > >= only")
            sign, upwards = _COMPARISONS[type(op)]
            widening = -1 if upwards == positive else 1
            forms.append((sign, self._number(left, depth), self._number(right, depth), widening))
        return _chain("and", forms)

    def _truth(self, node: ast.expr, positive: bool, depth: int) -> Any:
        form, truth = self.read(node, positive, depth)
        if not truth:
            raise ExpressionError(f"{self._said(node)!r} is a number where a comparison must be")
        return form

    def _number(self, node: ast.expr, depth: int) -> Any:
        form, truth = self.read(node, True, depth)
        if truth:
            raise ExpressionError(f"{self._said(node)!r} is a comparison where a number must be")
        return form

    def _said(self, node: ast.expr) -> str:
        return (ast.get_source_segment(self.text, node) or self.text)[:60]

    def _known(self, name: str) -> str:
        if name in self.known:
            return name
        near = get_close_matches(name, self.known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self.known))}"
        raise ExpressionError(f"{name!r} is unknown; {hint}")


def _finite(value: float) -> float:
    if not abs(value) < 1e9:  # a number of any length may stand there
        raise ExpressionError("a number of the condition is too large")
    return float(value)


def _chain(word: str, forms: Sequence[Any]) -> Any:
    result = forms[0]
    for form in forms[1:]:
        result = (word, result, form)
    return result


class ConditionTable:
    """Conditions of many rules, ready to be judged for faces with certain labels."""

    def __init__(
        self, conditions: Mapping[int, Condition], slack: NDArray[np.float32], names: Sequence[str]
    ) -> None:
        """Sort the conditions by form.

        Args:
            conditions: By row; rows without one are left alone.
            slack: Hysteresis of each row [probability], shape (rows,).
            names: What the rows of the values stand for; conditions that name anything else never
                hold.
        """
        place = {name: index for index, name in enumerate(names)}
        groups: dict[Any, list[int]] = {}
        self.unknown: list[int] = []
        """Rows whose condition names something that is not there."""
        for row, condition in conditions.items():
            if place.keys() >= set(condition.names):
                groups.setdefault(condition.form, []).append(row)
            else:
                self.unknown.append(row)
        self._groups = [
            _Group.of(form, rows, conditions, slack, place) for form, rows in groups.items()
        ]

    def judge(self, values: NDArray[np.float32], strict: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Take the conditions into account.

        Args:
            values: Of every name and face, shape (names, faces).
            strict: Shape (rows, faces); rows with conditions are and-ed with them, in place.

        Returns:
            The same with comparisons widened by the slack, for rules that run: what is true in
            ``strict`` is true here.
        """
        relaxed = strict.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            for group in self._groups:
                strict[group.rows] &= group.judge(values, slack=False)
                relaxed[group.rows] &= group.judge(values, slack=True)
        strict[self.unknown] = relaxed[self.unknown] = False
        return relaxed


@dataclass(frozen=True)
class _Group:
    form: Any
    rows: NDArray[np.intp]
    names: NDArray[np.intp]
    """Row of the values for every name of the form, shape (names of the form, rules)."""
    numbers: NDArray[np.float32]
    """Shape (numbers of the form, rules, 1)."""
    slack: NDArray[np.float32]
    """Shape (rules, 1)."""

    @classmethod
    def of(
        cls,
        form: Any,
        rows: Sequence[int],
        conditions: Mapping[int, Condition],
        slack: NDArray[np.float32],
        place: Mapping[str, int],
    ) -> _Group:
        names = [[place[name] for name in conditions[row].names] for row in rows]
        numbers = np.array([conditions[row].numbers for row in rows], np.float32)
        index = np.array(rows, np.intp)
        return cls(
            form, index, np.array(names, np.intp).T, numbers.T[:, :, None], slack[index, None]
        )

    def judge(self, values: NDArray[np.float32], slack: bool) -> NDArray[np.bool_]:
        names, numbers = iter(self.names), iter(self.numbers)

        def value(form: Any) -> Any:
            match form:
                case ("name",):
                    return values[next(names)]
                case ("number",):
                    return next(numbers)
                case ("not", part):
                    return np.logical_not(value(part))
                case (operator, left, right):
                    return _OPERATORS[operator](value(left), value(right))
                case (operator, left, right, sign):
                    first, second = value(left), value(right)
                    if slack:
                        second = second + sign * self.slack
                    return _OPERATORS[operator](first, second)
            raise AssertionError(form)

        return np.asarray(value(self.form), np.bool_)
