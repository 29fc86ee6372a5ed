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

"""Annotated pictures and videos, and crops of faces."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_ros.perception.cut_out import cut_out
from fer_ros.perception.types import Image
from fer_ros.reading.errors import ReadError
from fer_ros.reading.result import Reading
from fer_ros.reading.whole import WholeFile, remove_named, write_whole
from fer_ros.sources.video import pyav

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")
VIDEO_ENDINGS = (".mp4", ".mkv", ".mov", ".webm")
"""Endings of videos that are drawn; an AVI has one length for all frames."""

FACE_FILES = re.compile(r"(\d{6,}-)?face_\d+(\.partial)?\.jpg")
"""Names of pictures of faces, whole or not."""

_CLOCK = Fraction(1, 60_000)
"""Of the frames' times [s]: containers with a coarser clock round it."""

_QUALITY = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
    "mpeg4": {"qscale": "3"},
}
"""Encoders and their options."""


def write_picture(path: Path, image: Image) -> None:
    """Write a picture whose ending says of what kind it is.

    Raises:
        ReadError: It cannot be written.
    """
    done, data = cv2.imencode(path.suffix, image)
    if not done:
        raise ReadError(f"cannot write {path}: no {path.suffix} picture can be made of it")
    write_whole(path, data.tobytes())


def forget_faces(folder: Path, place: Path) -> None:
    """Remove what :func:`write_faces` wrote of a source in an earlier run, and nothing else.

    Raises:
        ReadError: It cannot be removed.
    """
    remove_named(_home(folder, place), FACE_FILES)


def write_faces(folder: Path, place: Path, reading: Reading) -> None:
    """Write each face of a frame, upright and square, as a JPEG.

    Args:
        folder: For all faces.
        place: Of the source in it; its faces lie in a folder of that name.
        reading: The frame.

    Raises:
        ReadError: They cannot be written.
    """
    home = _home(folder, place)
    for number, face in enumerate(reading):
        moment = "" if reading.time is None else f"{reading.frame:06d}-"
        name = face.track_id if reading.time is not None else f"face_{number + 1}"
        crop = cut_out(reading.image, face.face.box)
        if crop is not None:
            write_picture(home / f"{moment}{name}.jpg", crop)


def _home(folder: Path, place: Path) -> Path:
    return folder / place.with_suffix("")


class DrawnVideo:
    """A video of frames with their faces drawn in, at the frames' own times, without sound."""

    def __init__(self, path: Path, zero: float = 0.0) -> None:
        """Begin a video.

        Args:
            path: Its ending, one of :data:`VIDEO_ENDINGS`, names the container.
            zero: What the frames' clock shows at its beginning [s].

        Raises:
            CameraError: PyAV is not installed.
            ReadError: It cannot be written there.
        """
        self._av = pyav()
        self._errors: tuple[type[Exception], ...] = (self._av.FFmpegError, OSError, ValueError)
        self._file = WholeFile(path)
        self._container: Any = None
        self._stream: Any = None
        self._zero, self._last = zero, -1

    def add(self, reading: Reading) -> None:
        """Add a frame; one of another size is scaled to that of the first.

        Raises:
            ReadError: The disk is full, or no encoder is there.
        """
        image = reading.annotated()
        try:
            if self._container is None:
                self._begin(image.shape[1], image.shape[0])
            size = (self._stream.width, self._stream.height)
            if image.shape[1::-1] != size:
                image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            frame = self._av.VideoFrame.from_ndarray(image, format="bgr24")
            # Containers refuse times that do not increase.
            moment = (reading.time or 0.0) - self._zero
            self._last = max(round(moment / _CLOCK), self._last + 1)
            frame.pts, frame.time_base = self._last, _CLOCK
            self._container.mux(self._stream.encode(frame))
        except self._errors as error:
            raise self._failed(error) from error

    def keep(self) -> None:
        """Finish the video and put it where it belongs; without a frame nothing is left.

        Raises:
            ReadError: The disk is full; nothing is left then.
        """
        if self._stream is None:
            self.discard()
            return
        self._finish()
        self._file.keep()

    def leave(self) -> None:
        """Finish the video under its partial name, because it ends too early."""
        if self._stream is None:
            self.discard()
            return
        self._finish()
        self._file.leave()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._container is not None:
            with suppress(*self._errors):  # this is thrown away
                self._container.close()
        self._file.discard()

    def _begin(self, width: int, height: int) -> None:
        self._container = self._av.open(f"file:{self._file.partial}", "w")
        codec = self._encoder()
        stream = self._container.add_stream(codec, rate=30, options=dict(_QUALITY[codec]))
        # Colours are stored for two by two pixels.
        stream.width, stream.height = width // 2 * 2 or 2, height // 2 * 2 or 2
        if codec == "libvpx":
            stream.bit_rate = 8_000_000  # a limit; the quality decides
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = _CLOCK
        stream.codec_context.thread_count = 1
        self._stream = stream  # last: without it there is nothing to finish

    def _encoder(self) -> str:
        wanted = ["libvpx"] if self._file.path.suffix.lower() == ".webm" else ["libx264", "mpeg4"]
        for codec in wanted:
            if codec in self._av.codecs_available:
                return codec
        raise ReadError(f"{self._file.path}: the installed PyAV has no encoder for it; try .mp4")

    def _finish(self) -> None:
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
        except self._errors as error:
            self.discard()
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> ReadError:
        reason = getattr(error, "strerror", None) or error
        return ReadError(f"cannot write {self._file.path}: {reason}")
