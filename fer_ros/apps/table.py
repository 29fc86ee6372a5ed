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

"""Live tables in a terminal; plain lines where the output is none.

Strings of messages reach the table through :func:`plain` only: they may look like markup, or hold
control characters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.palette import PALETTE
from fer_ros.perception.strings import shortened
from fer_ros.perception.types import Box, FaceEmotion

_BAR = 20
"""Width of the bar that shows a probability [characters]."""

_PLAIN_PERIOD = 2.0
"""Where the output is no terminal, the table is printed this often [s]."""

_FACES_WIDTH = 80
"""Line from which a row of the faces fits in full [characters]."""

_PLAIN_WIDTH = 120
"""Where the output is no terminal, lines are this long [characters]."""

MOST_ROWS = 100
"""Rows of a table; more are only counted."""

_CELL = 100
"""Longest string of a cell [characters]."""


def console_for(out: TextIO) -> Console:
    """Return a console as wide as a terminal, else of a fixed width."""
    return Console(file=out, width=None if out.isatty() else _PLAIN_WIDTH)


class LiveTable:
    """Shows something in place on a terminal, and as lines once in a while anywhere else."""

    def __init__(self, out: TextIO) -> None:
        self._console = console_for(out)
        self._live = Live(console=self._console, auto_refresh=False) if out.isatty() else None
        self._printed = 0.0

    @property
    def width(self) -> int:
        """Of a line [characters]."""
        return self._console.width

    def show(self, *parts: RenderableType) -> None:
        """Replace what was shown before."""
        if self._live is not None:
            self._live.update(Group(*parts), refresh=True)
        elif time.monotonic() - self._printed >= _PLAIN_PERIOD:
            self._printed = time.monotonic()
            self._console.print(*parts, sep="\n")

    def __enter__(self) -> LiveTable:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()


def plain(text: str, most: int = _CELL, style: str = "") -> Text:
    """Return an untrusted string for display: no markup, no control characters, not too long."""
    return Text(shortened(text, most), style=style)


def columns(*heads: str) -> Table:
    """Return an empty table without lines; a head that ends in ``>`` names numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(
            head.removesuffix(">"), justify="right" if head.endswith(">") else "left", no_wrap=True
        )
    return table


def faces_table(
    faces: Sequence[FaceEmotion], labels: Sequence[str], width: int
) -> RenderableType:  # fmt: skip
    """Return one row a face, from left to right; names the second-best class too.

    Args:
        faces: Whom to show; of many only the first :data:`MOST_ROWS`.
        labels: The classes of their probabilities.
        width: Of a line [characters]; a narrow one has no room for boxes and second classes.
    """
    if not faces:
        return Text("nobody", style="dim")
    wide = width >= _FACES_WIDTH
    heads = ("track", "box", "label", "confidence", ">", "second")
    table = columns(*(head for head in heads if wide or head not in ("box", "second")))
    for face in sorted(faces, key=lambda face: face.face.box.x)[:MOST_ROWS]:
        first, second = _ranked(face, labels)
        certain = face.label != UNCERTAIN
        cells = [
            plain(face.label, style=PALETTE.get(face.label, "")),
            Text(_bar(face.confidence)) if certain else plain(f"perhaps {first}", style="dim"),
            Text(f"{face.confidence:.0%}"),
        ]
        if wide:
            cells = [Text(_place(face.face.box)), *cells, plain(second)]
        table.add_row(plain(face.track_id), *cells)
    more = len(faces) - MOST_ROWS
    return table if more <= 0 else Group(table, Text(f"and {more} more", style="dim"))


def _ranked(face: FaceEmotion, labels: Sequence[str]) -> tuple[str, str]:
    """Return the best class, and the second with its probability, as far as there are some."""
    order = face.smoothed[: len(labels)].argsort()[::-1]
    first = labels[order[0]] if len(order) else "?"
    second = f"{labels[order[1]]} {face.smoothed[order[1]]:.0%}" if len(order) > 1 else ""
    return first, second


def _place(box: Box) -> str:
    return f"{box.width:.0f}x{box.height:.0f} at {box.x:.0f},{box.y:.0f}"


def _bar(part: float) -> str:
    filled = round(min(max(part, 0.0), 1.0) * _BAR) if math.isfinite(part) else 0
    return "#" * filled + "." * (_BAR - filled)
