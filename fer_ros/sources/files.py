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

"""Image sources at a steady rate, as from a camera."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.types import Image
from fer_ros.sources.errors import CameraError
from fer_ros.sources.pictures import is_picture, pictures_in, read_picture
from fer_ros.sources.video import Video, VideoFrame
from fer_ros.sources.webcam import is_webcam, open_webcam

_EARLY = 0.25
"""How much before a frame's time it is given, in periods of the rate: times that are rounded to
milliseconds, or jitter, would else leave out every few frames and repeat their neighbours."""

_LONGEST_PAUSE = 10.0
"""Longer gaps between two frames of a video are shortened to it [s]."""


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
            frames are left out or repeated so that it runs at the speed of its own times. 0 gives
            every frame.

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
    if not source:
        raise CameraError("the source has an empty name; is a variable unset?")
    path = Path(source).expanduser()
    images: Iterator[tuple[Image, str]]
    if is_webcam(source):
        numbered = enumerate(open_webcam(source, size, rate))
        images = ((image, f"webcam{source}#{index}") for index, image in numbered)
    elif path.is_dir():
        images = _pictures(pictures_in(path), loop)
    elif not path.exists():
        raise CameraError(f"no video, picture or folder at {path}; a webcam is named by its number")
    elif is_picture(path):
        images = _pictures([path], loop)
    else:
        images = _video(Video(path), loop, rate)
    return images if size is None else _resized(images, size)


def holds_pictures(source: str) -> bool:
    """Whether a source is a picture or a folder of them: images that do not follow one another."""
    path = Path(source).expanduser()
    return not is_webcam(source) and (path.is_dir() or (path.is_file() and is_picture(path)))


def _video(video: Video, loop: bool, rate: float) -> Iterator[tuple[Image, str]]:
    while True:
        with video:
            frames = video.frames()
            for frame in paced(frames, rate) if rate else frames:
                yield frame.image, f"{video.path.name}#{frame.index}"
        if not loop:
            return
        video = Video(video.path)


def paced(frames: Iterable[VideoFrame], rate: float) -> Iterator[VideoFrame]:
    """Yield the frame that a video shows at each tick of a rate [1/s].

    A pause of more than ten seconds is shortened to ten; the last frame lasts as long as the others
    do on average.
    """
    ticks, early = 0, _EARLY / rate
    clock = last_ns = intervals = 0
    shown: VideoFrame | None = None
    for frame in frames:
        if shown is not None:
            step = min(max(frame.time_ns - last_ns, 0), round(_LONGEST_PAUSE * 1e9))
            clock, intervals = clock + step, intervals + 1
            while ticks / rate < clock / 1e9 - early:
                yield shown
                ticks += 1
        shown, last_ns = frame, frame.time_ns
    if shown is not None:
        end = (clock + clock / intervals if intervals else 0) / 1e9
        while ticks == 0 or ticks / rate < end - early:
            yield shown
            ticks += 1


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
