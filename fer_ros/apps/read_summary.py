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

"""Terminal output of ``fer-ros read`` and ``replay`` on the people of videos and recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.table import Table

from fer_ros.apps.table import console_for, plain
from fer_ros.reading.errors import ReadError
from fer_ros.reading.summary import SourceSummary
from fer_ros.reading.whole import WholeFile

_MOST_PEOPLE = 12
"""People of a source that are shown; more are counted."""


def show(summaries: Sequence[SourceSummary], out: TextIO) -> None:
    """Print a table a source."""
    console = console_for(out)
    for summary in summaries:
        console.print(plain(summary.headline, 500, "bold"))
        if summary.people:
            console.print(_table(summary))
        more = len(summary.people) - _MOST_PEOPLE + summary.more_people
        if more > 0:
            console.print(f"and {more} more, seen for less time")


def _table(summary: SourceSummary) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("track")
    table.add_column("shown, share of the time seen", ratio=1)
    for name in ("uncertain", "changes/min", "quality", "from [s]", "seen [s]", "missing"):
        table.add_column(plain(name), justify="right")
    for person in summary.people[:_MOST_PEOPLE]:
        rate = person.changes_per_minute
        table.add_row(
            plain(person.track),
            plain(person.words),
            f"{person.uncertain:.0%}",
            "-" if rate is None else f"{rate:.0f}",
            f"{person.quality:.2f}",
            f"{person.first - summary.start:.1f}",
            f"{person.seen:.1f}",
            f"{person.missing:.0%}",
        )
    return table


def check(path: Path) -> None:
    """Raise ReadError where a summary could not be written, before hours are spent on it."""
    WholeFile(path).discard()


def write(summaries: Sequence[SourceSummary], path: Path) -> None:
    """Write all as JSON.

    Raises:
        ReadError: It cannot be written.
    """
    document = {"summaries": [summary.to_dict() for summary in summaries]}
    with WholeFile(path) as file:
        try:
            text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
            file.partial.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ReadError(f"cannot write {path}: {error.strerror or error}") from error
