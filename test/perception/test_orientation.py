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

"""Images that are turned: EXIF orientation of files, and cameras that are mounted otherwise."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from fer_ros.perception.orientation import (
    ROTATIONS,
    exif_orientation,
    rotate,
    turned_back,
    upright,
)
from fer_ros.perception.types import Box, Face


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


def exif(orientation: int, order: str = "<") -> bytes:
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def jpeg_with(orientation: int, order: str = "<") -> bytes:
    whole = cv2.imencode(".jpg", picture())[1].tobytes()
    block = b"Exif\0\0" + exif(orientation, order)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + whole[2:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_turns_pictures_as_opencv_does(orientation: int, order: str) -> None:
    content = np.frombuffer(jpeg_with(orientation, order), np.uint8)
    stored = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert exif_orientation(content.tobytes()) == orientation
    turned = upright(stored, orientation)
    assert np.array_equal(turned, cv2.imdecode(content, cv2.IMREAD_COLOR))


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\x89PNG", b"II*\0", jpeg_with(9), b"x" * 50]
)
def test_what_gives_no_orientation_is_upright(content: bytes) -> None:
    assert exif_orientation(content) == 1


@pytest.mark.parametrize("degrees", ROTATIONS)
def test_a_face_found_in_a_rotated_image_is_given_in_the_source_image(degrees: int) -> None:
    source = np.zeros((40, 60), np.uint8)
    marks = [(50, 7), (52, 8), (51, 12), (49, 15), (53, 16)]
    for value, (x, y) in enumerate(marks, 1):
        source[y, x] = value
    turned = rotate(source, degrees)
    found = [tuple(np.argwhere(turned == value)[0][::-1]) for value in range(1, 6)]
    xs, ys = zip(*found)
    box = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    face = turned_back(Face(box, 0.9, np.array(found, np.float32)), degrees, 60, 40)
    assert face.landmarks is not None
    assert np.array_equal(face.landmarks, np.array(marks, np.float32))
    assert (face.box.x, face.box.y, face.box.width, face.box.height) == (49, 7, 4, 9)
    assert face.score == 0.9
