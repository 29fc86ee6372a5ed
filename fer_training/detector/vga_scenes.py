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

"""VGA scenes for measuring: FER2013 faces of one size and tilt put into photos without faces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

WIDTH, HEIGHT = 640, 480
PLACES = ((0.27, 0.28), (0.73, 0.28), (0.27, 0.72), (0.73, 0.72))
"""Middles of the faces in shares of the scene, before each moves a little."""

BOX = (0.5, 0.526, 0.81, 1.02)
"""Where YuNet's median box lies in a crop: middle x, y, width, height in crop sides."""


@dataclass(frozen=True)
class Scene:
    """A picture and the places of its crops."""

    image: Image
    """(480, 640) grey."""
    rows: NDArray[np.int64]
    """(F,) of the data set."""
    boxes: Floats
    """(F, 4) x, y, width, height as YuNet would draw them upright [pixels]."""
    middles: Floats
    """(F, 2) of the crops [pixels]."""
    size: int
    """Side of the crops [pixels]."""
    tilts: Floats
    """(F,) counter-clockwise as seen [degrees]."""

    def placed(self, points: Floats) -> Floats:
        """Return points of the crops, (F, K, 2) in crop sides, in pixels of the scene."""
        turn = np.radians(self.tilts)
        cosine, sine = np.cos(turn), np.sin(turn)
        maps = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], -2)
        offsets = np.einsum("fij,fkj->fki", maps, points - 0.5)
        return np.asarray(self.middles[:, None] + self.size * offsets)


def scenes(
    crops: NDArray[np.uint8],
    rows: Sequence[int],
    backgrounds: Sequence[Image],
    size: int,
    tilt: float = 0.0,
    seed: int = 0,
) -> Iterator[Scene]:
    """Yield scenes of four faces each.

    Args:
        crops: (N, 48, 48) grey.
        rows: Which crops are shown, each once.
        backgrounds: Grey photos without faces, taken in turn.
        size: Side of a crop in the scene [pixels].
        tilt: Turn of the faces [degrees], to the left and right in turn.
        seed: Decides places and parts of the photos.
    """
    rng = np.random.default_rng((seed, size, round(tilt)))
    for n, start in enumerate(range(0, len(rows), len(PLACES))):
        picture = vga(backgrounds[n % len(backgrounds)], rng)
        own = np.asarray(rows[start : start + len(PLACES)])
        boxes, middles, tilts = [], [], []
        for k, (row, place) in enumerate(zip(own, PLACES)):
            middle = np.array(place) * (WIDTH, HEIGHT) + rng.uniform(-15, 15, 2)
            turn = tilt if (n + k) % 2 else -tilt
            boxes.append(put(picture, crops[row], middle, size, turn))
            middles.append(middle)
            tilts.append(turn)
        yield Scene(picture, own, np.array(boxes), np.array(middles), size, np.array(tilts))


def vga(photo: Image, rng: np.random.Generator) -> Image:
    """Return a part of a grey photo as a scene, scaled to cover it."""
    scale = max(WIDTH / photo.shape[1], HEIGHT / photo.shape[0]) * rng.uniform(1.0, 1.3)
    size = (math.ceil(photo.shape[1] * scale), math.ceil(photo.shape[0] * scale))
    large = cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR)
    x, y = rng.integers(0, size[0] - WIDTH + 1), rng.integers(0, size[1] - HEIGHT + 1)
    return np.asarray(large[y : y + HEIGHT, x : x + WIDTH], np.uint8).copy()


def put(
    picture: Image, crop: Image, middle: NDArray[np.float64], size: int, tilt: float
) -> tuple[float, float, float, float]:
    """Blend a crop in with a soft oval rim; return the box of its face."""
    smooth = cv2.INTER_AREA if size < crop.shape[0] else cv2.INTER_CUBIC
    face = cv2.resize(crop, (size, size), interpolation=smooth)
    centre = (size - 1) / 2
    matrix = np.asarray(cv2.getRotationMatrix2D((centre, centre), tilt, 1.0), np.float64)
    matrix[:, 2] += middle - centre
    y, x = np.mgrid[:size, :size] / centre - 1
    cover = np.clip((1.06 - np.sqrt(np.square(x / 0.97) + np.square(y))) / 0.15, 0, 1)
    frame = (picture.shape[1], picture.shape[0])
    placed = cv2.warpAffine(face, matrix, frame, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(cover.astype(np.float32), matrix, frame)
    blended = picture + mask * (placed.astype(np.float32) - picture)
    picture[:] = np.rint(blended).astype(np.uint8)
    offset = matrix[:, :2] @ np.array([(BOX[0] - 0.5) * size, (BOX[1] - 0.5) * size])
    width, height = np.hypot(*(matrix[:, :2] * (BOX[2] * size, BOX[3] * size)).T)
    x0, y0 = middle + offset - np.array([width, height]) / 2
    return float(x0), float(y0), float(width), float(height)
