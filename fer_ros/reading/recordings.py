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

"""Results of a recording's images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fer_ros.perception.types import FrameResult
from fer_ros.reading.finding import Source
from fer_ros.reading.reader import Reader
from fer_ros.reading.result import Reading
from fer_ros.runtime.engine import CameraImage, Drop, FrameEngine
from fer_ros.runtime.recording_clocks import RecordingClocks, recorded_ns
from fer_ros.transport.bag import BagReader


@dataclass(frozen=True)
class Part:
    """Which frames of a source are read."""

    every: float
    """The first frame of every period of so many seconds; 0: every frame."""
    start: float
    """The first moment [s]."""
    end: float
    """The first moment that is left out [s]."""


@dataclass
class Notes:
    """Warnings about a source, once all of it has been read."""

    damage: list[str] = field(default_factory=list)
    """What is not whole, though it could be read."""
    remarks: list[str] = field(default_factory=list)
    """What is whole, but otherwise than expected, such as clocks that step."""


@dataclass
class _Topic:
    """State of a topic."""

    images: int = 0
    period: int | None = None
    read: bool = False
    joined: int = 0
    """Images of a video before its first key frame: a recorder joins where it happens to."""
    undecodable: int = 0
    reason: str = ""
    """Why the last of them could not be decoded."""


@dataclass
class RecordingFrames:
    """The readings of a recording's images; made for one pass."""

    source: Source
    reader: Reader
    part: Part
    """Counted from the first image."""
    notes: Notes = field(default_factory=Notes)

    def __iter__(self) -> Iterator[tuple[str, Reading, float]]:
        """Yield topic, reading and how much of the recording has been read [0..1].

        Raises:
            BagError: It cannot be read.
        """
        bag = BagReader(self.source.path)
        clocks = RecordingClocks()
        process = self.reader.new_pipeline().process
        engine = FrameEngine(process, self.reader.max_pixels, clocks=clocks.of)
        total = max(bag.count(self.source.topics), 1)
        topics = {name: _Topic() for name in self.source.topics}
        first_ns: int | None = None
        for count, message in enumerate(clocks.begin(bag.messages(self.source.topics))):
            clocks.meet(message)
            topic = topics[message.topic]
            number, topic.images = topic.images, topic.images + 1
            image = engine.read(
                message.topic, message.data, message.type_name, recorded_ns(message)
            )
            found: FrameResult | Drop | None = image if isinstance(image, Drop) else None
            if isinstance(image, CameraImage):
                time_ns = clocks.moment(image).time_ns
                first_ns = time_ns if first_ns is None else first_ns
                if self._is_read(time_ns - first_ns, topic):
                    (found,) = engine.process([image])
            if isinstance(found, Drop):
                if found.cause == "no_key_frame" and not topic.read:
                    topic.joined += 1
                else:
                    topic.undecodable += 1
                topic.reason = found.reason
            elif found is not None:
                topic.read = True
                reading = Reading(
                    tuple(found.faces), self.reader.origin, found.frame.image,
                    frame=number, time=time_ns / 1e9,
                )  # fmt: skip
                yield message.topic, reading, (count + 1) / total
        self.notes.remarks += clocks.warnings(first_ns or 0)
        self.notes.damage += [*bag.warnings, *map(str, bag.cuts)]
        for name, topic in topics.items():
            lost = topic.undecodable + (0 if topic.read else topic.joined)
            if lost:
                self.notes.damage.append(
                    f"{lost} images of {name} could not be decoded ({topic.reason})"
                )
            if topic.read and topic.joined:
                self.notes.remarks.append(
                    f"the first {topic.joined} images of {name} came before a key frame"
                )

    def _is_read(self, moment_ns: int, topic: _Topic) -> bool:
        part = self.part
        if not part.start <= moment_ns / 1e9 < part.end:
            return False
        step = round(part.every * 1e9)
        period = moment_ns // step if step else None
        last, topic.period = topic.period, period
        return period is None or period != last
