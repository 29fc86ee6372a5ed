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


"""Terminal output of ``fer-ros replay --baseline``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from rich.table import Table

from fer_ros.apps.table import console_for, plain
from fer_ros.replay.verdicts import Comparison
from fer_ros.replay.write import compared as words
from fer_ros.replay.write.page import Marked


def show(compared: Comparison, out: TextIO) -> None:
    """Print where two replays differ, and which is right by the labels."""
    console = console_for(out)
    against = f"against {compared.bag} with {compared.model_id}"
    console.print(plain(against, 500, "bold"))
    if found := compared.differences:
        for sentence in words.words(found):
            console.print(plain(sentence, 500))
        if found.changes:
            changes = words.change_heads(found), words.change_rows(found)
            console.print(_table("labels that differ", *changes))
            console.print(
                _table("longest stretches", words.STRETCH_HEADS, words.stretch_rows(found))
            )
    if compared.remark:
        console.print(plain(compared.remark, 500))
    if measured := words.measures(compared):
        console.print(_table("measures", words.MEASURE_HEADS, measured))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for head in heads:
        table.add_column(head.lstrip("#"), justify="right" if head.startswith("#") else "left")
    for row in rows:
        table.add_row(*(plain(cell.text if isinstance(cell, Marked) else cell) for cell in row))
    return table
