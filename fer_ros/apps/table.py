"""Live tables in a terminal; plain lines where the output is none."""

from __future__ import annotations

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
from fer_ros.perception.types import FaceEmotion

_BAR = 20
"""Width of the bar that shows a probability [characters]."""

_PLAIN_PERIOD = 2.0
"""Where the output is no terminal, the table is printed this often [s]."""

_PLAIN_WIDTH = 120
"""Where the output is no terminal, lines are this long [characters]."""


class LiveTable:
    """Shows something in place on a terminal, and as lines once in a while anywhere else."""

    def __init__(self, out: TextIO) -> None:
        terminal = out.isatty()
        self._console = Console(file=out, width=None if terminal else _PLAIN_WIDTH)
        self._live = Live(console=self._console, auto_refresh=False) if terminal else None
        self._printed = 0.0

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


def columns(*heads: str) -> Table:
    """Return an empty table without lines; a head that ends in ``>`` names numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(
            head.removesuffix(">"), justify="right" if head.endswith(">") else "left", no_wrap=True
        )
    return table


def faces_table(faces: Sequence[FaceEmotion], labels: Sequence[str]) -> RenderableType:
    """Return one row a face, from left to right; names the second-best class too."""
    if not faces:
        return Text("nobody", style="dim")
    table = columns("track", "box", "label", "confidence", ">", "second")
    for face in sorted(faces, key=lambda face: face.face.box.x):
        box = face.face.box
        order = face.smoothed.argsort()[::-1]
        second = f"{labels[order[1]]} {face.smoothed[order[1]]:.0%}" if len(order) > 1 else ""
        certain = face.label != UNCERTAIN
        table.add_row(
            face.track_id,
            f"{box.width:.0f}x{box.height:.0f} at {box.x:.0f},{box.y:.0f}",
            Text(face.label, style=PALETTE.get(face.label, "")),
            _bar(face.confidence) if certain else Text(f"perhaps {labels[order[0]]}", style="dim"),
            f"{face.confidence:.0%}",
            second,
        )
    return table


def _bar(part: float) -> str:
    filled = round(min(max(part, 0.0), 1.0) * _BAR)
    return "#" * filled + "." * (_BAR - filled)
