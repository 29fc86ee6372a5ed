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

"""/diagnostics of a replay, as the live node would publish them, on the recording's clock.

Costs and rates of the wall clock are left out, so that every run writes the same messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from fer_ros.perception.timing import CLOCK_JUMP_NS
from fer_ros.replay.judge.cameras import ANSWERED, STATUSES, CameraRecord, Recording
from fer_ros.runtime.status import ERROR, OK, WARN
from fer_ros.transport.messages import Status

PREFIX = "fer"
"""Name of the node, as in its own diagnostics."""


class DiagnosticClock:
    """Says when the next diagnostics are due."""

    def __init__(self, period: float) -> None:
        """Start; the period is in seconds of the recording."""
        self._period_ns = round(period * 1e9)
        self._last_ns: int | None = None

    def due(self, now_ns: int) -> bool:
        """Return whether a period has passed, or time has jumped back."""
        last = self._last_ns
        if last is None or now_ns - last >= self._period_ns or now_ns < last - CLOCK_JUMP_NS:
            self._last_ns = now_ns
            return True
        return False


def camera_statuses(recording: Recording) -> Iterator[Status]:
    """Yield the state of every camera."""
    for topic, camera in recording.cameras.items():
        yield _camera(topic, camera)


def _camera(topic: str, camera: CameraRecord) -> Status:
    counts, stamps = camera.statuses, camera.stamps
    frames, period = sum(counts.values()), camera.period_ms
    rate = f"{1e3 / period:.2f}" if period else ""
    level, message = OK, f"{rate} Hz recorded" if rate else "no interval yet"
    useless = counts["no_key_frame"] + counts["undecodable"] + counts["failed"]
    if frames and useless == frames:
        level, message = ERROR, "no image could be processed"
    elif useless or stamps["zero"] or stamps["jumped_back"]:
        level, message = WARN, f"{useless} images could not be processed"
    values = {
        "rate_in_hz": rate,
        "received": str(frames),
        "published": str(counts[ANSWERED]),
        **{f"dropped.{s}": str(counts[s]) for s in STATUSES if s != ANSWERED},
        **{f"stamps.{key}": str(stamps[key]) for key in ("zero", "duplicate", "jumped_back")},
    }
    return Status(level, f"{PREFIX}: camera {topic}", message, values, topic)
