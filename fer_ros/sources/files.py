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

"""Sources of images: a webcam, a video file, a folder of pictures. Nothing is published here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.images import ImageError
from fer_ros.perception.orientation import exif_orientation, upright
from fer_ros.perception.types import Image

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""Endings of files that count as pictures."""

_WEBCAM_PATIENCE = 30
"""Reads in a row that may fail before a webcam counts as gone."""


class CameraError(RuntimeError):
    """A source of images cannot be opened or read; the message says which and what to check."""


def open_source(
    source: str, size: tuple[int, int] | None = None, loop: bool = False, rate: float = 0.0
) -> Iterator[tuple[Image, str]]:
    """Open a source of images.

    Args:
        source: A webcam's number, or the path of a device, video file, picture, or folder of
            pictures (taken in the order of their names).
        size: Width and height the images are scaled to [pixels]; None keeps the source's own.
        loop: Whether files start again at their end.
        rate: How often the caller takes an image [1/s]. A webcam is asked for it; a video's
            frames are left out or repeated so that it runs at its own speed. 0 gives every frame.

    Returns:
        An iterator of (image, name): uint8 (height, width, 3) BGR or (height, width) grey, and a
        name such as ``talk.mp4#17``. It paces nothing but what a webcam paces.

    Raises:
        CameraError: The source cannot be opened. Also while iterating, when it fails.
        ValueError: The size or rate makes no sense.
    """
    if size is not None and min(size) < 1:
        raise ValueError(f"a size of {size[0]}x{size[1]} makes no sense")
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(f"a rate of {rate} images per second makes no sense")
    path = Path(source).expanduser()
    if source.isdigit():
        images = _webcam(int(source), size, rate)
    elif path.is_dir():
        images = _pictures(_pictures_in(path), loop)
    elif path.is_char_device():
        images = _webcam(str(path), size, rate)
    elif not path.exists():
        raise CameraError(f"no video, picture or folder at {path}; a webcam is named by its number")
    elif path.suffix.lower() in PICTURES:
        images = _pictures([path], loop)
    else:
        images = _video(path, loop, rate)
    return images if size is None else _resized(images, size)


def read_picture(path: str | Path) -> Image:
    """Read a picture file.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey, turned as its EXIF orientation says.

    Raises:
        CameraError: It cannot be read, or is no whole picture.
    """
    try:
        content = Path(path).read_bytes()
        return upright(decode_compressed(content), exif_orientation(content))
    except (OSError, ImageError) as error:
        raise CameraError(f"{path} cannot be read: {error}") from error


def _webcam(
    device: int | str, size: tuple[int, int] | None, rate: float
) -> Iterator[tuple[Image, str]]:
    capture = cv2.VideoCapture(device)
    if not capture.isOpened():
        capture.release()
        raise CameraError(
            f"webcam {device} cannot be opened; check with `ls -l /dev/video*` that it is there, "
            "that you may read it, and that no other program holds it"
        )
    if size is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if rate:
        capture.set(cv2.CAP_PROP_FPS, rate)
    return _webcam_frames(capture, f"webcam{device}")


def _webcam_frames(capture: cv2.VideoCapture, name: str) -> Iterator[tuple[Image, str]]:
    index = failures = 0
    try:
        while failures < _WEBCAM_PATIENCE:
            done, frame = capture.read()
            failures = 0 if done else failures + 1
            if done:
                yield np.asarray(frame, np.uint8), f"{name}#{index}"
                index += 1
    finally:
        capture.release()
    raise CameraError(f"{name} gives no more images after {index}; is it still plugged in?")


def _open_video(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        capture.release()
        raise CameraError(f"{path} cannot be opened as a video; is it one, and whole?")
    return capture


def _video(path: Path, loop: bool, rate: float) -> Iterator[tuple[Image, str]]:
    capture = _open_video(path)
    own_rate = capture.get(cv2.CAP_PROP_FPS)
    # Frames of the video per image given.
    advance = own_rate / rate if rate and own_rate > 0 else 1.0
    return _video_frames(capture, path, loop, advance)


def _video_frames(
    capture: cv2.VideoCapture, path: Path, loop: bool, advance: float
) -> Iterator[tuple[Image, str]]:
    try:
        while True:
            due, index = 0.0, -1
            while capture.grab():
                index += 1
                if index < math.floor(due):
                    continue
                done, frame = capture.retrieve()
                if not done:
                    raise CameraError(f"{path} is damaged at frame {index}")
                image = np.asarray(frame, np.uint8)
                while math.floor(due) <= index:
                    yield image, f"{path.name}#{index}"
                    due += advance
            if index < 0:
                raise CameraError(f"{path} holds no readable frame")
            if not loop:
                return
            capture.release()
            capture = _open_video(path)
    finally:
        capture.release()


def _pictures_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    if not files:
        raise CameraError(f"no pictures ({', '.join(PICTURES)}) in {folder}")
    return files


def _pictures(files: list[Path], loop: bool) -> Iterator[tuple[Image, str]]:
    while True:
        for file in files:
            yield read_picture(file), file.name
        if not loop:
            return


def _resized(
    images: Iterator[tuple[Image, str]], size: tuple[int, int]
) -> Iterator[tuple[Image, str]]:
    for image, name in images:
        if image.shape[1::-1] == size:
            yield image, name
        else:
            shrinks = image.shape[1] > size[0]
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            yield np.asarray(cv2.resize(image, size, interpolation=method), np.uint8), name
