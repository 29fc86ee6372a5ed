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

"""``fer-ros read``: pictures, videos, webcams and recordings in; tables and pictures out."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_ros.apps.hints import check_parameters
from fer_ros.apps.read_run import Run, Wanted
from fer_ros.reading.drawing import PICTURE_ENDINGS, VIDEO_ENDINGS
from fer_ros.reading.errors import ReadError
from fer_ros.reading.finding import Kind, Source, find
from fer_ros.reading.pool import read_here, read_in_processes
from fer_ros.reading.reader import Reader, check_times
from fer_ros.reading.tables import TABLES
from fer_ros.replay.read.source import image_topics
from fer_ros.runtime.settings import PerceptionSettings, table
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.bag import BagReader

_NODE = "/fer"

_EPILOG = """\
examples:
  fer-ros read talk.mp4 --out talk.csv --out talk-faces.mp4
  fer-ros read people.jpg
  fer-ros read photos/ --out photos.parquet --faces faces/ --jobs 4
  fer-ros read photos/ --out photos.parquet --faces faces/ --jobs 4 --resume
  fer-ros read talk.mp4 --every 0.2 --from 60 --to 120 --out minute.jsonl
  fer-ros read 0 --to 30 --out webcam.csv

The frames of a video, a webcam or a recording follow one another: their faces are tracked and
smoothed. Pictures are read each by itself. docs/results.md names the columns.

exit status: 0 all was read, 2 something could not be read (the rest was) or written, 3 a video or
recording is cut short or damaged (what is whole was read), 130 interrupted
"""


def add_parser(subparsers: Any) -> None:
    """Add the ``read`` command."""
    parser = subparsers.add_parser(
        "read",
        description="Reads the expressions of faces in pictures, folders of them, videos, a webcam "
        "and recordings, and writes tables, annotated pictures and videos. Without an output it "
        "shows what it finds.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="picture, video, folder, quoted glob, "
        "recording (.mcap, .db3 or its folder), or a webcam's number")  # fmt: skip
    add("--out", action="append", default=[], type=Path, metavar="FILE", help="write a table "
        f"({', '.join(TABLES)}), or the only source with its faces drawn in "
        f"({', '.join(VIDEO_ENDINGS)}; {', '.join(PICTURE_ENDINGS)}); repeatable")  # fmt: skip
    add("--annotated", type=Path, metavar="DIR", help="write every source here with its faces "
        "drawn in")  # fmt: skip
    add("--faces", type=Path, metavar="DIR", help="write every face here as a picture of its own")
    add("--summary", type=Path, metavar="FILE.json", help="of videos and recordings, also write "
        "what is shown at the end: each person's share of time by expression")  # fmt: skip
    add("--moments", type=Path, metavar="DIR", help="of videos and recordings, write here "
        "a picture of the moment in which each person was surest of each expression")  # fmt: skip
    add("--every", type=float, default=0.0, metavar="S", help="of videos, webcams and recordings, "
        "read one frame in so many seconds (default: every frame)")  # fmt: skip
    add("--from", dest="start", type=float, default=0.0, metavar="S", help="of videos, and of "
        "recordings counted from their first image: begin at this second")  # fmt: skip
    add("--to", dest="end", type=float, default=math.inf, metavar="S", help="end before it")
    add("--topic", action="append", default=[], metavar="NAME", help="of recordings: image topic; "
        "repeatable (default: as fer-ros replay)")  # fmt: skip
    add("--model", action="append", default=[], metavar="NAME", help="emotion network, see fer-ros "
        "models; repeatable")  # fmt: skip
    add("--jobs", type=int, default=1, metavar="N", help="processes that read at once, each its "
        "own sources (default: 1)")  # fmt: skip
    add("--resume", action="store_true", help="keep the rows of an interrupted run, or of an "
        "earlier one, and read what is missing")  # fmt: skip
    add("--overwrite", action="store_true", help="replace files that are there")
    parser.set_defaults(func=_read)


def _read(args: argparse.Namespace, ros_args: RosArgs) -> int:
    check_parameters(ros_args, _NODE)
    check_times(args.every, args.start, args.end)
    if args.jobs < 1:
        raise ReadError("--jobs must be at least 1")
    with stop_signals() as stop:
        found = find(args.sources)
        sources = [_with_topics(source, args.topic) for source in found.sources]
        wanted = Wanted.of(args, sources)
        wanted.check(sources)
        parameters = _of_perception(ros_args)
        if args.model:
            parameters["models"] = tuple(args.model)
        reader = Reader(**parameters)
        run = Run(args, wanted, reader, parameters)
        left = run.begin(sources)
        if found.warning:
            print(f"fer-ros read: warning: {found.warning}", file=sys.stderr)
        if args.jobs > 1 and len(left) > 1 and not run.shown:
            events = read_in_processes(left, parameters, wanted.work, args.jobs, stop)
        else:
            events = read_here(left, reader, wanted.work, stop)
        run.go(left, events)
        interrupted = stop.is_set() and not (left and left[-1].kind is Kind.WEBCAM)
        return run.end(interrupted)


def _of_perception(ros_args: RosArgs) -> dict[str, Any]:
    """Return the parameters of perception; files, which nodes share, may bring others too.

    Raises:
        ReadError: The command line names one that acts on cameras.
    """
    known = table(PerceptionSettings)
    given = dict(ros_args.parameters(_NODE))
    for rule in ros_args.parameter_rules:
        if rule.name not in known and not rule.from_file and rule.name in given:
            raise ReadError(
                f"{rule.name} acts on the node's cameras and not on files; leave it out"
            )
    return {name: value for name, value in given.items() if name in known}


def _with_topics(source: Source, names: Sequence[str]) -> Source:
    if source.kind is not Kind.RECORDING:
        return source
    from dataclasses import replace

    return replace(source, topics=image_topics(BagReader(source.path), names).types)
