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

"""Conditions such as ``happy + surprise > 0.6 and age > 2``, parsed once, evaluated per face.

Python's own parser reads the expression; only numbers, names, arithmetic, comparisons, ``and``,
``or``, ``not``, ``min`` and ``max`` are allowed. Each node becomes a function of the face's values,
so that nothing is parsed again. Arithmetic is in single precision, as the probabilities of the
message are: ``happy > 0.6`` does not hold for a probability that was rounded to the same float32 as
0.6.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from fer_ros.perception.strings import near_name

MAX_LENGTH = 500
"""Characters of the longest condition."""

_MAX_DEPTH = 20

QUANTITIES = {
    "confidence": "smoothed probability of the face's label [0..1]",
    "size": "height of the face's box as a part of the image's [0..1]",
    "age": "time since the face was first seen [s]",
}
"""What a condition may name beside the expressions."""

Values: TypeAlias = Mapping[str, np.float32]
"""A face's probabilities by expression, and its :data:`QUANTITIES`."""

Number: TypeAlias = Callable[[Values], np.float32]
Test: TypeAlias = Callable[[Values, np.float32], bool]
"""Gets the values of a face and by how much each comparison is relaxed."""


def _least(a: Any, b: Any) -> Any:
    return a if a <= b or a != a else b


def _greatest(a: Any, b: Any) -> Any:
    return a if a >= b or a != a else b


_ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISONS: Mapping[type, tuple[Callable[[Any, Any], Any], bool]] = {
    ast.Gt: (operator.gt, True), ast.GtE: (operator.ge, True),
    ast.Lt: (operator.lt, False), ast.LtE: (operator.le, False),
}  # fmt: skip
"""The comparison, and whether its left side is the one that has to be large."""
_FUNCTIONS = {"min": _least, "max": _greatest}


class ConditionError(ValueError):
    """An invalid condition; the message says what is wrong with it."""


@dataclass(frozen=True)
class Condition:
    """A compiled condition."""

    text: str
    names: frozenset[str]
    """Expressions and quantities that it names."""
    holds: Test
    """Whether it holds for the values of a face, with every comparison relaxed by a slack ≥ 0
    [probability]. A comparison with NaN is false; division by zero gives infinity, with numpy's
    warning unless the caller silences it."""

    @property
    def needs_certainty(self) -> bool:
        """Whether the condition depends on the face's expression."""
        return bool(self.names - QUANTITIES.keys()) or "confidence" in self.names


def parse(text: str, labels: Iterable[str]) -> Condition:
    """Compile a condition.

    Args:
        text: E.g. ``happy > 0.6 and not sad > 0.2``.
        labels: The expressions that may be named.

    Raises:
        ConditionError: It is too long, malformed, uses an unknown name, or is no boolean.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"the condition is longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1and 2": the parser's own remarks
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise ConditionError(f"{text!r} is no condition: {what}") from None
    compiler = _Compiler(text.strip(), {*labels, *QUANTITIES})
    if not compiler.is_test(tree.body):
        compiler.number(tree.body, 0)
        raise ConditionError(f"{text!r} is a number; compare it, as in `{text} > 0.5`")
    holds = compiler.test(tree.body, True, 0)
    return Condition(text, frozenset(compiler.names), holds)


@dataclass
class _Compiler:
    source: str
    known: set[str]
    names: set[str] = field(default_factory=set)

    @staticmethod
    def is_test(node: ast.expr) -> bool:
        """Whether a node is a boolean rather than a number."""
        return isinstance(node, ast.BoolOp | ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )

    def test(self, node: ast.expr, positive: bool, depth: int) -> Test:
        """Compile a boolean node.

        Args:
            node: The node.
            positive: Whether the whole condition gets truer when this node does.
            depth: How deep it is nested.
        """
        self._check_depth(depth)
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                part = self.test(operand, not positive, depth + 1)
                return lambda values, slack: not part(values, slack)
            case ast.BoolOp(op=op, values=operands):
                parts = [self.test(operand, positive, depth + 1) for operand in operands]
                return _all(parts) if isinstance(op, ast.And) else _any(parts)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops, positive, depth + 1)
        self.number(node, depth)
        raise ConditionError(f"{self._text(node)!r} is a number where a comparison must be")

    def _comparison(
        self, sides: Sequence[ast.expr], ops: Sequence[ast.cmpop], positive: bool, depth: int
    ) -> Test:
        """Compile a comparison; ``a < b < c`` is ``a < b and b < c``."""
        tests = []
        for left, op, right in zip(sides, ops, sides[1:]):
            if type(op) not in _COMPARISONS:
                raise ConditionError("probabilities are compared by < <= > >= only")
            compare, upwards = _COMPARISONS[type(op)]
            relaxing = np.float32(-1 if upwards == positive else 1)
            tests.append(
                _compare(compare, self.number(left, depth), self.number(right, depth), relaxing)
            )
        return _all(tests)

    def number(self, node: ast.expr, depth: int) -> Number:
        """Compile a node that is a number."""
        self._check_depth(depth)
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as value):
                return _constant(value)
            case ast.Name(id=name):
                self._check_name(name)
                return operator.itemgetter(name)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return _constant(-value)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                parts = [self.number(side, depth + 1) for side in (left, right)]
                return _apply(_ARITHMETIC[type(op)], parts)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if (
                name in _FUNCTIONS and len(arguments) > 1
            ):
                parts = [self.number(argument, depth + 1) for argument in arguments]
                return _apply(_FUNCTIONS[name], parts)
        if self.is_test(node):
            self.test(node, True, depth)
            raise ConditionError(f"{self._text(node)!r} is a comparison where a number must be")
        raise ConditionError(
            f"{self._text(node)!r} is no part of a condition; there are expressions, "
            f"{', '.join(QUANTITIES)}, numbers, + - * /, < <= > >=, and, or, not, min(), max()"
        )

    def _check_depth(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ConditionError("the condition is nested too deeply")

    def _text(self, node: ast.expr) -> str:
        return (ast.get_source_segment(self.source, node) or self.source)[:60]

    def _check_name(self, name: str) -> None:
        if name not in self.known:
            raise ConditionError(f"{name!r} is unknown; {near_name(name, sorted(self.known))}")
        self.names.add(name)


def _constant(value: float) -> Number:
    if not abs(value) < 1e9:  # an integer of any length may be written there
        raise ConditionError("a number of the condition is too large")
    number = np.float32(value)
    return lambda _: number


def _apply(function: Callable[[Any, Any], Any], parts: Sequence[Number]) -> Number:
    result, *others = parts
    for other in others:
        result = _binary(function, result, other)
    return result


def _binary(function: Callable[[Any, Any], Any], left: Number, right: Number) -> Number:
    return lambda values: function(left(values), right(values))


def _compare(
    function: Callable[[Any, Any], Any], left: Number, right: Number, relaxing: np.float32
) -> Test:
    return lambda values, slack: bool(function(left(values), right(values) + relaxing * slack))


def _all(parts: Sequence[Test]) -> Test:
    if len(parts) == 1:
        return parts[0]
    return lambda values, slack: all(part(values, slack) for part in parts)


def _any(parts: Sequence[Test]) -> Test:
    return lambda values, slack: any(part(values, slack) for part in parts)
