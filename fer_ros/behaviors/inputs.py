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

"""Check of the incoming results of each camera: whether the rules can use them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.behaviors.engine import MAX_CAMERAS
from fer_ros.behaviors.rules import Rule
from fer_ros.perception.strings import near_name, shortened

GRACE = 3.0
"""How long nothing of a camera may be usable before that is reported [s]."""

_GONE = 5.0
"""Silence from which a camera is no longer looked at [s]."""

_WORDS = {
    "unstamped": "its images have no stamp; have the camera stamp them",
    "stale": "its results are too old on arrival; lighten the load of the node, synchronise the "
    "clocks, or raise 'max_age' in the rule file",
    "future": "the stamps of its images lie in the future and jump; synchronise the clocks (NTP, "
    "chrony), or have the driver stamp with the system time",
    "late": "the stamps of its images do not advance; look at the camera's driver",
    "cameras": f"rules are evaluated for {MAX_CAMERAS} cameras at once",
}


@dataclass
class _Camera:
    heard: float
    """When a result came last, of the steady clock [s]."""
    usable: float
    """When one was used last, or the first one came."""
    reason: str = ""
    """Why the newest was not used."""


class Inputs:
    """Watches the cameras whose results come in."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Start without cameras."""
        self._rules = rules
        self._cameras: dict[str, _Camera] = {}
        self._since: float | None = None
        """When the first result came [s]."""

    def take(self, camera: str, reason: str) -> None:
        """Take in that a result came.

        Args:
            camera: Its source topic.
            reason: Why it was not used, a key of the engine's ``dropped``; empty: it was.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        seen = self._cameras.get(camera)
        if seen is None:
            if len(self._cameras) > MAX_CAMERAS:  # one more, so that too many are reported
                silent = min(self._cameras, key=lambda name: self._cameras[name].heard)
                if now - self._cameras[silent].heard < _GONE:
                    return
                del self._cameras[silent]
            seen = self._cameras[camera] = _Camera(now, now)
        seen.heard, seen.reason = now, reason
        if not reason:
            seen.usable = now

    def problems(self) -> dict[str, str]:
        """Return problems of the input with their remedies, by camera or rule."""
        now = time.monotonic()
        found = {
            name: f"no result of {shortened(name)} can be used: {_WORDS[camera.reason]}"
            for name, camera in self._cameras.items()
            if camera.reason and now - camera.heard < _GONE and now - camera.usable > GRACE
        }
        if self._since is not None and now - self._since > GRACE:
            found |= self._rules_without_camera()
        return found

    def _rules_without_camera(self) -> dict[str, str]:
        """Return the rules that are about none of the cameras that have been heard."""
        return {
            rule.name: f"rule {rule.name!r} is about {', '.join(rule.cameras)}, of which nothing "
            f"has come; {near_name(rule.cameras[0], self._cameras)}"
            for rule in self._rules
            if not any(rule.is_about(camera) for camera in self._cameras)
        }
