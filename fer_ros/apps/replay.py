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

"""``fer-ros replay``: recordings in, results, verdict and report out."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fer_ros.apps import read_summary, replay_compared
from fer_ros.apps.hints import check_parameters
from fer_ros.replay import collection
from fer_ros.replay.display_text import folder_name, one_line, shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.parallel import FAILURES, Finished, run_here, run_on_dask, run_one
from fer_ros.replay.playback import Progress
from fer_ros.replay.read import schedule
from fer_ros.replay.request import EVERY, LATEST, RECORDED, Job
from fer_ros.replay.verdicts import FAILED, INCOMPLETE, NOT_ENOUGH
from fer_ros.replay.write.folder import locked
from fer_ros.runtime.signals import ending_signals
from fer_ros.transport.arguments import RosArgs

NODE = "/fer"

ERROR = "error"
_STATUSES = ((ERROR, 2), (FAILED, 1), (NOT_ENOUGH, 3), (INCOMPLETE, 3))
"""Exit statuses by result, the weightiest first."""

_MOST_WARNINGS = 20
"""Warnings of a recording that are written to the console."""

_UPDATE_EVERY = 10
"""Frames between two looks at the clock."""

_REPLAY_EPILOG = """\
examples:
  fer-ros replay drive.mcap --out results
  fer-ros replay drive/ --out results --labels labels.csv --criteria criteria.yaml
  fer-ros replay drive/ --out live --mode latest --worker-from results/latency.json
  fer-ros replay monday/ tuesday/ --out week --jobs 2 --resume
  fer-ros replay drive/ --out results --ros-args -p detection_size:=640

exit status: 0 all criteria hold (or none were given), 1 some do not hold or no image could be
processed, 2 an error, 3 not enough labels to judge by, or a recording that is cut short, 130
interrupted (repeat the command with --resume to go on)
"""


def add_parser(subparsers: Any) -> None:
    """Add the ``replay`` command."""
    parser = subparsers.add_parser(
        "replay",
        description="Reads rosbag2 recordings (folders, .mcap, .db3), processes every frame as the "
        "live node would, and writes results, measures, a verdict and a report. Results, tracks, "
        "measures and the written recording are the same, byte for byte, in every run; measured "
        "times are kept apart, in latency.json.",
        epilog=_REPLAY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bags", nargs="+", type=Path, metavar="BAG", help="rosbag2 folder, .mcap or .db3 file")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    add("--topic", action="append", default=[], metavar="NAME", help="camera topic; repeatable "
        "(default: every topic of images, in one form each, without depth)")  # fmt: skip
    add("--mode", choices=(EVERY, LATEST), default=EVERY, help="process every frame, or only those "
        "a live node of a stated speed would (default: every)")  # fmt: skip
    add("--worker-ms", type=float, metavar="MS", help="time per frame for --mode latest")
    add("--worker-from", type=Path, metavar="FILE", help="take that time, the median, from the "
        "latency.json of an earlier replay")  # fmt: skip
    add("--answers", type=Path, metavar="BAG", help="take the results of a live node from this "
        "recording of its topic instead; matched by the images' stamps")  # fmt: skip
    add("--labels", type=Path, action="append", default=[], metavar="FILE", help="CSV or JSONL of "
        "intervals: start, end, topic, x, y, w, h, label, track; repeatable")  # fmt: skip
    add("--labels-topic", action="append", default=[], metavar="NAME", help="topic of "
        "fer_ros/msg/EmotionLabel (default: all of that type)")  # fmt: skip
    add("--criteria", type=Path, metavar="FILE", help="YAML of thresholds, e.g. accuracy: '>= 0.6'")
    add("--baseline", type=Path, metavar="FILE", help="metrics.json of an earlier replay")
    add("--annotated", action="store_true", help="write images with the faces drawn in as well")
    add("--with-crops", action="store_true", help="show faces of the worst mistakes in the report")
    add("--moments", action="store_true", help="show faces of each person's surest moments in the "
        "report")  # fmt: skip
    add("--strict", action="store_true", help="refuse a recording that is cut short, or in which "
        "the recorder counted lost messages")  # fmt: skip
    add("--jobs", type=int, default=1, metavar="N", help="recordings at once (default: 1)")
    add("--scheduler", metavar="ADDRESS", help="Dask scheduler, e.g. tcp://host:8786")
    add("--resume", action="store_true", help="keep finished results of the same recording, "
        "labels, networks and options")  # fmt: skip
    add("--overwrite", action="store_true", help="replace the content of the output folder")
    parser.set_defaults(func=_replay)


def _replay(args: argparse.Namespace, ros_args: RosArgs) -> int:
    check_parameters(ros_args, NODE)
    ended: list[Finished] = []

    def announce(finished: Finished) -> None:
        ended.append(finished)
        _announce(finished)

    with terminable():
        try:
            jobs = _jobs(args, ros_args)
            with _root_locked(args.out.resolve(), len(jobs)):
                finished = _run(jobs, args, announce)
                if len(jobs) > 1:
                    collection.write(args.out, finished)
        except FAILURES as error:
            _complain(one_line(error))
            return 2
        except KeyboardInterrupt:
            _say_what_is_kept(args, ended)
            return 130
    return _status(finished)


@contextmanager
def _root_locked(out: Path, recordings: int) -> Iterator[None]:
    """Keep other replays of several recordings out of their common folder."""
    if recordings == 1:
        yield
        return
    with locked(out):
        yield


def _say_what_is_kept(args: argparse.Namespace, ended: Sequence[Finished]) -> None:
    kept = [entry.job.out for entry in ended if entry.outcome]
    _complain("interrupted; a recording that was not finished leaves nothing behind")
    for out in kept:
        _complain(f"kept: {shown(out)}")
    if not kept:
        _complain("no recording was finished, so nothing new is kept")
    if len(args.bags) > 1:
        _complain("to go on with the rest, repeat the command with --resume")
    else:
        _complain("to replay it again, repeat the command")


def _complain(text: str) -> None:
    tqdm.write(f"fer-ros replay: {text}", file=sys.stderr)


def _jobs(args: argparse.Namespace, ros_args: RosArgs) -> list[Job]:
    worker_ms = _worker_ms(args)
    if args.answers and (args.mode == LATEST or len(args.bags) > 1):
        raise ReplayError("--answers goes with one recording and without --mode")
    if args.jobs < 1:
        raise ReplayError("--jobs must be at least 1")
    names: set[str] = set()
    jobs = []
    # Resolved, because the workers of a cluster have other working directories.
    for bag in map(Path.resolve, args.bags):
        out = args.out.resolve()
        if len(args.bags) > 1:
            out /= _new_name(folder_name(bag), names)
        jobs.append(
            Job(
                bag=bag,
                out=out,
                topics=tuple(args.topic),
                mode=RECORDED if args.answers else args.mode,
                worker_ms=worker_ms,
                answers=_resolved(args.answers),
                label_files=tuple(map(Path.resolve, args.labels)),
                label_topics=tuple(args.labels_topic),
                criteria=_resolved(args.criteria),
                baseline=_resolved(args.baseline),
                annotated=args.annotated,
                with_crops=args.with_crops,
                moments=args.moments,
                strict=args.strict,
                replace=args.overwrite,
                parameters=ros_args.parameters(NODE),
            )
        )
    return jobs


def _resolved(path: Path | None) -> Path | None:
    return path.resolve() if path else None


def _worker_ms(args: argparse.Namespace) -> float:
    if args.mode != LATEST:
        if args.worker_ms is not None or args.worker_from is not None:
            raise ReplayError("--worker-ms and --worker-from go with --mode latest")
        return 0.0
    if (args.worker_ms is None) == (args.worker_from is None):
        raise ReplayError(
            "--mode latest needs the worker's time: state it with --worker-ms, or replay every "
            "frame first and give --worker-from DIR/latency.json"
        )
    value = args.worker_ms
    if value is None:
        value = schedule.measured_worker_ms(args.worker_from)
    if not 0 < value < 60_000:
        raise ReplayError(f"the worker's time must lie in 0..60000 ms, not {value}")
    return float(value)


def _new_name(name: str, taken: set[str]) -> str:
    """Return a name for an output folder that no earlier recording of this call has."""
    number, unique = 2, name
    while unique in taken:
        number, unique = number + 1, f"{name}-{number}"
    taken.add(unique)
    return unique


def _run(
    jobs: list[Job], args: argparse.Namespace, announce: Callable[[Finished], None]
) -> list[Finished]:
    if args.scheduler:
        return run_on_dask(jobs, args.scheduler, args.resume, announce)
    with progress_bar() as progress:
        if len(jobs) > 1:
            return run_here(jobs, args.jobs, args.resume, progress, announce)
        finished = run_one(jobs[0], args.resume, progress)
    announce(finished)
    return [finished]


def _announce(finished: Finished) -> None:
    bag, outcome = shown(finished.job.bag, 200), finished.outcome
    if outcome is None:
        error = one_line(finished.error)
        _complain(error if bag in error else f"{bag}: {error}")
        return
    for text in outcome.warnings[:_MOST_WARNINGS]:
        _complain(f"warning: {bag}: {one_line(text)}")
    left = len(outcome.warnings) - _MOST_WARNINGS
    if left > 0:
        _complain(f"warning: {bag}: {left} more warnings, in metrics.json and the report")
    with tqdm.external_write_mode(sys.stdout):
        read_summary.show(outcome.people, sys.stdout)
        if outcome.compared is not None:
            replay_compared.show(outcome.compared, sys.stdout)
    out = shown(outcome.out, 200)
    tqdm.write(f"{bag}: {one_line(outcome.summary)} -> {out}", file=sys.stdout)


def _status(finished: Sequence[Finished]) -> int:
    results = [entry.outcome.result if entry.outcome else ERROR for entry in finished]
    return next((status for result, status in _STATUSES if result in results), 0)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a function that shows progress on a terminal, with rate and time left."""
    with tqdm(unit="frame", disable=None, dynamic_ncols=True) as bar:

        def update(done: int, total: int, seconds: float) -> None:
            if bar.disable or (done % _UPDATE_EVERY and done < total):
                return
            bar.total = total
            elapsed = bar.format_dict["elapsed"]
            if elapsed > 0 and done > bar.n:
                bar.set_postfix_str(f"{seconds / elapsed:.1f} x real time", refresh=False)
            bar.update(done - bar.n)

        yield update


@contextmanager
def terminable() -> Iterator[None]:
    """End on SIGTERM and SIGHUP as on Ctrl-C, so that no half-written folder stays.

    SIGINT is set too: a shell lets its background jobs ignore it.
    """
    numbers = ending_signals()
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
