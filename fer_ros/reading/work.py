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

"""Reading of one source: frames, annotated output, crops, errors and warnings."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from fer_ros.perception.images import ImageError
from fer_ros.perception.types import Image
from fer_ros.reading.drawing import DrawnVideo, forget_faces, write_faces, write_picture
from fer_ros.reading.finding import Kind, Source
from fer_ros.reading.moments import SurestFaces
from fer_ros.reading.reader import Reader, thinned
from fer_ros.reading.recordings import Notes, Part, RecordingFrames
from fer_ros.reading.result import Reading
from fer_ros.reading.summary import Seen
from fer_ros.reading.tables import Row
from fer_ros.sources.errors import CameraError
from fer_ros.sources.video import VideoFrame
from fer_ros.sources.webcam import open_webcam
from fer_ros.transport.bag import BagError

_LEAP = 60.0
"""A longer step from one frame of a video to the next is remarked on [s]."""


@dataclass(frozen=True)
class Work:
    """Options that hold for every source."""

    part: Part
    """Of videos, webcams and recordings."""
    drawn: Path | None = None
    """Folder for pictures and videos with the faces drawn in."""
    drawn_file: Path | None = None
    """The same, as one file for the only source."""
    faces: Path | None = None
    """Folder for pictures of the faces alone."""
    moments: Path | None = None
    """Folder for pictures of each person's surest moments."""

    @property
    def pictured(self) -> list[Path]:
        """Files and folders for pictures and videos of the sources."""
        places = (self.drawn_file, self.drawn, self.faces, self.moments)
        return [path for path in places if path is not None]

    def drawn_path(self, source: Source, topic: str = "") -> Path | None:
        """Return where a source is drawn; None where it is not."""
        if self.drawn_file is not None:
            return self.drawn_file
        if self.drawn is None:
            return None
        place = self.drawn / source.place
        if source.kind is Kind.PICTURE:
            return place.with_suffix(".png" if place.suffix.lower() == ".png" else ".jpg")
        return place.with_name(f"{_stem(source, topic)}.mp4")

    def moments_path(self, source: Source, topic: str) -> Path | None:
        """Return the folder for a source's surest moments; None where they are not wanted."""
        if self.moments is None or source.kind is Kind.PICTURE:
            return None
        return (self.moments / source.place).with_name(_stem(source, topic))


def _no_frame(part: Part) -> str:
    if part.start == 0 and math.isinf(part.end):
        return "holds no frame that can be read"
    end = "its end" if math.isinf(part.end) else f"{part.end:g} s"
    return f"has no frame from {part.start:g} s to {end}"


def _stem(source: Source, topic: str) -> str:
    return f"{source.place.stem}{topic.replace('/', '_')}"


@dataclass(frozen=True, slots=True)
class FrameRead:
    """One frame of a source."""

    index: int
    """Of the source."""
    rows: list[Row]
    share: float | None
    """How much of the source has been read [0..1]; None where that is not known."""
    reading: Reading | None
    """None where another process read it."""


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """A source has been read."""

    index: int
    error: str = ""
    """Why it could not be read, or is not to be relied on; empty where it was."""
    warnings: tuple[str, ...] = ()
    """Damage that did not keep it from being read."""
    remarks: tuple[str, ...] = ()
    """What is no damage, but to be known."""


Event = FrameRead | SourceEnded


class Worker:
    """Reads sources by the networks of one reader."""

    def __init__(self, reader: Reader, work: Work) -> None:
        """Take a reader, whose networks are loaded."""
        self._reader, self._work = reader, work

    def read(self, index: int, source: Source) -> Generator[Event, None, None]:
        """Read a source from its beginning to its end.

        Args:
            index: Of the source, for the events.
            source: What to read.

        Yields:
            Its frames, then its end, which names what is wrong with it.

        Raises:
            ReadError: What is drawn of it cannot be written.
        """
        notes = Notes()
        frames_read = 0
        try:
            with closing(self._frames(source, notes)) as frames:
                for reading, rows, share in frames:
                    frames_read += 1
                    yield FrameRead(index, rows, share, reading)
        except (CameraError, BagError, ImageError, OSError, ValueError) as error:
            yield SourceEnded(index, str(error))
            return
        if not frames_read:
            reason = ": ".join([_no_frame(self._work.part), *notes.damage])
            yield SourceEnded(index, f"{source.name} {reason}")
            return
        damage, remarks = (
            tuple(f"{source.name}: {text}" for text in texts)
            for texts in (notes.damage, notes.remarks)
        )
        yield SourceEnded(index, "", damage, remarks)

    def _frames(
        self, source: Source, notes: Notes
    ) -> Generator[tuple[Reading, list[Row], float | None], None, None]:
        """Yield the frames of a source, each drawn and cut out as asked."""
        before = _state(source)
        drawn: dict[str, DrawnVideo] = {}
        surest: dict[Path, SurestFaces] = {}
        begun = False
        # Players wait for a first frame that comes an hour, or 54 years, after the beginning.
        zero = max(self._work.part.start, 0.0) if source.kind is Kind.VIDEO else 0.0
        try:
            for topic, reading, share in self._readings(source, notes):
                mark = f"#{topic}" if topic else ""
                named = replace(reading, source=source.name + mark)
                if source.kind is Kind.PICTURE:
                    _check_unchanged(source, before)
                if self._work.faces is not None:
                    if not begun:
                        forget_faces(self._work.faces, source.place)
                    write_faces(self._work.faces, source.place, named)
                if source.kind is Kind.RECORDING and not begun:
                    zero = reading.time or 0.0
                path = self._work.drawn_path(source, topic)
                if path is not None and source.kind is Kind.PICTURE:
                    write_picture(path, named.annotated())
                elif path is not None:
                    if topic not in drawn:
                        drawn[topic] = DrawnVideo(path, zero)
                    drawn[topic].add(named)
                rows = [record.to_dict() for record in named.records()]
                moments = self._work.moments_path(source, topic)
                if moments is not None:
                    boxes = (found.face.box for found in named)
                    faces = zip(map(Seen.of_row, rows), boxes)  # a frame without faces has no box
                    surest.setdefault(moments, SurestFaces()).add(named.image, faces)
                begun = True
                yield named, rows, share
            _check_unchanged(source, before)
            for folder, found in surest.items():
                found.write(folder)
        except (GeneratorExit, KeyboardInterrupt):
            for video in drawn.values():
                video.leave()
            raise
        except BaseException:
            for video in drawn.values():
                video.discard()
            raise
        for video in drawn.values():
            video.keep()

    def _readings(
        self, source: Source, notes: Notes
    ) -> Iterator[tuple[str, Reading, float | None]]:
        """Yield topic, reading and share; the topic is empty but for recordings."""
        if source.kind is Kind.PICTURE:
            yield "", self._reader.read(str(source.path)), 1.0
        elif source.kind is Kind.RECORDING:
            frames = RecordingFrames(source, self._reader, self._work.part, notes)
            for topic, reading, share in frames:
                yield topic, reading, share
        elif source.kind is Kind.WEBCAM:
            images = _timed(open_webcam(str(source.path)), self._work.part.end)
            thin = thinned(images, self._work.part.every)
            for reading in self._reader.follow(thin, source.name):
                yield "", reading, None
        else:
            yield from self._video(source, notes)

    def _video(self, source: Source, notes: Notes) -> Iterator[tuple[str, Reading, float | None]]:
        part = self._work.part
        video = self._reader.open_video(source.path)
        length, last = video.duration, 0.0
        whole = min(part.end, length if length else math.inf) - part.start
        for reading in self._reader.follow_video(video, part.every, part.start, part.end):
            last = reading.time or 0.0
            known = math.isfinite(whole) and whole > 0
            yield "", reading, min((last - part.start) / whole, 1.0) if known else None
        if video.damaged:
            notes.damage.append(f"{video.damaged} packets could not be decoded")
        if abs(video.leap) > _LEAP:
            notes.remarks.append(
                f"its times leap by up to {video.leap:.1f} s from frame to frame, where tracks "
                "begin anew"
            )
        if video.ended_early:
            notes.damage.append(
                f"it ends after {last:.1f} s, {video.ended_early:.1f} s before its head says"
            )


def _timed(images: Iterator[Image], end: float) -> Iterator[VideoFrame]:
    """Give a webcam's images their times since the first one [s]."""
    start_ns = 0
    for index, image in enumerate(images):
        now_ns = time.monotonic_ns()
        start_ns = start_ns or now_ns
        if now_ns - start_ns >= end * 1e9:
            return
        yield VideoFrame(image, now_ns - start_ns, index)


def _check_unchanged(source: Source, before: tuple[int, int, int] | None) -> None:
    if _state(source) != before:
        raise CameraError(f"{source.name} was changed while it was read")


def _state(source: Source) -> tuple[int, int, int] | None:
    """Return what changes when somebody writes a file."""
    if source.kind is Kind.WEBCAM or source.path.is_dir():
        return None
    try:
        found = source.path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
