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

"""Pictures with the faces' boxes, landmarks and expressions drawn in.

A closed box and a tag with a bar, whose length is the confidence, mean a label; grey corners and a
dark tag without a bar mean ``uncertain``. Shape says it as well as colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fer_ros.perception import emotions
from fer_ros.perception.palette import bgr
from fer_ros.perception.tag_layout import Tag, layout
from fer_ros.perception.tags import DARK, Color, tag_picture
from fer_ros.perception.types import Box, FaceEmotion, Image

_LANDMARKS_FROM = 48
"""Width of a face from which its landmarks are shown [pixels]: dots would hide smaller ones."""

_HALO_FROM = 20
"""Width of a face from which its box has a dark rim, which shows on any background [pixels]."""


def draw(image: Image, faces: Sequence[FaceEmotion]) -> Image:
    """Return a BGR copy of an image with its faces drawn in.

    Args:
        image: uint8, shape (height, width, 3) in BGR or (height, width).
        faces: What was found in it.
    """
    color = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    picture = np.asarray(color, np.uint8)
    height, width = picture.shape[:2]
    for face in faces:
        _draw_box(picture, face)
    for face, tag in zip(faces, layout(faces, width, height)):
        _draw_tag(picture, face, tag)
    return picture


def _draw_box(picture: Image, found: FaceEmotion) -> None:
    color, box = bgr(found.label), found.face.box
    # Two pixels of a VGA image; small faces get less, large images more.
    height = picture.shape[0]
    thickness = max(round(min(box.width / 32, height / 240)), round(height / 720), 1)
    outline = _corners if found.label == emotions.UNCERTAIN else _rectangle
    if box.width >= _HALO_FROM:
        outline(picture, box, DARK, thickness + 2)
    outline(picture, box, color, thickness)
    if found.face.landmarks is not None and box.width >= _LANDMARKS_FROM:
        for x, y in found.face.landmarks.round().astype(int).tolist():
            cv2.circle(picture, (x, y), thickness + 1, DARK, -1)
            cv2.circle(picture, (x, y), thickness, color, -1)


def _rectangle(picture: Image, box: Box, color: Color, thickness: int) -> None:
    left, top, right, bottom = _edges(box)
    cv2.rectangle(picture, (left, top), (right, bottom), color, thickness)


def _corners(picture: Image, box: Box, color: Color, thickness: int) -> None:
    left, top, right, bottom = _edges(box)
    across, down = max((right - left) // 5, 2), max((bottom - top) // 5, 2)
    for x, inward in ((left, across), (right, -across)):
        for y, below in ((top, down), (bottom, -down)):
            corner = np.array([(x + inward, y), (x, y), (x, y + below)], np.int32)
            cv2.polylines(picture, [corner], False, color, thickness)


def _edges(box: Box) -> tuple[int, int, int, int]:
    return (
        round(box.x), round(box.y), round(box.x + box.width), round(box.y + box.height)
    )  # fmt: skip


def _draw_tag(picture: Image, found: FaceEmotion, tag: Tag) -> None:
    certain = found.label != emotions.UNCERTAIN
    if not (certain or tag.style.capital):
        return  # the grey corners say it
    y = tag.y
    if tag.style.capital:
        words = tag_picture(tag.style)
        target = picture[y : y + words.shape[0], tag.x : tag.x + words.shape[1]]
        target[:] = words[: target.shape[0], : target.shape[1]]
        y += words.shape[0]
    if certain:
        bar = picture[y : tag.y + tag.height, tag.x : tag.x + tag.width]
        bar[:] = DARK
        filled = round(min(max(found.confidence, 0.0), 1.0) * (tag.width - 2))
        bar[1:-1, 1 : 1 + filled] = bgr(found.label)
