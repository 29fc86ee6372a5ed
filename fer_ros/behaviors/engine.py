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

"""EmotionArray in, events out: the same events for the same input, whenever it is judged.

The engine knows no ROS, no clock and no randomness: time is that of the images' stamps. Everything
is counted for each camera apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fer_ros.behaviors.camera import CameraEvents
from fer_ros.behaviors.rules import Rule, RuleSet
from fer_ros.transport.event_messages import Event, FaceTable

LATE_TOLERANCE_NS = 500_000_000
"""A stamp older than the newest by less than this is a late image, by more a clock that jumped
back (a recording that loops, a simulator that restarts)."""

MAX_CAMERAS = 64


class EventEngine:
    """Judges the answers of any number of cameras by rules."""

    def __init__(self, rules: RuleSet) -> None:
        """Start with nobody there."""
        self.rules = rules
        self.dropped: Counter[str] = Counter()
        """Answers that were not judged, by reason: ``unstamped``, ``stale``, ``future``, ``late``,
        ``cameras`` (more than 64 of them)."""
        self._cameras: dict[str, CameraEvents] = {}

    @property
    def running(self) -> int:
        """How many events run."""
        return sum(camera.running for camera in self._cameras.values())

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that have been heard, in the order of their first answers."""
        return tuple(self._cameras)

    def unknown_expressions(self) -> dict[str, tuple[str, ...]]:
        """Return the rules that cannot hold because a camera's network lacks an expression."""
        return {name: camera.unknown for name, camera in self._cameras.items() if camera.unknown}

    def update(self, faces: FaceTable, now_ns: int | None = None) -> list[Event]:
        """Judge one answer.

        Args:
            faces: The answer.
            now_ns: The clock of the stamps [ns], to leave out answers that are stale or from the
                future; None where there is no clock, as in a recording.

        Returns:
            Ends, then starts, then what goes on, each in the order of the rules.
        """
        stamp = faces.stamp_ns
        reason = self._unfit(stamp, now_ns)
        camera = self._cameras.get(faces.source_topic)
        if not reason and camera is None:
            if len(self._cameras) >= MAX_CAMERAS:
                reason = "cameras"
            else:
                rules = [rule for rule in self.rules.rules if rule.is_about(faces.source_topic)]
                camera = CameraEvents(rules, faces.source_topic, self.rules.silence_ns)
                self._cameras[faces.source_topic] = camera
        if reason or camera is None:
            self.dropped[reason] += 1
            return []
        newest = camera.newest_ns
        if newest is not None and newest - LATE_TOLERANCE_NS <= stamp <= newest:
            self.dropped["late"] += 1
            return []
        events: list[Event] = []
        if newest is not None and stamp < newest:
            events = camera.restart()
        else:
            events = camera.advance(stamp)
        return events + camera.update(faces)

    def _unfit(self, stamp_ns: int, now_ns: int | None) -> str:
        if stamp_ns <= 0:
            return "unstamped"
        if now_ns is not None and now_ns - stamp_ns > self.rules.max_age_ns:
            return "stale"
        if now_ns is not None and stamp_ns - now_ns > self.rules.max_age_ns:
            return "future"
        return ""

    def advance(self, now_ns: int) -> list[Event]:
        """Let time pass without an answer: the events of cameras that are silent end."""
        return _joined(camera.advance(now_ns) for camera in self._cameras.values())

    def close(self) -> list[Event]:
        """End all events that run."""
        return _joined(camera.close() for camera in self._cameras.values())


def _joined(events: Iterable[list[Event]]) -> list[Event]:
    return [event for each in events for event in each]


def rules_of(rules: RuleSet) -> dict[str, Rule]:
    """Return the rules by name."""
    return {rule.name: rule for rule in rules.rules}
