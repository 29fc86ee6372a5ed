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

"""Orientation of images: EXIF orientation of picture files, and rotation of mounted cameras."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception import tiff
from fer_ros.perception.segments import jpeg_segments, png_chunks
from fer_ros.perception.types import Box, Face, Image

ROTATIONS = (0, 90, 180, 270)
"""Clockwise turns of an image that are possible without loss [degrees]."""

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

_TURNS = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True),
          5: (90, True), 6: (90, False), 7: (270, True), 8: (270, False)}  # fmt: skip
"""For each EXIF orientation how far to turn, clockwise, and whether to mirror afterwards."""


def rotate(image: Image, degrees: int) -> Image:
    """Return an image turned clockwise by one of :data:`ROTATIONS`."""
    return image if degrees == 0 else np.asarray(cv2.rotate(image, _CODES[degrees]), np.uint8)


def upright(image: Image, orientation: int) -> Image:
    """Return an image as its EXIF orientation (1 to 8) asks for it."""
    degrees, mirrored = _TURNS[orientation]
    turned = rotate(image, degrees)
    return np.asarray(cv2.flip(turned, 1), np.uint8) if mirrored else turned


def turned_back(face: Face, degrees: int, width: int, height: int) -> Face:
    """Return a face found in a rotated image as it lies in the source image.

    Args:
        face: In the pixels of the image that :func:`rotate` made.
        degrees: How far it was turned.
        width: Of the source image [pixels].
        height: Of the source image [pixels].
    """
    if degrees == 0:
        return face
    box = face.box
    corners = np.array([(box.x, box.y), (box.x + box.width, box.y + box.height)], np.float64)
    back = _points_back(corners, degrees, width, height)
    (left, top), (right, bottom) = back.min(axis=0).tolist(), back.max(axis=0).tolist()
    points = face.landmarks
    if points is not None:
        points = _points_back(points, degrees, width, height).astype(np.float32)
    turned = Box(left, top, right - left, bottom - top)
    return replace(face, box=turned, landmarks=points)


def _points_back(
    points: NDArray[np.floating], degrees: int, width: int, height: int
) -> NDArray[np.floating]:
    x, y = points[:, 0], points[:, 1]
    if degrees == 90:
        return np.stack([y, height - 1 - x], axis=1)
    if degrees == 180:
        return np.stack([width - 1 - x, height - 1 - y], axis=1)
    return np.stack([width - 1 - y, x], axis=1)


def exif_orientation(content: bytes) -> int:
    """Return the EXIF orientation of a JPEG, PNG or TIFF file, 1 to 8; 1 where it has none."""
    try:
        if content.startswith(b"\xff\xd8"):
            return _jpeg_orientation(content)
        if content.startswith(b"\x89PNG"):
            return _png_orientation(content)
    except (IndexError, struct.error, ValueError):
        return 1
    return tiff.orientation_of(content)


def _jpeg_orientation(content: bytes) -> int:
    for marker, at, size in jpeg_segments(content):
        segment = content[at + 4 : at + 2 + size]
        if marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            return tiff.orientation_of(segment[6:])
    return 1


def _png_orientation(content: bytes) -> int:
    for kind, at, size in png_chunks(content):
        if kind == b"eXIf":
            return tiff.orientation_of(content[at : at + size])
    return 1
