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

"""Placement of the faces' name tags: beside their face, over no other face and no other tag.

Tags are placed one after the other, those of the largest faces first. Each tries some places
around its box and takes the cheapest; a tag that finds none is shortened, down to its bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.tags import TagStyle, tag_size
from fer_ros.perception.types import Box, FaceEmotion

_SIZES = (7, 8, 9, 10, 12, 14, 16, 19, 22, 26, 31, 37, 44, 52, 62, 74, 88, 104)
"""Heights of capitals in use [pixels]: steps of a fifth, so that a tag does not pulse with the
jitter of its box."""

_OF_FACE = 0.1
"""Wanted height of a capital in widths of the face."""
_SMALLEST, _LARGEST = 1 / 90, 1 / 24
"""Bounds of that height in heights of the image: legible when a large image is scaled down."""

_FULL_WIDTH, _SHORT_WIDTH = 1.15, 1.5
"""How wide a tag may be in widths of its face, and how wide a shortened one."""

_OVER_TAG, _OVER_FACE, _OVER_OWN, _RANK = 8.0, 2.0, 0.6, 0.03
"""What it costs to lie over another tag, another face, the own face (all in areas of the tag), and
to take the next of the places."""

_SPOTS = 10
"""Places that are tried around a box."""

_RANKS = _RANK * np.arange(_SPOTS, dtype=np.float32)

_TOLERATED = 0.02
"""Part of a tag that may lie over other tags."""


@dataclass(frozen=True)
class Tag:
    """A tag in its place."""

    style: TagStyle
    x: int
    y: int
    width: int
    height: int


def layout(faces: Sequence[FaceEmotion], width: int, height: int) -> list[Tag]:
    """Place one tag a face.

    Args:
        faces: Whom to name.
        width: Of the image [pixels].
        height: Of the image [pixels].

    Returns:
        The tags in the order of the faces.
    """
    count = len(faces)
    # Obstacles: the boxes of all faces, and behind them the tags placed so far.
    obstacles = np.zeros((2 * count, 4), np.float32)
    for index, face in enumerate(faces):
        box = face.face.box
        obstacles[index] = box.x, box.y, box.x + box.width, box.y + box.height
    weights = np.full(2 * count, _OVER_TAG, np.float32)
    weights[:count] = _OVER_FACE
    tags: dict[int, Tag] = {}
    for index in sorted(range(count), key=lambda index: -faces[index].face.box.area):
        weights[index] = _OVER_OWN
        end = count + len(tags)
        tag = _place(faces[index], obstacles[:end], weights[:end], count, width, height)
        weights[index] = _OVER_FACE
        obstacles[end] = tag.x, tag.y, tag.x + tag.width, tag.y + tag.height
        tags[index] = tag
    return [tags[index] for index in range(count)]


def _place(
    face: FaceEmotion, obstacles: NDArray[np.float32], weights: NDArray[np.float32],
    faces: int, width: int, height: int,
) -> Tag:  # fmt: skip
    box, styles = face.face.box, _styles(face, height)
    for style in styles:
        size = _size(style, box)
        spots = _spots(box, size, width, height)
        covered = _overlaps(spots, obstacles) / (size[0] * size[1])
        best = int((covered @ weights + _RANKS).argmin())
        if style is styles[-1] or covered[best, faces:].sum() <= _TOLERATED:
            break
    x, y = spots[best, :2]
    return Tag(style, int(x), int(y), *size)


def _styles(face: FaceEmotion, height: int) -> list[TagStyle]:
    """Return possible contents of a tag, the longest that is not too wide for the face first."""
    box = face.face.box
    wanted = min(max(_OF_FACE * box.width, _SMALLEST * height, _SIZES[0]), _LARGEST * height)
    capital = max((size for size in _SIZES if size <= wanted), default=_SIZES[0])
    fitting = []
    for short, track_id in ((False, face.track_id), (True, face.track_id), (False, ""), (True, "")):
        style = TagStyle(face.label, capital, short, track_id)
        if tag_size(style)[0] <= (_SHORT_WIDTH if short else _FULL_WIDTH) * box.width:
            fitting.append(style)
    return [*fitting, TagStyle(face.label, 0)]


def _size(style: TagStyle, box: Box) -> tuple[int, int]:
    """Return width and height of a tag; one without text is a bar along its box."""
    if style.capital:
        return tag_size(style)
    return max(round(box.width), 6), style.bar + 1


def _spots(box: Box, size: tuple[int, int], width: int, height: int) -> NDArray[np.float32]:
    """Return places for a tag as corners, shape (n, 4), the best first, all inside the image."""
    wide, tall = size
    left, top = round(box.x), round(box.y)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    starts = np.array(
        [
            (left, top - tall), (left, bottom), (right - wide, top - tall), (right - wide, bottom),
            (left, top), (left, bottom - tall), (right, top), (left - wide, top),
            (right, bottom - tall), (left - wide, bottom - tall),
        ],
        np.float32,
    )  # fmt: skip
    spots = np.zeros((_SPOTS, 4), np.float32)
    np.minimum(starts[:, 0], width - wide, out=spots[:, 0])
    np.minimum(starts[:, 1], height - tall, out=spots[:, 1])
    np.maximum(spots, 0, out=spots)
    spots[:, 2], spots[:, 3] = spots[:, 0] + wide, spots[:, 1] + tall
    return spots


def _overlaps(spots: NDArray[np.float32], obstacles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the area that each spot shares with each obstacle, (spots, obstacles) [pixels^2]."""
    inner = np.minimum(spots[:, None, 2:], obstacles[None, :, 2:])
    inner -= np.maximum(spots[:, None, :2], obstacles[None, :, :2])
    np.maximum(inner, 0, out=inner)
    return np.asarray(inner[..., 0] * inner[..., 1], np.float32)
