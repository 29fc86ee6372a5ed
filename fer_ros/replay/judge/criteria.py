"""Thresholds that a replay must hold, from a YAML file.

Example::

    balanced_accuracy: ">= 0.65"
    latency_ms.total.p99: "<= 15"
    recording.seconds: [">= 60", "<= 600"]
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fer_ros.replay.errors import ReplayError

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_CONDITION = re.compile(r"\s*(>=|<=|==|>|<)\s*(\S+)\s*")


class CriteriaError(ReplayError):
    """The criteria cannot be used; the message says which one and what would do."""


@dataclass(frozen=True)
class Criterion:
    """One threshold on one measure."""

    metric: str
    """Path into metrics and latency, with dots."""
    condition: str
    limit: float

    def check(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """Return metric, condition, value, and whether it holds, ready for JSON.

        A measure that has no value, e.g. an accuracy without labels, does not hold.
        """
        value = lookup(results, self.metric)
        sign = self.condition.split()[0]
        passed = value is not None and _OPERATORS[sign](value, self.limit)
        return {
            "metric": self.metric,
            "condition": self.condition,
            "value": value,
            "passed": passed,
            "reason": "" if value is not None else "was not measured in this recording",
        }


def load(path: Path) -> list[Criterion]:
    """Read a criteria file.

    Raises:
        CriteriaError: It cannot be read, or a condition is malformed.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CriteriaError(
            f"the criteria {path} cannot be read (are the conditions in quotes?): {error}"
        ) from error
    if not isinstance(content, dict) or not content:
        raise CriteriaError(f"{path} must hold lines such as  accuracy: '>= 0.6'")
    criteria = []
    for metric, conditions in content.items():
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            criteria.append(_criterion(str(metric), condition, path))
    return criteria


def _criterion(metric: str, condition: Any, path: Path) -> Criterion:
    match = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
    try:
        limit = float(match.group(2)) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        raise CriteriaError(
            f"{path}: {metric} must be compared as in '>= 0.65' or '<= 15', not {condition!r}"
        )
    return Criterion(metric, f"{match.group(1)} {match.group(2)}", limit)


def check_names(criteria: list[Criterion], results: Mapping[str, Any]) -> None:
    """Check that every criterion names a measure that results have, with or without a value.

    Raises:
        CriteriaError: One does not; the message offers names like it.
    """
    known = _names(results)
    for criterion in criteria:
        if criterion.metric not in known:
            close = difflib.get_close_matches(criterion.metric, known, n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise CriteriaError(f"there is no measure {criterion.metric!r}{hint}")


def lookup(results: Mapping[str, Any], path: str) -> float | None:
    """Return the number at a dotted path, or None where there is none."""
    value: Any = results
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None


def _names(results: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in results.items():
        if isinstance(value, Mapping):
            names += _names(value, f"{prefix}{key}.")
        elif value is None or isinstance(value, (int, float)):
            names.append(f"{prefix}{key}")
    return names
