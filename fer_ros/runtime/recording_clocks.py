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
"""One clock a camera, all on one axis of time, whatever their stamps count from."""

from __future__ import annotations

import itertools
import statistics
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from fer_ros.perception.frame_clock import FrameClock
from fer_ros.perception.strings import shortened
from fer_ros.perception.timing import CLOCK_REMEDY, FOREIGN_NS, clock_difference
from fer_ros.runtime.engine import CameraImage
from fer_ros.transport.bag import BagMessage
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.messages import read_image

LATEST_NS = (2**31 - 1) * 1_000_000_000
"""The latest time that a stamp of ROS can hold [ns]."""

_LOOKED_AT, _MOST_BYTES = 16, 64 << 20
"""Images a camera, and bytes of all, that are looked at before the first one is placed."""

_PAUSE_NS, _PAUSE_PERIODS = 2_000_000_000, 8
"""A longer time without images is a pause, in which nothing was filmed [ns, usual periods]."""

_FIRST_PAUSE_NS = 10_000_000_000
"""The same where no period is known yet."""


@dataclass(frozen=True)
class Moment:
    """When an image belongs."""

    time_ns: int
    """On the axis that all cameras share and that never jumps back; mostly the stamp."""
    stamp_ns: int
    """Its stamp, or where it has none the time of recording."""
    filmed_ns: int = 0
    """How long images of its camera have come up to here, pauses left out [ns]."""
    part: int = 0
    """How often its camera's time has begun anew before; tracks do as well."""


class _Filmed:
    """Adds up the time in which images of a camera came."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._previous: int | None = None
        self._steps: deque[int] = deque(maxlen=_LOOKED_AT)

    def note(self, time_ns: int) -> int:
        step = 0 if self._previous is None else max(time_ns - self._previous, 0)
        self._previous = max(time_ns, self._previous or time_ns)
        longest = _FIRST_PAUSE_NS
        if self._steps:
            longest = max(_PAUSE_NS, round(_PAUSE_PERIODS * statistics.median(self._steps)))
        if step:
            self._steps.append(step)
        self.total_ns += step if step <= longest else 0
        return self.total_ns


class RecordingClocks:
    """The clocks of a recording's cameras.

    The axis is that of the stamps where they count from what the recorder's clock does, else of
    the first camera's. A camera whose clock is another one is placed by its difference.
    """

    def __init__(self) -> None:
        """Start without cameras."""
        self.of: dict[str, FrameClock] = {}
        """By topic; those of cameras that were met."""
        self.foreign: dict[str, int] = {}
        """How far behind the axis the stamps of a camera are, where its clock is another [ns]."""
        self._lag_ns: int | None = None
        """Time of recording minus time, of the latest image."""
        self._filmed: dict[str, _Filmed] = {}

    def begin(self, messages: Iterator[BagMessage]) -> Iterator[BagMessage]:
        """Look at the first images of each camera; return all messages, these included."""
        first, lags, size = [], dict[str, list[int]](), 0
        for message in messages:
            first.append(message)
            stamp_ns, size = _stamp_ns(message), size + len(message.data)
            own = lags.setdefault(message.topic, [])
            if stamp_ns > 0:
                own.append(recorded_ns(message) - stamp_ns)
            if size > _MOST_BYTES or len(first) >= _LOOKED_AT * len(lags):
                break
        known = {topic: round(statistics.median(own)) for topic, own in lags.items() if own}
        same = [lag for lag in known.values() if abs(lag) <= FOREIGN_NS]
        self._lag_ns = next(iter([*same, *known.values()]), None)
        for topic in lags:
            self._meet(topic, known.get(topic))
        return itertools.chain(first, messages)

    def meet(self, message: BagMessage) -> None:
        """Make sure that the camera of an image has a clock."""
        if message.topic not in self.of:
            stamp_ns = _stamp_ns(message)
            self._meet(message.topic, recorded_ns(message) - stamp_ns if stamp_ns > 0 else None)

    def _meet(self, topic: str, lag_ns: int | None) -> None:
        axis = self._lag_ns if self._lag_ns is not None else lag_ns or 0
        own = axis if lag_ns is None else lag_ns
        offset = own - axis if abs(own - axis) > FOREIGN_NS else 0
        if offset:
            self.foreign[topic] = offset
        self.of[topic] = FrameClock(offset, own - offset)
        self._filmed[topic] = _Filmed()

    def moment(self, image: CameraImage) -> Moment:
        """Return when an image belongs; call it once for each, in the order of recording."""
        clock, filmed = self.of[image.topic], self._filmed[image.topic]
        time_ns = min(max(image.time_ns + clock.fallen_ns, 0), LATEST_NS)
        self._lag_ns = image.received_ns - time_ns
        stamp_ns = image.received.stamp_ns
        return Moment(
            time_ns=time_ns,
            stamp_ns=stamp_ns if stamp_ns > 0 else image.received_ns,
            filmed_ns=filmed.note(time_ns),
            part=clock.restarts.count,
        )

    @property
    def stepped(self) -> bool:
        """Whether a stamp alone does not tell the time of an image."""
        return bool(self.foreign) or any(clock.breaks for clock in self.of.values())

    def warnings(self, origin_ns: int) -> list[str]:
        """Return what a user should know of the clocks.

        Args:
            origin_ns: Time of the first image.
        """
        found = []
        for topic, offset in self.foreign.items():
            side = "behind" if offset > 0 else "ahead of"
            found.append(
                f"{shortened(topic)}: its clock is {clock_difference(offset)} {side} that of the "
                f"other cameras; its images were placed by that difference; {CLOCK_REMEDY}"
            )
        for topic, clock in self.of.items():
            if clock.breaks:
                first = min(s.first_ns for s in (clock.steps, clock.restarts) if s.count)
                what = "arrival tells the time there"
                if clock.restarts.count:
                    what = "tracks begin anew where they jump back"
                begin = (first - origin_ns) / 1e9
                found.append(
                    f"{shortened(topic)}: {clock.summary()}; first {begin:.1f} s "
                    f"after the first image; {what}"
                )
        return found


def _stamp_ns(message: BagMessage) -> int:
    """Return the stamp of an image; 0 where it has none, or is no image."""
    try:
        return read_image(message.data, message.type_name).stamp_ns
    except DecodeError:
        return 0


def recorded_ns(message: BagMessage) -> int:
    """Return when a message was recorded, within what a stamp can hold [ns]."""
    return min(max(message.time_ns, 0), LATEST_NS)
