"""Does a replay hold what was asked of it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_ros.replay.judge import baseline, criteria


class Judge:
    """Criteria and a baseline, read and checked before the replay begins."""

    def __init__(self, criteria_path: Path | None, baseline_path: Path | None) -> None:
        """Read the files that are given.

        Raises:
            ReplayError: A file cannot be used.
        """
        self._criteria = criteria.load(criteria_path) if criteria_path else []
        self._baseline = baseline.load(baseline_path) if baseline_path else None

    def check_names(self, metrics: Mapping[str, Any], latency: Mapping[str, Any]) -> None:
        """Check the criteria's names against results without values.

        Raises:
            CriteriaError: A criterion names no measure.
        """
        compared = baseline.empty() if self._baseline else {}
        criteria.check_names(self._criteria, _joined(metrics, latency, compared))

    def judge(self, metrics: Mapping[str, Any], latency: Mapping[str, Any]) -> dict[str, Any]:
        """Return the verdict, ready for JSON.

        Raises:
            ReplayError: The baseline cannot be compared with.
        """
        compared = baseline.compare(self._baseline, metrics, latency) if self._baseline else {}
        results = _joined(metrics, latency, compared)
        checks = [criterion.check(results) for criterion in self._criteria]
        failed = [check for check in checks if not check["passed"]]
        passed = not failed if checks else None
        if passed is None:
            summary = "no criteria were given"
        elif passed:
            summary = f"all {len(checks)} criteria hold"
        else:
            names = ", ".join(check["metric"] for check in failed)
            summary = f"{len(failed)} of {len(checks)} criteria do not hold: {names}"
        return {
            "passed": passed,
            "summary": summary,
            "criteria": checks,
            "baseline": compared or None,
        }


def _joined(
    metrics: Mapping[str, Any], latency: Mapping[str, Any], compared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything a criterion can name."""
    return {
        **metrics,
        "latency_ms": latency["latency_ms"],
        "times_real_time": latency["times_real_time"],
        "baseline": compared.get("metrics", {}),
    }
