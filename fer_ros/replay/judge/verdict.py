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

"""Verdict: whether a replay meets its criteria and baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fer_ros.replay import records
from fer_ros.replay.display_text import one_line
from fer_ros.replay.judge import baseline, criteria
from fer_ros.replay.judge.basis import Needed, basis
from fer_ros.replay.judge.complaints import LONGEST_S
from fer_ros.replay.judge.differences import differences
from fer_ros.replay.judge.latency import TIMED
from fer_ros.replay.results import LatencyRecord, Metrics
from fer_ros.replay.verdicts import (
    DOES_NOT_HOLD,
    FAILED,
    INCOMPLETE,
    NO_CRITERIA,
    NOT_ENOUGH,
    PASSED,
    Check,
    Comparison,
    Verdict,
)


class Judge:
    """Criteria and a baseline, read and checked before the replay begins."""

    def __init__(self, criteria_path: Path | None, baseline_path: Path | None) -> None:
        """Read the files that are given.

        Raises:
            ReplayError: A file cannot be used.
        """
        read = criteria.load(criteria_path) if criteria_path else criteria.Criteria([], Needed())
        self._criteria, self._needed = read.criteria, read.needed
        self._baseline_path = baseline_path
        self._baseline = baseline.load(baseline_path) if baseline_path else None

    def check_names(self, classes: Sequence[str], topics: Sequence[str]) -> None:
        """Check the criteria's names against what a replay measures.

        Args:
            classes: Classes of the network.
            topics: The cameras.

        Raises:
            CriteriaError: A criterion names no measure.
        """
        keys = {
            "per_class": classes,
            "cameras": topics,
            "latency_ms": TIMED,
            "metrics": baseline.COMPARED,
        }
        known = [*records.numbers(Metrics, keys), *records.numbers(LatencyRecord, keys)]
        if self._baseline:
            compared = records.numbers(Comparison, keys)
            known += [f"{criteria.COMPARED}{name.removeprefix('metrics.')}" for name in compared]
        criteria.check_names(self._criteria, known)

    def judge(self, metrics: Metrics, latency: LatencyRecord, results: Path) -> Verdict:
        """Return the verdict.

        Args:
            metrics: What was measured.
            latency: How long it took.
            results: The lines of every image.

        Raises:
            ReplayError: The baseline cannot be compared with.
        """
        compared = None
        if self._baseline:
            compared = self._compared(self._baseline, baseline.Side.of(metrics, latency), results)
        measured = everything(metrics, latency, compared)
        spans = metrics.evaluation.spans
        checks = [
            criterion.check(measured, basis(criterion.metric, spans), self._needed)
            for criterion in self._criteria
        ]
        if checks and metrics.recording.seconds > LONGEST_S:
            checks.append(_too_long(metrics.recording.seconds))
        if metrics.recording.frames and not metrics.recording.answered:
            checks.append(_nothing(metrics.recording.frames))
        judged = _result(checks)
        summary = _summary(checks, judged)
        recording = metrics.recording
        result = INCOMPLETE if recording.cuts and judged != FAILED else judged
        if recording.cuts:
            summary += "; the recording is cut short"
        shortfalls = [str(cut) for cut in recording.cuts]
        if recording.messages_lost:
            shortfalls.append(f"the recorder counted {recording.messages_lost} lost messages")
        passed = {PASSED: True, FAILED: False}.get(result)
        return Verdict(passed, result, summary, shortfalls, checks, compared)

    def _compared(self, before: baseline.Side, now: baseline.Side, results: Path) -> Comparison:
        assert self._baseline_path is not None
        compared = baseline.compare(before, now)
        earlier = self._baseline_path.with_name(results.name)
        if not earlier.is_file():
            return replace(compared, remark=f"there is no {results.name} beside the baseline")
        try:
            found = differences(earlier, results)
        except records.RecordError as error:  # the measures are compared all the same
            return replace(compared, remark=one_line(error))
        remark = "" if found else "the baseline is of other images"
        return replace(compared, differences=found, remark=remark)


def _too_long(seconds: float) -> Check:
    """Return a failed check for a recording that is too long for reliable results."""
    return Check(
        "recording.seconds", f"<= {LONGEST_S:g}", seconds, False, DOES_NOT_HOLD,
        "is longer than anybody records: a clock was set meanwhile", spans=None, classes=None,
    )  # fmt: skip


def _nothing(frames: int) -> Check:
    """Return a failed check for a recording of whose images none was processed."""
    return Check(
        "recording.answered", "> 0", 0.0, False, DOES_NOT_HOLD,
        f"is 0: none of {frames} images could be processed", spans=None, classes=None,
    )  # fmt: skip


def _result(checks: Sequence[Check]) -> str:
    found = {check.result for check in checks}
    if DOES_NOT_HOLD in found:
        return FAILED
    if NOT_ENOUGH in found:
        return NOT_ENOUGH
    return PASSED if checks else NO_CRITERIA


def _summary(checks: Sequence[Check], result: str) -> str:
    if result == NO_CRITERIA:
        return "no criteria were given"
    if result == PASSED:
        return f"all {len(checks)} criteria hold"
    kinds = ((DOES_NOT_HOLD, "do not hold"), (NOT_ENOUGH, "cannot be judged, not enough labels"))
    parts = []
    for kind, words in kinds:
        names = [check.metric for check in checks if check.result == kind]
        if names:
            parts.append(f"{len(names)} of {len(checks)} criteria {words}: {', '.join(names)}")
    return "; ".join(parts)


def everything(
    metrics: Metrics, latency: LatencyRecord, compared: Comparison | None
) -> Mapping[str, Any]:
    """Return everything a criterion can name, by the first part of its name."""
    rows = {**vars(compared), **compared.metrics} if compared else {}
    return {**vars(latency), **vars(metrics), "baseline": rows}
