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

"""Expressions of pictures, arrays and videos, without a robot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.association import track_ids
from fer_ros.perception.pipeline import Pipeline
from fer_ros.perception.types import Frame, Image, Origin
from fer_ros.reading.result import Reading
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.ahead import ahead
from fer_ros.sources.pictures import read_picture
from fer_ros.sources.video import Video, VideoFrame

Picture = str | Path | NDArray[np.uint8]
"""A picture: the path of a file, or an array."""

Pictures = list[Any] | tuple[Any, ...]
"""Several of them."""

ORDERS = ("bgr", "rgb")
"""Orders of the colours of an array."""

_LARGEST_ARRAY = 1 << 28
"""Pixels of an array, which is in memory already."""


class Reader:
    """Networks that stay loaded, for any number of pictures and videos.

    One thread uses a reader; each may have its own. The readings of a picture depend on that
    picture alone, those of a video's frame on the frames before it.
    """

    def __init__(self, **parameters: Any) -> None:
        """Load networks and detector.

        Args:
            **parameters: Of perception, as in docs/parameters.md, such as ``models="fer-base"``,
                ``detection_size=1280`` or ``smoothing_time=0.0``.

        Raises:
            ParameterError: A parameter is unknown or has no sensible value.
            ModelError: A file is missing, damaged or foreign.
        """
        for name in ("models", "providers"):
            if isinstance(parameters.get(name), str):
                parameters[name] = (parameters[name],)
        settings = PerceptionSettings().with_values(parameters)
        self._assembly = assemble(settings)
        self.max_pixels = settings.max_image_pixels
        """Of files; larger pictures and frames are refused."""

    @property
    def origin(self) -> Origin:
        """The networks and detector; its labels name the classes."""
        return self._assembly.origin

    @overload
    def read(self, picture: Picture, order: str = "bgr") -> Reading: ...

    @overload
    def read(self, picture: Pictures, order: str = "bgr") -> list[Reading]: ...

    def read(self, picture: Picture | Pictures, order: str = "bgr") -> Reading | list[Reading]:
        """Read a picture, or a list of them, each by itself.

        Args:
            picture: Path of a JPEG, PNG or TIFF, or an array: uint8, shape (height, width, 3) or
                (height, width) for grey.
            order: Of the colours of arrays, ``"bgr"`` as OpenCV has them or ``"rgb"``.

        Raises:
            CameraError: A file cannot be read, or is no whole picture.
            TypeError: It is neither a path nor an array of uint8.
            ValueError: The array has another shape, or the order is unknown.
        """
        if order not in ORDERS:
            raise ValueError(f"order must be {' or '.join(map(repr, ORDERS))}, not {order!r}")
        if isinstance(picture, (list, tuple)):
            return [self.read(one, order) for one in picture]
        if isinstance(picture, (str, Path)):
            image = read_picture(Path(picture).expanduser(), self.max_pixels)
            return self._read(image, str(picture))
        return self._read(_checked(picture, order), "")

    def read_video(
        self, path: str | Path, every: float = 0.0, start: float = 0.0, end: float = math.inf
    ) -> Iterator[Reading]:
        """Read the frames of a video one after the other, with tracks and smoothing.

        Decoding goes on in a thread of its own. A reader may read other things in between.

        Args:
            path: Of the file, in any format that FFmpeg reads.
            every: Read the first frame of every period of so many seconds; 0 reads every frame.
            start: The first moment to read [s].
            end: The first moment that is left out [s].

        Raises:
            CameraError: It is no video, damaged at its beginning, or PyAV is not installed.
            ValueError: The times make no sense.
        """
        check_times(every, start, end)
        return self.follow_video(self.open_video(Path(path).expanduser()), every, start, end)

    def follow(self, frames: Iterable[VideoFrame], source: str) -> Iterator[Reading]:
        """Read frames that follow one another, with tracks and smoothing.

        Args:
            frames: From first to last; a step back in time of half a second closes the tracks.
            source: What the readings name as their source.
        """
        pipeline = self.new_pipeline()
        for frame in frames:
            result = pipeline.process([Frame(frame.image, frame.time_ns, topic=source)])[0]
            yield Reading(
                tuple(result.faces), self.origin, frame.image, source, frame.index,
                frame.time_ns / 1e9,
            )  # fmt: skip

    def open_video(self, path: Path) -> Video:
        """Open a video whose frames may be as large as this reader takes them.

        Raises:
            CameraError: It is no video, or PyAV is not installed.
        """
        return Video(path, self.max_pixels)

    def follow_video(
        self, video: Video, every: float = 0.0, start: float = 0.0, end: float = math.inf
    ) -> Iterator[Reading]:
        """Read an open video as :meth:`read_video` does, and close it."""
        frames = ahead(video.frames(start, end))
        try:
            yield from self.follow(thinned(frames, every), str(video.path))
        finally:
            frames.close()
            video.close()

    def _read(self, image: Image, source: str) -> Reading:
        (result,) = self.new_pipeline().process([Frame(image, stamp_ns=0)])
        return Reading(tuple(result.faces), self.origin, image, source)

    def new_pipeline(self) -> Pipeline:
        """Return a pipeline that has seen nothing yet and counts its tracks from 1."""
        loaded = self._assembly.pipeline
        return Pipeline(loaded.detector, loaded.classifier, loaded.settings, track_ids())


def check_times(every: float, start: float, end: float) -> None:
    """Raise ValueError where a part of a video makes no sense."""
    if not (math.isfinite(every) and every >= 0):
        raise ValueError(f"a frame every {every} s makes no sense")
    if not (math.isfinite(start) and start < end):
        raise ValueError(f"a part from {start} s to {end} s is empty")


def thinned(frames: Iterable[VideoFrame], every: float) -> Iterator[VideoFrame]:
    """Yield the first frame of every period of so many seconds; all where that is 0.

    Periods count from time 0: which frames these are does not depend on where the reading starts.
    """
    period_ns, last = round(every * 1e9), None
    for frame in frames:
        period = frame.time_ns // period_ns if period_ns else None
        if period is None or period != last:
            yield frame
        last = period


def _checked(picture: object, order: str) -> Image:
    if not isinstance(picture, np.ndarray):
        raise TypeError(
            f"a picture is a path or a NumPy array of uint8, not a {type(picture).__name__}; of a "
            "PIL image: np.asarray(image.convert('RGB')) with order='rgb'"
        )
    if picture.dtype != np.uint8:
        raise TypeError(
            f"a picture holds values of uint8, 0 to 255, not of {picture.dtype}; of values from 0 "
            "to 1: (picture * 255).astype('uint8')"
        )
    if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)):
        raise ValueError(
            f"a picture has the shape (height, width, 3) or, in grey, (height, width), not "
            f"{picture.shape}"
        )
    if not 0 < picture.shape[0] * picture.shape[1] <= _LARGEST_ARRAY:
        raise ValueError(
            f"an array of shape {picture.shape} has no pixels, or more than {_LARGEST_ARRAY}"
        )
    if picture.ndim == 3 and order == "rgb":
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    return np.ascontiguousarray(picture)


@lru_cache(maxsize=1)
def _default() -> Reader:
    return Reader()


@overload
def read(picture: Picture, order: str = "bgr") -> Reading: ...


@overload
def read(picture: Pictures, order: str = "bgr") -> list[Reading]: ...


def read(picture: Picture | Pictures, order: str = "bgr") -> Reading | list[Reading]:
    """Read a picture, or a list of them, each by itself, with the default networks.

    Arguments and errors are those of :meth:`Reader.read`.

    >>> from fer_ros import read
    >>> from fer_ros.sources.scene import demo_scene
    >>> [face.label for face in read(demo_scene().render(time=1.0)[0])]
    ['happy', 'neutral', 'surprise']
    """
    return _default().read(picture, order)


def read_video(
    path: str | Path, every: float = 0.0, start: float = 0.0, end: float = math.inf
) -> Iterator[Reading]:
    """Read the frames of a video one after the other, with the default networks.

    Arguments and errors are those of :meth:`Reader.read_video`.
    """
    return _default().read_video(path, every, start, end)
