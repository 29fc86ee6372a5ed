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

"""Near-duplicates of photos by difference hashes, and the photos that no training may use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.files import read_text
from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz

Bits = NDArray[np.bool_]

BITS = 256
NEAR = 20
"""Bits in which two photos may differ and still be one, seen by eye on pairs of web photos."""

_WIDTH, _HEIGHT = 17, 16
_ROWS_AT_ONCE = 1024


def difference_hash(image: NDArray[np.uint8]) -> Bits:
    """Return 256 bits of a photo: is a pixel brighter than its right neighbour, row by row.

    Args:
        image: uint8 (H, W) or (H, W, 3) BGR; it is made grey and area-scaled to 17x16 pixels.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray((small[:, :-1] > small[:, 1:]).ravel(), np.bool_)


def excluded(file: Path) -> Bits:
    """Return the hashes, (N, 256), of photos that must not be trained on.

    Args:
        file: A JSON file whose `photos` are hashes as 64 hexadecimal digits, or an npz file of
            photos with `jpeg` and `offset`.

    Raises:
        DatasetError: It is neither.
    """
    if not file.is_file():
        raise DatasetError(f"no file {file} of photos to keep out of the training")
    if file.suffix == ".json":
        digits = json.loads(read_text(file, 512 << 20)).get("photos", [])
        if not digits or any(len(text) != BITS // 4 for text in digits):
            raise DatasetError(f"{file} has no list `photos` of hashes of 64 hexadecimal digits")
        raw = np.array([list(bytes.fromhex(text)) for text in digits], np.uint8)
        return np.asarray(np.unpackbits(raw, axis=1), np.bool_)
    with open_npz(file) as data:
        if not {"jpeg", "offset"} <= set(data.files):
            raise DatasetError(f"{file} has no jpeg and offset, so its photos cannot be hashed")
        packed, offset = data["jpeg"], data["offset"]
    pictures = (
        cv2.imdecode(packed[offset[i] : offset[i + 1]], cv2.IMREAD_COLOR)
        for i in range(len(offset) - 1)
    )
    return np.stack([difference_hash(np.asarray(picture, np.uint8)) for picture in pictures])


def nearest(hashes: Bits, others: Bits) -> NDArray[np.int64]:
    """Return the bits by which each hash, (N, 256), differs from the nearest other, (M, 256)."""
    least = np.full(len(hashes), BITS, np.int64)
    if len(others):
        for start in range(0, len(hashes), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            least[part] = _apart(hashes[part], others).min(1)
    return least


def groups(hashes: Bits, within: int = NEAR) -> NDArray[np.int64]:
    """Return the group of each photo, (N,): photos linked by near-duplicates share a number.

    A group's number is the row of its first photo.
    """
    first = np.arange(len(hashes))

    def root(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = int(first[i])
        return i

    for start in range(0, len(hashes), _ROWS_AT_ONCE):
        close = _apart(hashes[start : start + _ROWS_AT_ONCE], hashes) <= within
        for i, j in zip(*np.nonzero(close), strict=True):
            a, b = root(start + int(i)), root(int(j))
            first[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(len(hashes))], np.int64)


def kept(hashes: Bits, group: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Return which photos, (N,), are among the first `most` of their group."""
    seen: dict[int, int] = {}
    keep = np.zeros(len(hashes), bool)
    for i, number in enumerate(group.tolist()):
        seen[number] = seen.get(number, 0) + 1
        keep[i] = seen[number] <= most
    return keep


def _apart(a: Bits, b: Bits) -> NDArray[np.int64]:
    """Return the bits by which every pair differs."""
    one, other = (np.where(bits, 1, -1).astype(np.float32) for bits in (a, b))
    return np.asarray(np.rint((BITS - one @ other.T) / 2), np.int64)


def stacked(hashes: Sequence[Bits]) -> Bits:
    """Return hashes as one array, (N, 256), also where there is none."""
    return np.array(hashes, np.bool_).reshape(-1, BITS)
