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

"""Stretches of a track in which the pipeline sees one expression: a person labels one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from fer_ros.perception.cut_out import cut_out
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.types import Box, FaceEmotion, FrameResult, Image

PICTURES = 8
"""Small pictures of a stretch, spread over its time."""

SIDE = 96

_FORGET_AFTER = 60_000_000_000
"""Longest track timeout that parameters allow; a track not seen for longer cannot return [ns]."""

_SWEEP_EVERY = 1000


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a face."""

    time_ns: int
    picture: Image
    """Square, of :data:`SIDE` pixels, BGR."""


@dataclass
class Strip:
    """Pictures at even distances, whatever the length turns out to be."""

    pictures: list[Thumbnail] = field(default_factory=list)
    every: int = 1
    """Images from one picture to the next."""
    seen: int = 0

    def add(self, image: Image, found: FaceEmotion, time_ns: int) -> None:
        """Take in the first face."""
        self.seen = 1
        picture = cut_out(image, found.face.box)
        if picture is None:
            return
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        if small.ndim == 2:
            small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        self.pictures.append(Thumbnail(time_ns, np.asarray(small, np.uint8)))

    def take(self, other: Strip) -> None:
        """Take in the pictures of the time that follows."""
        while self.every < other.every:
            self._thin()
        # The next picture is due when so many images have passed since the last one.
        due = -self.seen % self.every // other.every
        self.pictures += other.pictures[due :: self.every // other.every]
        self.seen += other.seen
        while len(self.pictures) > PICTURES:
            self._thin()

    def _thin(self) -> None:
        self.pictures = self.pictures[::2]
        self.every *= 2


@dataclass
class FaceStretch:
    """A stretch of one track."""

    track_id: str
    topic: str
    label: str
    start_ns: int
    end_ns: int
    """Of its last image; the stretch that follows begins later."""
    left: float
    top: float
    right: float
    bottom: float
    strip: Strip = field(default_factory=Strip)

    @property
    def seconds(self) -> float:
        """From its first to its last image [s]."""
        return (self.end_ns - self.start_ns) / 1e9

    @property
    def hull(self) -> Box:
        """Smallest box around all of its boxes [pixels]."""
        return Box(self.left, self.top, self.right - self.left, self.bottom - self.top)

    def take(self, other: FaceStretch) -> None:
        """Take in the stretch that follows."""
        self.end_ns = max(self.end_ns, other.end_ns)
        self.left, self.top = min(self.left, other.left), min(self.top, other.top)
        self.right, self.bottom = max(self.right, other.right), max(self.bottom, other.bottom)
        self.strip.take(other.strip)


class _Track:
    """The stretch that a track is in, and the one that may follow, if the change lasts."""

    def __init__(self, first: FaceStretch) -> None:
        self.now = first
        self.next: FaceStretch | None = None

    def add(self, frame: FaceStretch, shortest: float) -> FaceStretch | None:
        """Take in one image; return the stretch that has ended, if one has.

        ``uncertain`` is no change: it belongs to the expression before.
        """
        if frame.label == UNCERTAIN:
            (self.next or self.now).take(frame)
            return None
        if self.now.label == UNCERTAIN:
            self.now.label = frame.label
        if frame.label == self.now.label:
            self._settle()
            self.now.take(frame)
            return None
        if self.next is not None and self.next.label == frame.label:
            self.next.take(frame)
        else:
            self._settle()
            self.next = frame
        if self.next.seconds < shortest:
            return None
        if self.now.seconds < shortest:  # too short for a stretch of its own
            label = self.next.label
            self._settle()
            self.now.label = label
            return None
        ended, self.now, self.next = self.now, self.next, None
        return ended

    def _settle(self) -> None:
        """Give up a change that did not last."""
        if self.next is not None:
            self.now.take(self.next)
            self.next = None

    def end(self) -> FaceStretch:
        """Return the last stretch."""
        self._settle()
        return self.now


class Stretches:
    """Splits tracks at the changes that the pipeline sees; memory stays bounded."""

    def __init__(
        self, finished: Callable[[FaceStretch], None], shortest: float, split: bool = True
    ) -> None:
        """Start without tracks.

        Args:
            finished: Gets every stretch in the order of its end.
            shortest: A change must last so long to begin a stretch [s].
            split: Whether tracks are split at all.
        """
        self._finished = finished
        self._shortest = shortest
        self._split = split
        self._open: dict[str, _Track] = {}
        self._frames = 0

    def add(self, result: FrameResult, time_ns: int) -> None:
        """Add the faces of one processed image."""
        for found in result.faces:
            frame = _of_one_image(result, found, time_ns)
            if not self._split:
                frame.label = ""
            track = self._open.get(found.track_id)
            if track is None:
                self._open[found.track_id] = _Track(frame)
            elif ended := track.add(frame, self._shortest):
                self._finished(ended)
        self._frames += 1
        if self._frames % _SWEEP_EVERY == 0:
            self._sweep(lambda stretch: abs(time_ns - stretch.end_ns) > _FORGET_AFTER)

    def finish(self) -> None:
        """Hand on the stretches that are still open."""
        self._sweep(lambda _: True)

    def _sweep(self, over: Callable[[FaceStretch], bool]) -> None:
        for track_id, track in list(self._open.items()):
            if over(track.next or track.now):
                del self._open[track_id]
                self._finished(track.end())


def _of_one_image(result: FrameResult, found: FaceEmotion, time_ns: int) -> FaceStretch:
    box = found.face.box
    stretch = FaceStretch(
        found.track_id, result.frame.topic, found.label, time_ns, time_ns,
        box.x, box.y, box.x + box.width, box.y + box.height,
    )  # fmt: skip
    stretch.strip.add(result.frame.image, found, time_ns)
    return stretch
