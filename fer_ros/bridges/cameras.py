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

"""State that bridges keep for each of a bounded number of cameras."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Logger

T = TypeVar("T")

MOST_CAMERAS = 32
"""Cameras that are kept at once. Results name their camera by a text, which may be any."""

FORGET_AFTER = 10.0
"""A camera without results for so long gives its place to another one [s]."""


@dataclass
class _Place(Generic[T]):
    content: T
    used: float


class Cameras(Generic[T]):
    """A table by the topic of a camera's images; not safe for several threads."""

    def __init__(
        self,
        make: Callable[[str], T],
        close: Callable[[T], None],
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            make: Makes what is kept of a camera, given its topic.
            close: Gives that back.
            log: Gets one warning when there are too many cameras.
            clock: Steady time [s].
        """
        self._make, self._close, self._log, self._clock = make, close, log, clock
        self._places: dict[str, _Place[T]] = {}
        self._full = False

    def get(self, topic: str) -> T | None:
        """Return what is kept of a camera, made where need be; None where there are too many."""
        now = self._clock()
        place = self._places.get(topic)
        if place is None:
            if len(self._places) >= MOST_CAMERAS and not self._make_room(now):
                if not self._full:
                    self._full = True
                    self._log.warning(
                        f"more than {MOST_CAMERAS} cameras send results; {shortened(topic)} and "
                        "others beyond that are left out"
                    )
                return None
            place = self._places[topic] = _Place(self._make(topic), now)
        place.used = now
        return place.content

    def forget(self, topic: str) -> None:
        """Give a camera's place back; harmless when it has none."""
        place = self._places.pop(topic, None)
        if place is not None:
            self._close(place.content)

    def close(self) -> None:
        """Give all places back."""
        for topic in list(self._places):
            self.forget(topic)

    def __len__(self) -> int:
        return len(self._places)

    def _make_room(self, now: float) -> bool:
        silent = min(self._places, key=lambda topic: self._places[topic].used)
        if now - self._places[silent].used < FORGET_AFTER:
            return False
        self.forget(silent)
        self._full = False
        return True
