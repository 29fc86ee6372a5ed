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

"""Lettering and signs, drawn: small round or framed things that a small network takes for faces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Rng = np.random.Generator

_MOST = 5
_SMALLEST, _LARGEST = 10.0, 90.0
"""Side of a sign [pixels], drawn even on a logarithmic scale."""
_MOST_PRINTS = 4
_LEAST_PRINT, _MOST_PRINT = 8.0, 24.0
"""Height of a line of print [pixels], drawn even on a logarithmic scale."""
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdeghkmnopqrstuvw0123456789&%#@$"))
_FINER = 3
"""Signs are drawn this much larger and brought down, so that their edges are soft."""


def draw(image: Image, boxes: Sequence[tuple[float, float, float, float]], rng: Rng) -> None:
    """Draw some signs onto an image, off the faces.

    Args:
        image: uint8 (H, W), changed in place.
        boxes: Faces: middle x, y, width, height.
        rng: Generator.
    """
    height, width = image.shape
    for _ in range(int(rng.integers(1, _MOST + 1))):
        side = int(math.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST))))
        if side >= min(height, width):
            continue
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        if any(
            abs(x + side / 2 - at_x) < 0.8 * (side + w)
            and abs(y + side / 2 - at_y) < 0.8 * (side + h)
            for at_x, at_y, w, h in boxes
        ):
            continue
        place = image[y : y + side, x : x + side]
        cover, tone = _sign(side, rng)
        own = float(place.mean())
        if abs(tone - own) < 40:
            tone = own + 90 if own < 128 else own - 90
        strength = rng.uniform(0.5, 1.0)
        place[:] = np.clip(place + strength * cover * (tone - place), 0, 255).astype(np.uint8)


def print_lines(image: Image, boxes: Sequence[tuple[float, float, float, float]], rng: Rng) -> None:
    """Print lines of letters of 8 to 24 pixels, as on clothes, screens and signs, off the faces.

    Args:
        image: uint8 (H, W), changed in place.
        boxes: Faces: middle x, y, width, height.
        rng: Generator.
    """
    height, width = image.shape
    for _ in range(int(rng.integers(1, _MOST_PRINTS + 1))):
        high = math.exp(rng.uniform(math.log(_LEAST_PRINT), math.log(_MOST_PRINT)))
        rows, letters = int(rng.integers(1, 5)), int(rng.integers(2, 13))
        wide, tall = round(high * letters * 0.8), round(high * rows * 1.4)
        if wide >= width or tall >= height:
            continue
        x, y = int(rng.integers(width - wide + 1)), int(rng.integers(height - tall + 1))
        if any(
            abs(x + wide / 2 - at_x) < 0.6 * (wide + w)
            and abs(y + tall / 2 - at_y) < 0.6 * (tall + h)
            for at_x, at_y, w, h in boxes
        ):
            continue
        place = image[y : y + tall, x : x + wide]
        cover = _paragraph(wide, tall, rows, letters, rng)
        own = float(place.mean())
        away = rng.uniform(40, 160)
        tone = own + away if own < 128 else own - away
        place[:] = np.clip(place + cover * (tone - place), 0, 255).astype(np.uint8)


def _paragraph(wide: int, tall: int, rows: int, letters: int, rng: Rng) -> NDArray[np.float32]:
    """Return how much lines of print cover, (tall, wide) of 0 to 1."""
    canvas = np.zeros((tall * _FINER, wide * _FINER), np.uint8)
    font, thick = _FONTS[int(rng.integers(len(_FONTS)))], int(rng.integers(1, 5))
    step = canvas.shape[0] / rows
    for row in range(rows):
        word = "".join(rng.choice(_LETTERS, max(letters - int(rng.integers(3)), 1)))
        (length, high), _ = cv2.getTextSize(word, font, 1.0, thick)
        size = min(0.75 * step / high, canvas.shape[1] / length)
        at = (0, int((row + 0.85) * step))
        cv2.putText(canvas, word, at, font, size, 255, thick, cv2.LINE_AA)
    small = cv2.resize(canvas, (wide, tall), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)


def _sign(side: int, rng: Rng) -> tuple[NDArray[np.float32], float]:
    """Return how much a sign covers, (side, side) of 0 to 1, and its tone."""
    large = side * _FINER
    canvas = np.zeros((large, large), np.uint8)
    kind = rng.random()
    if kind < 0.75:
        _frame(canvas, rng)
    if kind < 0.35 or kind >= 0.75:
        _letters(canvas, rng)
    else:
        _strokes(canvas, rng)
    small = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32), float(rng.integers(0, 256))


def _frame(canvas: Image, rng: Rng) -> None:
    """A ring, a disc with a hole for what follows, a box or a polygon."""
    side = canvas.shape[0]
    middle, reach = side // 2, int(side * rng.uniform(0.36, 0.48))
    line = -1 if rng.random() < 0.3 else max(1, int(side * rng.uniform(0.02, 0.1)))
    shape = rng.random()
    if shape < 0.45:
        axes = (reach, int(reach * rng.uniform(0.7, 1.0)))
        cv2.ellipse(canvas, (middle, middle), axes, float(rng.uniform(0, 180)), 0, 360, 255, line)
    elif shape < 0.75:
        low = (middle - reach, middle - int(reach * rng.uniform(0.6, 1.0)))
        cv2.rectangle(canvas, low, (side - low[0], side - low[1]), 255, line)
    else:
        count, turn = int(rng.integers(3, 9)), rng.uniform(0, 2 * math.pi)
        angles = turn + np.arange(count) * 2 * math.pi / count
        points = middle + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
        corners = [points.astype(np.int32)]
        if line < 0:
            cv2.fillPoly(canvas, corners, 255)
        else:
            cv2.polylines(canvas, corners, True, 255, line)


def _letters(canvas: Image, rng: Rng) -> None:
    side = canvas.shape[0]
    word = "".join(rng.choice(_LETTERS, int(rng.integers(1, 5))))
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    thick = max(1, int(side * rng.uniform(0.015, 0.07)))
    (wide, high), _ = cv2.getTextSize(word, font, 1.0, 1)
    size = side * rng.uniform(0.5, 0.9) / max(wide, high)
    at = (int((side - wide * size) / 2), int((side + high * size) / 2))
    cv2.putText(canvas, word, at, font, size, _on(canvas), thick, cv2.LINE_AA)


def _strokes(canvas: Image, rng: Rng) -> None:
    side = canvas.shape[0]
    for _ in range(int(rng.integers(2, 7))):
        a, b = (tuple(int(v) for v in rng.integers(side // 5, side * 4 // 5, 2)) for _ in range(2))
        thick = max(1, int(side * rng.uniform(0.02, 0.12)))
        if rng.random() < 0.6:
            cv2.line(canvas, a, b, _on(canvas), thick, cv2.LINE_AA)
        else:
            cv2.circle(canvas, a, max(1, int(side * rng.uniform(0.03, 0.15))), _on(canvas), -1)


def _on(canvas: Image) -> int:
    """Cover of the canvas' middle: none on a filled one, else full."""
    side = canvas.shape[0]
    return 0 if canvas[side // 2, side // 2] else 255
