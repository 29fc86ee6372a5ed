"""A live table of faces in a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import TextIO

from fer_ros.perception.types import FaceEmotion

_BAR = 20
"""Width of the bar that shows a probability [characters]."""

_PLAIN_PERIOD = 2.0
"""Where the output is no terminal, the table is printed this often [s]."""


class LiveTable:
    """Shows rows in place on a terminal, and once in a while anywhere else."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._drawn = 0
        self._printed = 0.0

    def show(self, rows: Sequence[str]) -> None:
        """Replace the rows shown before."""
        if not self._out.isatty():
            if time.monotonic() - self._printed >= _PLAIN_PERIOD:
                self._printed = time.monotonic()
                self._out.write("\n".join(rows) + "\n")
                self._out.flush()
            return
        width = shutil.get_terminal_size().columns
        up = f"\x1b[{self._drawn}A\r" if self._drawn else ""
        self._out.write(up + "\x1b[J" + "\n".join(row[: width - 1] for row in rows) + "\n")
        self._out.flush()
        self._drawn = len(rows)


def face_rows(faces: Sequence[FaceEmotion], labels: Sequence[str]) -> list[str]:
    """Return one row per face under a heading; names the second-best class too."""
    rows = [f"  {'track':<10} {'box':<19} {'label':<10} {'':<{_BAR + 5}} second"]
    for face in sorted(faces, key=lambda face: face.face.box.x):
        box = face.face.box
        place = f"{box.width:.0f}x{box.height:.0f} at {box.x:.0f},{box.y:.0f}"
        order = face.smoothed.argsort()[::-1]
        second = f"{labels[order[1]]} {face.smoothed[order[1]]:.0%}"
        filled = round(face.confidence * _BAR)
        bar = "#" * filled + "." * (_BAR - filled)
        rows.append(
            f"  {face.track_id:<10} {place:<19} {face.label:<10} {bar} {face.confidence:>4.0%} "
            f"{second}"
        )
    if not faces:
        rows.append("  nobody")
    return rows
