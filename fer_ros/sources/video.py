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

"""Video files, read by PyAV: every frame with its own time, and the same pixels on every machine.

A container's rate is what its writer put there, so it is not asked: browsers and phones write
uneven times and rates of a thousand a second, or none. Decoders of FFmpeg give the same planes with
and without vector instructions; its conversion to BGR does so only when asked for exact rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from fer_ros.perception.images import ImageError, check_size
from fer_ros.perception.types import Image
from fer_ros.sources.errors import CameraError

Packet = Any
"""An av.Packet."""

AvFrame = Any
"""An av.VideoFrame."""

EXACT = 0x2 | 0x40000 | 0x80000
"""SWS_BILINEAR, SWS_ACCURATE_RND and SWS_BITEXACT of libswscale/swscale.h."""

_LARGEST = 1 << 26
"""Pixels of the largest frame that is decoded, unless told otherwise."""

_SQUARE = 0.01
"""Sides of pixels that differ by less are equal: a writer's rounding of the size."""

_LONGEST_PIXEL = 4
"""Pixels whose sides differ by more than so many times are a mistake of the writer."""

_SHORT = 0.5
"""A video that ends so much before its head says is cut short [s]."""

_FALLBACK_RATE = Fraction(25)
"""Of streams that carry neither times nor a rate, such as bare H.264 [1/s]; FFmpeg's own."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One frame of a video."""

    image: Image
    """uint8, shape (height, width, 3), BGR, upright, of square pixels."""
    time_ns: int
    """When it is shown, on the file's own clock [ns]."""
    index: int
    """Its number in the order of showing, from 0."""
    duration_ns: int = 0
    """How long it is shown, by the file [ns]; 0 where that does not say so."""


class Video:
    """An open video file; close it, or use it in a ``with``."""

    def __init__(self, path: str | Path, max_pixels: int = _LARGEST) -> None:
        """Open a file.

        Args:
            path: Of the file, in any format that FFmpeg reads.
            max_pixels: Larger frames are refused.

        Raises:
            CameraError: It is no video, has a codec that is not there, or PyAV is not installed.
        """
        av = pyav()
        self.path, self._max_pixels = Path(path), max_pixels
        self._error: type[Exception] = av.FFmpegError
        if not self.path.is_file():
            raise CameraError(f"{path} is no file")
        try:
            # With its scheme, so that a colon in the name is no scheme.
            self._container = av.open(f"file:{path}", metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise CameraError(
                f"{path} cannot be opened as a video; is it one, and whole? ({_words(error)})"
            ) from error
        try:
            self._stream = self._choose_stream()
        except BaseException:
            self._container.close()
            raise
        self.damaged = 0
        """Packets so far that could not be decoded, or that lack a part."""
        self.ended_early: float | None = None
        """After the last frame: how much earlier than its head says it ends [s]; None where it is
        whole, as far as that shows."""
        self.leap = 0.0
        """After the last frame: the largest step of its times, back where it is negative [s]."""
        flags = int(self._container.format.flags)
        restarts = bool(flags & 0x0200)  # AVFMT_TS_DISCONT: a clock that begins anywhere
        self._origin = Fraction(self._container.start_time or 0, 1_000_000) if restarts else 0

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    @property
    def duration(self) -> float | None:
        """How long it is by its head [s]; None where that does not say so."""
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return None if container.duration is None else container.duration / 1e6

    def frames(self, start: float = 0.0, end: float = math.inf) -> Iterator[VideoFrame]:
        """Yield the frames from a time on and before another, once.

        Args:
            start: The first moment [s].
            end: The first moment that is left out [s].

        Raises:
            CameraError: No frame of the file can be decoded, or one is too large.
        """
        any_frame = False
        last = longest = end_of_last = 0.0
        for frame in self._decoded(start):
            moment = frame.time_ns / 1e9
            self.leap = max(self.leap, moment - last if any_frame else 0.0, key=abs)
            any_frame = True
            last, longest = moment, max(longest, moment - last)
            end_of_last = moment + frame.duration_ns / 1e9
            if frame.time_ns >= end * 1e9:
                return
            if frame.time_ns >= start * 1e9:
                yield frame
        if not any_frame and start <= 0:
            raise CameraError(f"{self.path} holds no readable frame")
        missing = (self._promised() or 0.0) - end_of_last
        if any_frame and missing > max(_SHORT, 2 * longest):
            self.ended_early = missing

    def _promised(self) -> float | None:
        """Return how long the pictures last by the head [s]; None where it speaks of sound too."""
        if self._stream.duration is None and len(self._container.streams) > 1:
            return None
        return self.duration

    def _choose_stream(self) -> Any:
        pictures = [s for s in self._container.streams.video if not _is_cover(s)]
        if not pictures:
            raise CameraError(f"{self.path} holds no video")
        stream = pictures[0]
        if stream.codec_context is None:
            raise CameraError(f"{self.path} has a codec that the installed PyAV cannot decode")
        # One core decodes; the others are for faces, and for other files.
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        return stream

    def _decoded(self, start: float) -> Iterator[VideoFrame]:
        """Yield all frames from the last key frame before a time on."""
        turn: Turn | None = None
        index, from_pts = 0, -math.inf
        for packet, skipped in self._packets_from(start):
            if skipped:
                index += skipped
                from_pts = -math.inf if packet.pts is None else packet.pts
            self.damaged += bool(packet.is_corrupt)
            try:
                pictures = packet.decode()
            except (self._error, ValueError):
                self.damaged += 1
                continue
            for picture in pictures:
                if picture.pts is not None and picture.pts < from_pts:
                    index += 1  # shown before the key frame, decoded without what it rests on
                    continue
                size = square_size(picture.width, picture.height, self._stream.sample_aspect_ratio)
                try:
                    check_size(*size, self._max_pixels)
                except ImageError as error:
                    raise CameraError(f"{self.path}: {error}") from error
                turn = turn or Turn.of(picture)
                image = turn.apply(bgr(picture, size))
                yield VideoFrame(image, self._time_ns(picture, index), index, _duration_ns(picture))
                index += 1

    def _packets_from(self, start: float) -> Iterator[tuple[Packet, int]]:
        """Yield the packets from the last key frame before a time on, with how many lie before it.

        Indices of containers are not trusted: the file is read from its beginning, and what is not
        needed is not decoded.
        """
        waiting: list[Packet] = []
        skipped = 0
        first = True
        for packet in self._demuxed():
            if not first:
                yield packet, 0
                continue
            moment = packet.pts if packet.pts is not None else packet.dts
            time = None if moment is None else float(moment * packet.time_base - self._origin)
            if packet.is_keyframe and time is not None and time <= start:
                skipped += sum(not held.is_discard for held in waiting)
                waiting = []
            waiting.append(packet)
            if time is None or time >= start:
                first = False
                yield waiting[0], skipped
                yield from ((held, 0) for held in waiting[1:])

    def _demuxed(self) -> Iterator[Packet]:
        try:
            yield from self._container.demux(self._stream)
        except (self._error, OSError) as error:
            raise CameraError(f"{self.path} cannot be read on: {_words(error)}") from error

    def _time_ns(self, picture: AvFrame, index: int) -> int:
        if picture.pts is not None and picture.time_base is not None:
            time: Fraction = picture.pts * picture.time_base - self._origin
            return round(time * 1_000_000_000)
        rate = self._stream.average_rate or self._stream.guessed_rate or _FALLBACK_RATE
        return round(index / rate * 1_000_000_000)


@dataclass(frozen=True)
class Turn:
    """How a decoded frame has to be turned to be upright, by its display matrix."""

    code: int | None = None
    """Of cv2.rotate."""
    mirrored: bool = False
    """Left and right, before it is turned."""

    @classmethod
    def of(cls, picture: AvFrame) -> Turn:
        """Read the display matrix of a decoded frame, an av.VideoFrame."""
        matrix = next((s for s in picture.side_data if s.type.name == "DISPLAYMATRIX"), None)
        if matrix is None:
            return cls()
        # Row vectors: (x, y) goes to (a x + c y, b x + d y); 16.16 numbers (ISO/IEC 14496-12).
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(np.float64)
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        quarter = round(math.degrees(math.atan2(b, a)) / 90) % 4  # clockwise: y points down
        codes = (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
        return cls(codes[quarter], mirrored)

    def apply(self, image: Image) -> Image:
        """Return the frame's pixels upright."""
        if self.mirrored:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
        return image if self.code is None else np.asarray(cv2.rotate(image, self.code), np.uint8)


def _duration_ns(picture: AvFrame) -> int:
    if not picture.duration or picture.time_base is None:
        return 0
    seconds: Fraction = picture.duration * picture.time_base
    return max(round(seconds * 1_000_000_000), 0)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the width and height of a frame once its pixels are square.

    The shorter side of the pixels grows, so that no detail is lost.

    Args:
        width: As it is stored [pixels].
        height: As it is stored [pixels].
        aspect: Width of a pixel by its height; None or 0 where the file does not say.
    """
    if not aspect or not 1 / _LONGEST_PIXEL <= aspect <= _LONGEST_PIXEL:
        return width, height
    if abs(aspect - 1) < _SQUARE:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def bgr(picture: AvFrame, size: tuple[int, int] | None = None) -> Image:
    """Return the pixels of a decoded frame, by its own colour space and range.

    Args:
        picture: An av.VideoFrame.
        size: Width and height to scale it to [pixels]; None keeps its own.

    Returns:
        uint8, shape (height, width, 3), BGR, the same on every machine.
    """
    width, height = size or (picture.width, picture.height)
    converted = picture.reformat(width, height, format="bgr24", interpolation=EXACT)
    return np.asarray(converted.to_ndarray(), np.uint8)


def _is_cover(stream: Any) -> bool:
    """Whether a stream is a picture on the cover of a sound file."""
    flags = stream.disposition
    # A Flag of PyAV 15 is no number, but has one.
    return bool(getattr(flags, "value", flags) & 0x0400)  # AV_DISPOSITION_ATTACHED_PIC


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def pyav() -> ModuleType:
    """Return the library that reads and writes videos.

    Raises:
        CameraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise CameraError(
            "videos are read by PyAV, which is not installed: pip install 'fer_ros[video]'"
        ) from error
    return av
