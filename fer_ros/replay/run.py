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

"""One recording from end to end: replay it, judge it, report it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from fer_ros.perception.model_store import digest_of
from fer_ros.reading.summary import SourceSummary
from fer_ros.replay import records
from fer_ros.replay.display_text import folder_name, shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge import verdict
from fer_ros.replay.playback import Played, Progress, Session
from fer_ros.replay.read.source import messages_lost
from fer_ros.replay.request import Job
from fer_ros.replay.results import SCHEMA, Metrics
from fer_ros.replay.verdicts import Comparison, HistoryRow, RunRecord, Verdict
from fer_ros.replay.write import folder as folders
from fer_ros.replay.write import history, junit, output, report, sections
from fer_ros.transport.bag import BagReader

_REMEDY = "--resume to keep finished results or --overwrite to replace them"


@dataclass(frozen=True)
class Outcome:
    """How a replay ended."""

    out: Path
    passed: bool | None
    """None when there are no criteria, or not enough labels to tell."""
    result: str
    """As in :class:`fer_ros.replay.verdicts.Verdict`."""
    summary: str
    warnings: tuple[str, ...] = ()
    """What a user should know before believing the results."""
    people: tuple[SourceSummary, ...] = ()
    """What each person showed, a camera each."""
    compared: Comparison | None = None
    """With the baseline, where there is one."""


def replay(job: Job, progress: Progress, resume: bool = False) -> Outcome:
    """Replay one recording into its output folder.

    Args:
        job: What to do.
        progress: Called now and then with the progress.
        resume: Whether a finished folder of the same job is kept as it is.

    Raises:
        ReplayError: Something about the job is wrong, or the disk is full.
        BagError: The recording cannot be read, or no result written.
        ModelError: A network or detector file cannot be used.
        ParameterError: A parameter is unknown or out of range.
    """
    _check_places(job, resume)
    reader = BagReader(job.bag)
    if job.strict:
        _check_whole(reader, BagReader(job.answers) if job.answers else None)
    digest = job.digest(reader)
    with folders.locked(job.out):
        warnings: list[str] = []
        if resume and (job.out / output.RUN).is_file():
            finished, damage = _finished(job.out, digest)
            if finished is not None:
                return finished
            # Another job's result must not be taken for this one's; it is replaced when this is
            # whole.
            job = replace(job, replace=True)
            warnings += filter(None, [damage])
        judge = verdict.Judge(job.criteria, job.baseline)
        earlier, lost = history.read(job.out / output.HISTORY)
        warnings += filter(None, [lost])
        with folders.whole_folder(job.out, job.replace, _REMEDY) as folder:
            session = Session(job, reader, folder, progress)
            judge.check_names(session.classes, session.topics)
            played = session.go()
            record, judged = _write(job, folder, played, judge, earlier, digest)
    summary = f"{_found(played)}; {record.summary}"
    warnings += record.warnings
    return Outcome(
        job.out, record.passed, record.result, summary, tuple(warnings),
        tuple(played.metrics.people), judged.baseline,
    )  # fmt: skip


def _check_whole(reader: BagReader, results: BagReader | None) -> None:
    """Refuse a recording that lacks messages, as far as it shows, and results that do."""
    lost = messages_lost(reader)
    found = [str(cut) for cut in (*reader.cuts, *(results.cuts if results else ()))]
    if lost:
        found.append(f"the recorder counted {lost} lost messages")
    if found:
        raise ReplayError(f"{'; '.join(found)}; leave --strict out to replay what is there")


def _check_places(job: Job, resume: bool) -> None:
    """Check that results neither go into what is read, nor replace it."""
    if job.bag == job.out or job.bag in job.out.parents:
        raise ReplayError(f"{job.out} lies inside the recording; name another --out")
    if not (job.replace or resume):
        return
    for path in (job.bag, job.answers, job.criteria, *job.label_files):
        if path and job.out in path.parents:
            raise ReplayError(
                f"{job.out} holds {path.name}, which this replay reads and would replace; name "
                "another --out"
            )


def _write(
    job: Job,
    folder: Path,
    played: Played,
    judge: verdict.Judge,
    earlier: list[HistoryRow],
    digest: str,
) -> tuple[RunRecord, Verdict]:
    """Judge a replay and write what follows from it."""
    metrics, latency = played.metrics, played.latency
    judged = judge.judge(metrics, latency, folder / output.RESULTS)
    rows = [*earlier, _history_row(job, played, judged)]
    records.write(folder / output.METRICS, metrics)
    records.write(folder / output.LATENCY, latency)
    records.write(folder / output.VERDICT, judged)
    mistakes = [sections.Pictured.of(mistake) for mistake in played.mistakes]
    page = report.render(metrics, latency, judged, played.timeline, mistakes, rows, played.moments)
    (folder / output.REPORT).write_text(page, encoding="utf-8")
    names = {folder_name(job.bag): judged}
    (folder / output.JUNIT).write_text(junit.render(names), encoding="utf-8")
    history.write(folder / output.HISTORY, rows)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    record = RunRecord(
        job_sha256=digest,
        passed=judged.passed,
        result=judged.result,
        summary=judged.summary,
        warnings=metrics.recording.warnings,
        sha256={str(path.relative_to(folder)): digest_of(path) for path in files},
    )
    records.write(folder / output.RUN, record)
    return record, judged


def _history_row(job: Job, played: Played, judged: Verdict) -> HistoryRow:
    metrics, evaluation = played.metrics, played.metrics.evaluation
    spans = [(s.label, s.topic, s.start_ns, s.end_ns) for s in evaluation.spans]
    return HistoryRow(
        finished=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        fer_ros=metrics.run.fer_ros,
        mode=job.mode,
        model_id=metrics.run.model_id,
        detector=metrics.run.detector,
        labels_sha256=hashlib.sha256(repr(spans).encode()).hexdigest(),
        result=judged.result,
        rests_on=evaluation.rests_on,
        accuracy=metrics.accuracy,
        balanced_accuracy=metrics.balanced_accuracy,
        balanced_interval=evaluation.intervals.balanced_accuracy,
        detection_rate=metrics.detection_rate,
        latency_p50_ms=played.latency.latency_ms["total"].p50,
    )


def _found(played: Played) -> str:
    recording, tracks = played.metrics.recording, played.metrics.tracks
    followed = f"{tracks.count} track{'' if tracks.count == 1 else 's'}"
    return f"{recording.answered} of {recording.frames} images answered, {followed}"


def _finished(folder: Path, digest: str) -> tuple[Outcome | None, str]:
    """Return a finished result of the same job, or else what is wrong with what is there."""
    try:
        record = records.read(folder / output.RUN, RunRecord)
    except ReplayError as error:
        return None, f"{error}; replayed anew"
    if record.job_sha256 != digest:
        return None, ""
    for name, expected in record.sha256.items():
        path = folder / name
        if not path.is_file() or digest_of(path) != expected:
            return None, f"{shown(name)} was changed or lost since it was written; replayed anew"
    summary = f"{record.summary} (finished before)"
    metrics = records.read(folder / output.METRICS, Metrics, SCHEMA)
    judged = records.read(folder / output.VERDICT, Verdict)
    return Outcome(
        folder, record.passed, record.result, summary, tuple(record.warnings),
        tuple(metrics.people), judged.baseline,
    ), ""  # fmt: skip
