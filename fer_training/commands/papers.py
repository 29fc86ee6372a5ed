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

"""Subcommands of ``fer-train`` about the page of results: papers, compare."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ros.apps.command_line import count

if TYPE_CHECKING:
    from fer_training.papers.plan import Job


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    papers = commands.add_parser(
        "papers", help="list the runs that the page of results still needs, or run them"
    )
    papers.add_argument(
        "runs", nargs="*", metavar="RUN", help="only these, as the list names them (default: all)"
    )
    papers.add_argument(
        "--run",
        dest="start",
        action="store_true",
        help="run them at low priority, in runs/; goes on after a stop",
    )
    papers.add_argument("--jobs", type=count, default=1, help="runs side by side, one thread each")
    papers.add_argument(
        "--afresh", action="store_true", help="also what results.csv has from earlier runs"
    )
    papers.add_argument(
        "--measure",
        action="store_true",
        help="time an epoch of every recipe into papers/costs.json",
    )
    papers.set_defaults(run=_papers)

    compare = commands.add_parser(
        "compare", help="write results.csv, RESULTS.md and charts from finished runs, beside them"
    )
    compare.add_argument("runs", type=Path, metavar="RUNS", help="folder with run folders")
    compare.add_argument(
        "--ship",
        action="store_true",
        help="write the repository's own pages instead, keeping their lines of other runs",
    )
    compare.set_defaults(run=_compare)


def _papers(options: argparse.Namespace) -> None:
    from fer_training.papers import costs, plan, queue
    from fer_training.records import provenance

    if options.measure:
        costs.measure(options.runs or plan.recipes(), provenance.processor())
        return
    home = Path()
    jobs = plan.plan(home, queue.lines(home, options.afresh))
    unknown = [name for name in options.runs if name not in {job.folder for job in jobs}]
    if unknown:
        raise ValueError(
            f"nothing is left to run of {', '.join(unknown)}; fer-train papers lists what is"
        )
    if not options.start:
        show([job for job in jobs if not options.runs or job.folder in options.runs])
        return
    queue.lower_priority()
    work = queue.Queue(home, options.jobs, options.runs, options.afresh)
    work.work()
    if work.failed:
        raise ValueError(f"{len(work.failed)} runs failed: {', '.join(work.failed)}; see logs/")


def show(jobs: Sequence[Job]) -> None:
    """Print jobs in their order, with hours of one thread, and the total."""
    if not jobs:
        print("nothing is left to run")
        return
    width = max(len(job.folder) for job in jobs)
    print(f"{'run':{width}}  hours  {'later':>5}  does")
    for job in jobs:
        after = f", after {', '.join(job.needs)}" if job.needs else ""
        rest = f"{job.later:5.1f}" if job.later else "    -"
        print(f"{job.folder:{width}}  {job.hours:5.2f}  {rest}  {job.what}{after}")
    now, later = sum(job.hours for job in jobs), sum(job.later for job in jobs)
    print(
        f"{len(jobs)} runs, at most {now:.1f} hours of one thread, and {later:.1f} to take first "
        "tenths to their ends"
    )


def _compare(options: argparse.Namespace) -> None:
    from fer_training.papers import compare

    if not options.ship:
        ended, others = compare.write_own(options.runs)
        more = f", {others} under way or interrupted" if others else ""
        print(f"{compare.beside(options.runs).page}: {ended} finished runs{more}")
        return
    places = compare.shipped()
    count, left = compare.write(options.runs, places)
    print(f"{places.page}: {count} runs", *left, sep="\n")
