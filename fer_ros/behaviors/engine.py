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

"""Event engine: EmotionArray in, events out, deterministic in its input.

The engine knows no ROS, no clock and no randomness: rules measure time by the images' stamps, each
camera apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fer_ros.behaviors.camera import CameraEvents
from fer_ros.behaviors.clock import CameraClock
from fer_ros.behaviors.rules import RuleSet
from fer_ros.perception.strings import shortened
from fer_ros.transport.event_messages import Event, FaceTable

MAX_CAMERAS = 64
"""Cameras that are kept at once. Results name their camera by a text, which may be any."""

FORGET_NS = 10_000_000_000
"""A camera without results for so long gives its place to another one [ns]."""


@dataclass
class _Camera:
    clock: CameraClock
    events: CameraEvents
    heard_ns: int | None = None
    """When its newest result came [ns]; None where that is not known."""


class EventEngine:
    """Evaluates the results of any number of cameras by rules."""

    def __init__(
        self,
        rules: RuleSet,
        live: bool = True,
        on_note: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """Start without cameras.

        Args:
            rules: The rules.
            live: Whether results that are too old on arrival, or from the future, are left out; in
                a recording none is.
            on_note: Gets the camera and what is to be logged about its clock, once a step.
        """
        self.rules = rules
        self.dropped: Counter[str] = Counter()
        """Results that were not evaluated, by reason: ``unstamped``, ``stale``, ``future``,
        ``late``, ``cameras`` (more than 64 of them)."""
        self.forgotten = 0
        """Silent cameras whose place another one has taken."""
        self._live = live
        self._on_note = on_note
        self._cameras: dict[str, _Camera] = {}

    @property
    def running(self) -> int:
        """How many events run."""
        return sum(camera.events.running for camera in self._cameras.values())

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that have been heard, in the order of their first results."""
        return tuple(self._cameras)

    def unknown_expressions(self) -> dict[str, tuple[str, ...]]:
        """Return the rules that cannot hold because a camera's network lacks an expression."""
        return {
            name: camera.events.unknown
            for name, camera in self._cameras.items()
            if camera.events.unknown
        }

    def clocks(self) -> dict[str, CameraClock]:
        """Return the clocks of the cameras."""
        return {name: camera.clock for name, camera in self._cameras.items()}

    def update(self, faces: FaceTable, now_ns: int | None = None) -> list[Event]:
        """Evaluate one result.

        Args:
            faces: The result.
            now_ns: When it came, by the clock of this node or of the recording [ns]; None where
                that is not known.

        Returns:
            Ends, then starts, then what goes on, each in the order of the rules.
        """
        return self.judge(faces, now_ns)[1]

    def judge(self, faces: FaceTable, now_ns: int | None = None) -> tuple[str, list[Event]]:
        """Like :meth:`update`; also return why the result was left out, empty when it was not."""
        camera, events = self._camera(faces.source_topic, now_ns)
        if camera is None:
            return self._drop("cameras"), []
        reading = camera.clock.read(faces.stamp_ns, now_ns)
        if reading.note:
            self._on_note(faces.source_topic, reading.note)
        if not self._live and reading.reason in ("", "late"):
            events += self.advance(camera.clock.common_ns(faces.stamp_ns))
        if reading.reason:
            return self._drop(reading.reason), events
        if reading.jumped_back:
            events += camera.events.restart()
        return "", events + camera.events.update(faces)

    def _camera(self, name: str, now_ns: int | None) -> tuple[_Camera | None, list[Event]]:
        """Return a camera, None where there are too many, and the last events of one forgotten."""
        camera, events = self._cameras.get(name), []
        if camera is None and len(self._cameras) >= MAX_CAMERAS:
            events = self._forget_one(name, now_ns)
        if camera is None and len(self._cameras) < MAX_CAMERAS:
            rules = [rule for rule in self.rules.rules if rule.is_about(name)]
            camera = self._cameras[name] = _Camera(
                CameraClock(self.rules.max_age_ns, self._live),
                CameraEvents(rules, name, self.rules.silence_ns),
            )
        if camera is not None:
            camera.heard_ns = now_ns
        return camera, events

    def _forget_one(self, newcomer: str, now_ns: int | None) -> list[Event]:
        """Forget the camera that has been silent for longest, if that is long enough."""
        heard = {n: c.heard_ns for n, c in self._cameras.items() if c.heard_ns is not None}
        if now_ns is None or not heard:
            return []
        for name in [name for name, since in heard.items() if since > now_ns]:
            heard[name] = self._cameras[name].heard_ns = now_ns  # a simulator has been reset
        silent = min(heard, key=heard.__getitem__)
        if now_ns - heard[silent] < max(FORGET_NS, self.rules.silence_ns):
            return []
        if not self.forgotten:
            self._on_note(
                silent,
                f"forgotten for {shortened(newcomer)}, as others will be: more than {MAX_CAMERAS} "
                f"cameras have sent results, and nothing has come of it for "
                f"{(now_ns - heard[silent]) / 1e9:.0f} s",
            )
        self.forgotten += 1
        return self._cameras.pop(silent).events.fall_silent()

    def _drop(self, reason: str) -> str:
        self.dropped[reason] += 1
        return reason

    def advance(self, now_ns: int) -> list[Event]:
        """Let time pass without a result: the events of cameras that are silent end.

        Args:
            now_ns: The clock of the arrivals; of the stamps where results came without one [ns].
        """
        return [
            event
            for camera in self._cameras.values()
            if camera.events.newest_ns is not None
            and camera.clock.silent_for(now_ns, camera.events.newest_ns) > self.rules.silence_ns
            for event in camera.events.fall_silent()
        ]

    def close(self) -> list[Event]:
        """End all events that run."""
        return [event for camera in self._cameras.values() for event in camera.events.close()]
