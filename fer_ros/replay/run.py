"""One recording from end to end: replay it, judge it, report it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from fer_ros.replay.judge import verdict
from fer_ros.replay.playback import Progress, Session
from fer_ros.replay.request import Job
from fer_ros.replay.write import junit, output, report
from fer_ros.transport.bag import BagReader


@dataclass(frozen=True)
class Outcome:
    """How a replay ended."""

    out: Path
    passed: bool | None
    """None when there are no criteria."""
    summary: str


def replay(job: Job, progress: Progress, resume: bool = False) -> Outcome:
    """Replay one recording into its output folder.

    Args:
        job: What to do.
        progress: Told now and then how far it is.
        resume: Whether a finished folder of the same job is kept as it is.

    Raises:
        ReplayError: Something about the job is wrong, or the disk is full.
        BagError: The recording cannot be read, or no result written.
        ModelError: A network or detector file cannot be used.
        ParameterError: A parameter is unknown or out of range.
    """
    reader = BagReader(job.bag)
    digest = job.digest(reader)
    if resume:
        finished = _finished(job.out, digest)
        if finished is not None:
            return finished
        # Another job's result must not be taken for this one's; it is replaced when this is whole.
        job = replace(job, replace=True)
    judge = verdict.Judge(job.criteria, job.baseline)
    with output.whole_folder(job.out, job.replace) as folder:
        session = Session(job, reader, folder, progress)
        judge.check_names(*session.empty_results())
        metrics, latency = session.go()
        judged = judge.judge(metrics, latency)
        output.write_json(folder / output.METRICS, metrics)
        output.write_json(folder / output.LATENCY, latency)
        output.write_json(folder / output.VERDICT, judged)
        page = report.render(metrics, latency, judged, session.timeline, session.worst_mistakes)
        (folder / output.REPORT).write_text(page, encoding="utf-8")
        (folder / output.JUNIT).write_text(junit.render({job.bag.name: judged}), encoding="utf-8")
        same = (output.RESULTS, output.TRACKS, output.METRICS, f"{output.BAG}/{output.BAG}.mcap")
        facts = {
            "job_sha256": digest,
            "passed": judged["passed"],
            "summary": judged["summary"],
            "sha256": {name: output.file_digest(folder / name) for name in same},
        }
        output.write_json(folder / output.RUN, facts)
    return Outcome(job.out, judged["passed"], judged["summary"])


def _finished(folder: Path, digest: str) -> Outcome | None:
    try:
        facts = json.loads((folder / output.RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if facts.get("job_sha256") != digest:
        return None
    return Outcome(folder, facts["passed"], f"{facts['summary']} (finished before)")
