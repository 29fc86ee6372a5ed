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

"""Resampling whose result is the same on every processor.

OpenCV rounds INTER_AREA, INTER_LINEAR and INTER_CUBIC otherwise on ARM than on x86-64: by a grey
level in a few of a thousand, a third and a fifteenth of the pixels. A detector's boxes move by a
pixel for it, and an int8 network's probabilities by up to 0.09. Sums of whole numbers that a double
holds exactly are the same in any order. What OpenCV does equally everywhere is used as it is:
INTER_LINEAR_EXACT, integral images and ``remap`` between whole parts of a pixel.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image

_MOST_PIXELS = (2**31 - 1) // 255
"""Of larger images the sum of all pixels does not fit into 32 bits."""


def area_mean(image: Image, width: int, height: int) -> Image:
    """Shrink an image: each pixel is the mean over the area that it covers.

    Means are differences of the integral image, whose cost hardly depends on the size wanted. It is
    interpolated between whole pixels, with weights that are whole numbers once multiplied by the
    size wanted; so are all sums, and a double holds each of them exactly.

    Args:
        image: uint8, (h, w) or (h, w, 3).
        width: Width wanted [pixels].
        height: Height wanted [pixels].

    Returns:
        uint8, (height, width) or (height, width, 3); halves are rounded to the even grey level.
        Where a side grows, what ``cv2.resize`` makes with INTER_AREA, which may differ by a grey
        level between processors.
    """
    rows, columns = image.shape[:2]
    if height > rows or width > columns:
        grown = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(grown, np.uint8)
    if image.ndim == 3:
        planes = [area_mean(np.asarray(p, np.uint8), width, height) for p in cv2.split(image)]
        return np.asarray(cv2.merge(planes), np.uint8)
    depth = cv2.CV_32S if rows * columns <= _MOST_PIXELS else cv2.CV_64F
    sums = _between(_between(cv2.integral(image, sdepth=depth), height).T, width).T
    sums /= rows * columns
    return np.rint(sums, out=sums).astype(np.uint8)


def _between(running: NDArray[Any], cells: int) -> NDArray[np.float64]:
    """Return the sums of rows over equal cells, times the number of cells.

    Args:
        running: Sums of the first 0, 1, ... rows, whole numbers, shape (rows + 1, columns).
        cells: Number of cells, at most rows.

    Returns:
        Whole numbers, shape (cells, columns).
    """
    first, second, first_part, second_part = _edges(len(running) - 1, cells)
    at = running.take(first, 0) * first_part
    at += running.take(second, 0) * second_part
    return np.asarray(at[1:] - at[:-1])


@lru_cache(maxsize=1024)
def _edges(
    rows: int, cells: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows before and after each edge between cells, and their parts of `cells`."""
    edges = np.arange(cells + 1) * rows
    first = np.minimum(edges // cells, rows - 1)
    part = (edges - first * cells).astype(np.float64)[:, None]
    return first, first + 1, cells - part, part


class Samples(NamedTuple):
    """Evenly spaced places along a side of an image, pixel centres at whole numbers [pixels]."""

    first: float
    step: float
    number: int


_PARTS = 32
"""Of a pixel, to which places are rounded; ``cv2.warpAffine`` of OpenCV 4 does so too."""
_UNIT = 2.0**11
"""Weights of cubic samples are whole numbers that add up to this."""


def cubic(image: Image, across: Samples, down: Samples) -> Image:
    """Sample an image with bicubic interpolation (a = -0.75, as OpenCV); its border is repeated.

    Args:
        image: uint8, (h, w) or (h, w, 3).
        across: Columns.
        down: Rows.

    Returns:
        uint8, (down.number, across.number) or with three channels; halves are rounded to the even
        grey level.
    """
    if image.ndim == 3:
        planes = [cubic(np.asarray(plane, np.uint8), across, down) for plane in cv2.split(image)]
        return np.asarray(cv2.merge(planes), np.uint8)
    padded = cv2.copyMakeBorder(image, 3, 3, 3, 3, cv2.BORDER_REPLICATE).astype(np.float64)
    sums = _weights(down, image.shape[0]) @ padded @ _weights(across, image.shape[1]).T
    sums /= _UNIT**2
    return np.clip(np.rint(sums, out=sums), 0, 255, out=sums).astype(np.uint8)


def _weights(samples: Samples, size: int) -> NDArray[np.float64]:
    """Return what each pixel of a side, padded by 3, adds to each sample [1 / _UNIT]."""
    places = samples.first + samples.step * np.arange(samples.number)
    places = np.rint(places * _PARTS).astype(np.intp)
    first = np.clip(places // _PARTS, -2, size) + 2
    weights = np.zeros((samples.number, size + 6))
    weights[np.arange(samples.number)[:, None], first[:, None] + np.arange(4)] = _kernel()[
        places % _PARTS
    ]
    return weights


@lru_cache(maxsize=1)
def _kernel() -> NDArray[np.float64]:
    """Return the weights of four neighbours for each part of a pixel, shape (_PARTS, 4)."""
    a, part = -0.75, np.arange(_PARTS) / _PARTS
    far, near = np.stack([part + 1, 2 - part]), np.stack([part, 1 - part])
    outer = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a
    inner = ((a + 2) * near - (a + 3)) * near**2 + 1
    weights = np.rint(np.stack([outer[0], inner[0], inner[1], outer[1]], axis=1) * _UNIT)
    weights[np.arange(_PARTS), weights.argmax(axis=1)] += _UNIT - weights.sum(axis=1)
    return weights


def bilinear(image: Image, matrix: NDArray[np.float64], width: int, height: int) -> Image:
    """Sample an image at an affine map of the result's pixels; its border is repeated.

    Args:
        image: uint8, (h, w) or (h, w, 3).
        matrix: Shape (2, 3), from (column, row, 1) of the result to those of the image.
        width: Of the result [pixels].
        height: Of the result [pixels].

    Returns:
        uint8, (height, width) or (height, width, 3). Given places in whole parts of a pixel,
        ``cv2.remap`` computes in whole numbers, in OpenCV 4 and 5.
    """
    u, v = np.arange(width), np.arange(height)[:, None]
    places = matrix[:, :1, None] * u + matrix[:, 1:2, None] * v + matrix[:, 2:, None]
    parts = np.rint(places * _PARTS).clip(-(2**19), 2**19).astype(np.int32)
    x, y = parts % _PARTS
    whole = np.stack([parts[0] // _PARTS, parts[1] // _PARTS], axis=2).astype(np.int16)
    between = (y * _PARTS + x).astype(np.uint16)
    sampled = cv2.remap(image, whole, between, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)
