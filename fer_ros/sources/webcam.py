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

"""Webcams, read by OpenCV."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.types import Image
from fer_ros.sources.errors import CameraError

_PATIENCE = 30
"""Reads in a row that may fail before a webcam counts as gone."""

_VIDEO_DEVICE = 81
"""Major number of video4linux."""


def is_webcam(source: str) -> bool:
    """Whether a source is a webcam's number or device file."""
    return source.isdigit() or Path(source).expanduser().is_char_device()


def open_webcam(
    source: str, size: tuple[int, int] | None = None, rate: float = 0.0
) -> Iterator[Image]:
    """Open a webcam.

    Args:
        source: Its number, or the path of its device.
        size: Width and height to ask it for [pixels].
        rate: Images to ask it for [1/s]; 0 leaves that to it.

    Returns:
        Its images, uint8 (height, width, 3) BGR, as they come.

    Raises:
        CameraError: It cannot be opened. Also while iterating, when it is gone.
    """
    _check_device(source)
    capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not capture.isOpened():
        capture.release()
        raise CameraError(
            f"webcam {source} cannot be opened; check with `ls -l /dev/video*` that it is there, "
            "that you may read it, and that no other program holds it"
        )
    if size is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if rate:
        capture.set(cv2.CAP_PROP_FPS, rate)
    return _images(capture, source)


def _check_device(source: str) -> None:
    """Refuse other devices at once: OpenCV would read from /dev/random for ever."""
    try:
        status = Path(source).expanduser().stat()
    except OSError:
        return
    video = not sys.platform.startswith("linux") or os.major(status.st_rdev) == _VIDEO_DEVICE
    if stat.S_ISCHR(status.st_mode) and not video:
        raise CameraError(f"{source} is no webcam; those there are: `ls -l /dev/video*`")


def _images(capture: cv2.VideoCapture, source: str) -> Iterator[Image]:
    count = failures = 0
    try:
        while failures < _PATIENCE:
            done, image = capture.read()
            failures = 0 if done else failures + 1
            if done:
                count += 1
                yield np.asarray(image, np.uint8)
    finally:
        capture.release()
    raise CameraError(f"webcam {source} gives no more images after {count}; still plugged in?")
