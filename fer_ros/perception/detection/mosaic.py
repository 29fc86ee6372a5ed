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

"""Windows of an image side by side in one small picture, searched in one pass.

A pass costs something whatever its size, and windows around faces are small.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_ros.perception.detection.base import FaceDetector, shrink
from fer_ros.perception.detection.candidates import Candidates, suppress
from fer_ros.perception.detection.search_plan import Region
from fer_ros.perception.types import Image

TILE = 96
"""Longer side of a window in the mosaic [detector pixels]."""

RIM = 2
"""A box that comes so near to an inner rim of a window is taken for a cut face [pixels]."""


def grid(count: int) -> tuple[int, int]:
    """Return the columns and rows of a mosaic of `count` tiles, at least 1, with few left empty."""
    least = next(side for side in range(1, count + 1) if side * side >= count)
    columns = min((least, least + 1), key=lambda side: side * -(-count // side))
    return columns, -(-count // columns)


def cost(detector: FaceDetector, count: int) -> float:
    """Return what the search of `count` windows costs, as :meth:`FaceDetector.cost`."""
    if count == 0:
        return 0.0
    columns, rows = grid(count)
    return detector.cost(columns * TILE, rows * TILE, 1.0)


def search(
    detector: FaceDetector, image: Image, windows: Sequence[Region], least: float
) -> Candidates:
    """Return what a detector finds in windows of an image, in pixels of the image.

    Overlapping candidates of one window are merged, and those that an inner rim of their window
    cuts are left out.

    Args:
        detector: That searches.
        image: As :meth:`FaceDetector.candidates` takes it.
        windows: Not empty; their scale is not used.
        least: Least confidence of a candidate [0..1].
    """
    columns, rows = grid(len(windows))
    sizes = [tile_size(window) for window in windows]
    parts = [
        shrink(image[w.y : w.y + w.height, w.x : w.x + w.width], *size)
        for w, size in zip(windows, sizes)
    ]
    if len(parts) == 1:
        picture = parts[0]
    else:
        picture = np.zeros((rows * TILE, columns * TILE, *image.shape[2:]), np.uint8)
        for index, (part, (width, height)) in enumerate(zip(parts, sizes)):
            y, x = index // columns * TILE, index % columns * TILE
            picture[y : y + height, x : x + width] = part
    found: list[list[float]] = []
    for row in suppress(detector.candidates(picture, least, 1.0)).tolist():
        column = min(max(int(row[0] + row[2] / 2) // TILE, 0), columns - 1)
        line = min(max(int(row[1] + row[3] / 2) // TILE, 0), rows - 1)
        index = line * columns + column
        if index < len(windows):
            _place(row, windows[index], sizes[index], (column * TILE, line * TILE))
            if _uncut(row, windows[index], image.shape[1], image.shape[0]):
                found.append(row)
    return np.array(found, np.float32).reshape(-1, 15)


def tile_size(window: Region) -> tuple[int, int]:
    """Return width and height of a window in the mosaic [detector pixels]."""
    longer = max(window.width, window.height)
    return (
        max(round(window.width * TILE / longer), 1),
        max(round(window.height * TILE / longer), 1),
    )


def _place(
    row: list[float], window: Region, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """Bring a candidate from its tile to the image; pixel centres at whole numbers."""
    across, down = window.width / size[0], window.height / size[1]
    left = window.x - 0.5 - (corner[0] - 0.5) * across
    top = window.y - 0.5 - (corner[1] - 0.5) * down
    row[0], row[1] = row[0] * across + left, row[1] * down + top
    row[2], row[3] = row[2] * across, row[3] * down
    for k in range(4, 14, 2):
        row[k], row[k + 1] = row[k] * across + left, row[k + 1] * down + top


def _uncut(row: Sequence[float], window: Region, width: int, height: int) -> bool:
    """Return whether no inner rim of its window cuts a candidate."""
    x, y, across, down = row[:4]
    right, low = window.x + window.width, window.y + window.height
    return (
        (x > window.x + RIM or window.x == 0)
        and (y > window.y + RIM or window.y == 0)
        and (x + across < right - 1 - RIM or right >= width)
        and (y + down < low - 1 - RIM or low >= height)
    )
