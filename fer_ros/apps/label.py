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

"""``fer-ros label``: a file, or a page, in which a person says what the faces of a bag show."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fer_ros.apps.hints import check_parameters
from fer_ros.apps.replay import NODE, progress_bar, terminable
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.labelling import LABELS, PAGE, LabelJob, write_label_file
from fer_ros.replay.parallel import FAILURES
from fer_ros.transport.arguments import RosArgs


def add_parser(subparsers: Any) -> None:
    """Add the ``label`` command."""
    parser = subparsers.add_parser(
        "label",
        description="Finds the faces of a recording and writes DIR/labels.csv with a row for each "
        "stretch in which the pipeline sees one expression: start, end, box, a blank label, and a "
        "strip of small pictures with their times. --page adds DIR/label.html, a page in which a "
        "person clicks through the rows and saves the file. The pictures show faces: keep the "
        "folder as you keep the recording.",
    )
    add = parser.add_argument
    add("bag", type=Path, metavar="BAG", help="rosbag2 folder, .mcap or .db3 file")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    add("--page", action="store_true", help="write a page to label in, which needs no server")
    add("--topic", action="append", default=[], metavar="NAME", help="camera topic; repeatable")
    add("--shortest", type=float, default=0.5, metavar="S", help="leave shorter tracks out, and "
        "do not split at shorter changes [s] (default: 0.5)")  # fmt: skip
    add("--whole-tracks", action="store_true", help="one row per track, however it changes")
    add("--overwrite", action="store_true", help="replace the content of the output folder")
    parser.set_defaults(func=_label)


def _label(args: argparse.Namespace, ros_args: RosArgs) -> int:
    check_parameters(ros_args, NODE)
    with terminable():
        try:
            job = LabelJob(
                bag=args.bag,
                out=args.out,
                topics=tuple(args.topic),
                parameters=ros_args.parameters(NODE),
                shortest=args.shortest,
                split=not args.whole_tracks,
                page=args.page,
                replace=args.overwrite,
            )
            with progress_bar() as progress:
                result = write_label_file(job, progress)
        except FAILURES as error:
            print(f"fer-ros label: {one_line(error)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("fer-ros label: interrupted; nothing was written", file=sys.stderr)
            return 130
    bag = shown(args.bag, 200)
    for text in result.warnings:
        print(f"fer-ros label: warning: {bag}: {one_line(text)}", file=sys.stderr)
    out = shown(args.out / LABELS, 200)
    print(f"{bag}: {result.rows} rows of {result.tracks} tracks -> {out}", end="; ")
    print(f"open {shown(args.out / PAGE, 200)}" if args.page else "fill in the column 'label'")
    return 0
