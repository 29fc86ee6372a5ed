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

"""Terminal output of ``fer-ros read`` where no output file is named."""

from __future__ import annotations

from typing import TextIO

import cv2
import numpy as np
from rich.color import Color
from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from fer_ros.apps.table import console_for, faces_table, plain
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.palette import bgr
from fer_ros.perception.types import FaceEmotion
from fer_ros.reading.result import Reading

_PICTURE = 48
"""Width of a picture in the terminal [characters]."""

_ROOM = 110
"""Lines from which a picture fits beside the table [characters]."""


class Shown:
    """Shows pictures beside their faces, and of videos what changes."""

    def __init__(self, out: TextIO, labels: tuple[str, ...]) -> None:
        """Begin.

        Args:
            out: Where to.
            labels: The classes.
        """
        self._console = console_for(out)
        self._labels = labels
        self._source = ""
        self._last: dict[str, str] = {}

    def frame(self, reading: Reading, picture: bool) -> None:
        """Show a frame: of a picture all, of others the faces whose label is new."""
        if picture:
            self._picture(reading)
        else:
            self._changes(reading)

    def close(self) -> None:
        """End a table."""
        self._console.file.flush()

    def _picture(self, reading: Reading) -> None:
        height, width = reading.image.shape[:2]
        self._console.print(plain(f"{reading.source}  {width}x{height}", 500, style="bold"))
        beside = self._console.color_system is not None and self._console.width >= _ROOM
        room = self._console.width - (_PICTURE + 2 if beside else 0)
        table = faces_table(reading.faces, self._labels, room)
        if not beside:
            self._console.print(table)
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_row(_small(reading), table)
        self._console.print(grid)

    def _changes(self, reading: Reading) -> None:
        if reading.source != self._source:
            self._source, self._last = reading.source, {}
            self._console.print(plain(f"{reading.source}: faces whose label is new", 500, "bold"))
        for face in reading:
            if self._last.get(face.track_id) != face.label:
                self._last[face.track_id] = face.label
                self._console.print(self._line(reading, face))

    def _line(self, reading: Reading, face: FaceEmotion) -> RenderableType:
        box = face.face.box
        sure = "" if face.label == UNCERTAIN else f"{face.confidence:.0%}"
        return Text.assemble(
            f"{reading.time or 0.0:12.3f} s  ",
            plain(f"{face.track_id:<10}"),
            plain(f" {face.label:<10}", style=f"bold {_hex(face.label)}"),
            f"{sure:>5}  {box.width:.0f}x{box.height:.0f} at {box.x:.0f},{box.y:.0f}",
        )


def _hex(label: str) -> str:
    blue, green, red = bgr(label)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _small(reading: Reading) -> Text:
    """Return a picture as half blocks, with boxes in the labels' colours."""
    height, width = reading.image.shape[:2]
    scale = _PICTURE / width
    rows = max(round(height * scale / 2) * 2, 2)
    image = cv2.resize(reading.image, (_PICTURE, rows), interpolation=cv2.INTER_AREA)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for face in reading:
        box = face.face.box
        corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
        first, second = ((round(x * scale), round(y * scale)) for x, y in corners)
        cv2.rectangle(image, first, second, bgr(face.label), 1)
    text = Text(no_wrap=True)
    pixels = np.asarray(image, np.uint8)[:, :, ::-1].tolist()
    for upper, lower in zip(pixels[::2], pixels[1::2]):
        for one, other in zip(upper, lower):
            style = Style(color=Color.from_rgb(*one), bgcolor=Color.from_rgb(*other))
            text.append("\u2580", style)
        text.append("\n")
    return text
