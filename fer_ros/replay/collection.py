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

"""Summary of several replays: one summary, one verdict, one page of links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from fer_ros.replay import records
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.judge import scores
from fer_ros.replay.judge.basis import rests_on
from fer_ros.replay.parallel import Finished
from fer_ros.replay.results import SCHEMA, Metrics, Scores
from fer_ros.replay.verdicts import Summary, SummaryRow, Verdict
from fer_ros.replay.write import charts, history, junit, output, page, report, summary_charts
from fer_ros.replay.write.page import formatted

SUMMARY, INDEX = "summary.json", "index.html"


@dataclass(frozen=True)
class _Replayed:
    """One recording and its results."""

    name: str
    """Of its folder."""
    finished: Finished
    metrics: Metrics | None = None
    verdict: Verdict | None = None


def write(folder: Path, finished: Sequence[Finished]) -> Summary:
    """Write ``summary.json``, ``junit.xml`` and ``index.html`` over finished replays.

    Args:
        folder: Their common output folder.
        finished: Outcomes of the jobs.

    Returns:
        The content of ``summary.json``.

    Raises:
        ReplayError: A result is not there, or damaged.
    """
    replayed = [_read(entry) for entry in finished]
    metrics = [entry.metrics for entry in replayed if entry.metrics]
    summary = Summary([_row(entry) for entry in replayed], _pooled(metrics))
    verdicts = {entry.name: entry.verdict for entry in replayed if entry.verdict}
    errors = {e.name: e.finished.error for e in replayed if e.finished.outcome is None}
    folder.mkdir(parents=True, exist_ok=True)
    records.write(folder / SUMMARY, summary)
    (folder / output.JUNIT).write_text(junit.render(verdicts, errors), encoding="utf-8")
    (folder / INDEX).write_text(_page(replayed, summary), encoding="utf-8")
    return summary


def _read(finished: Finished) -> _Replayed:
    name, out = finished.job.out.name, finished.job.out
    if finished.outcome is None:
        return _Replayed(name, finished)
    metrics = records.read(out / output.METRICS, Metrics, SCHEMA)
    return _Replayed(name, finished, metrics, records.read(out / output.VERDICT, Verdict))


def _row(entry: _Replayed) -> SummaryRow:
    metrics, verdict = entry.metrics, entry.verdict
    if metrics is None or verdict is None:
        return SummaryRow(entry.name, one_line(entry.finished.error), *[None] * 5)
    return SummaryRow(
        recording=entry.name,
        error=None,
        passed=verdict.passed,
        result=verdict.result,
        accuracy=metrics.accuracy,
        interval=metrics.evaluation.intervals.accuracy,
        rests_on=metrics.evaluation.rests_on,
        frames=metrics.recording.frames,
    )


def _pooled(metrics: Sequence[Metrics]) -> Scores | None:
    """Return the scores over the frames of all replays that know the same classes."""
    classes = {tuple(own.run.classes) for own in metrics}
    if len(classes) != 1:
        return None
    matrix = sum(np.array(own.evaluation.frame.confusion, np.int64) for own in metrics)
    return scores.summary(np.asarray(matrix), classes.pop())


def _page(replayed: Sequence[_Replayed], summary: Summary) -> str:
    failed = sum(row.error is not None for row in summary.recordings)
    count = len(summary.recordings)
    return page.render(
        "index.html",
        title="Replays",
        subtitle=f"{count - failed} of {count} recordings were replayed.",
        width=charts.WIDTH,
        rows=[_shown(entry, row) for entry, row in zip(replayed, summary.recordings)],
        pooled=_shown_pooled(replayed, summary.pooled),
    )


def _shown(entry: _Replayed, row: SummaryRow) -> dict[str, Any]:
    outcome = entry.finished.outcome
    if row.error is not None or outcome is None or row.rests_on is None or row.interval is None:
        return {
            "name": shown(entry.name), "link": "", "kind": "bad", "verdict": "not replayed",
            "frames": "", "accuracy": "", "interval": "", "basis": "", "points": [],
            "note": row.error,
        }  # fmt: skip
    word, kind = report.WORDS.get(row.result or "", ("no verdict", "none"))
    earlier, _ = history.read(entry.finished.job.out / output.HISTORY)
    warned = len(outcome.warnings)
    return {
        "name": shown(entry.name),
        "link": f"{quote(entry.name)}/{output.REPORT}",
        "kind": {"passed": "good", "failed": "bad"}.get(kind, kind),
        "verdict": word,
        "frames": row.frames,
        "accuracy": formatted(row.accuracy, "share"),
        "interval": report.interval_text(row.interval),
        "basis": report.rests_text(row.rests_on) if row.rests_on.spans else "no labels",
        "points": summary_charts.history_chart(earlier) if earlier else [],
        "note": f"{warned} warning{'' if warned == 1 else 's'}" if warned else "",
    }


def _shown_pooled(replayed: Sequence[_Replayed], pooled: Scores | None) -> dict[str, Any] | None:
    if pooled is None or not pooled.count:
        return None
    spans = [s for entry in replayed if entry.metrics for s in entry.metrics.evaluation.spans]
    row = [
        "frame, published label", str(pooled.count), formatted(pooled.accuracy, "share"),
        formatted(pooled.balanced_accuracy, "share"), formatted(pooled.macro_f1, "number"),
        formatted(pooled.coverage, "share"),
    ]  # fmt: skip
    return {"words": f"They rest on {report.rests_text(rests_on(spans))}.", "rows": [row]}
