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

"""Schedule of frames: every one in turn, or the newest as on a live robot.

Both schedules depend on the recording alone, so a replay can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_ros.replay import records
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.results import LatencyRecord
from fer_ros.runtime.engine import CameraImage
from fer_ros.runtime.recording_clocks import Moment


@dataclass(frozen=True)
class Arrival:
    """One image of the recording whose header could be read."""

    index: int
    """Position among all images of the recording."""
    image: CameraImage
    moment: Moment
    recorded_ns: int
    """When it was recorded, as the recording says [ns]."""

    @property
    def topic(self) -> str:
        """Its camera."""
        return self.image.topic

    @property
    def time_ns(self) -> int:
        """When it belongs, on the axis of all cameras [ns]."""
        return self.moment.time_ns


@dataclass(frozen=True)
class Batch:
    """Images that the worker takes together."""

    arrivals: list[Arrival]
    finish_ns: int | None
    """When the results are published on the simulated clock; None where no clock is simulated."""


@dataclass(frozen=True)
class Dropped:
    """An image that the worker never gets."""

    arrival: Arrival
    cause: str


def every_frame(arrivals: Iterable[Arrival]) -> Iterator[Batch | Dropped]:
    """Schedule every image, one at a time, in the order of recording."""
    for arrival in arrivals:
        yield Batch([arrival], None)


def latest_frame(
    arrivals: Iterable[Arrival], worker_ms: float, max_age: float
) -> Iterator[Batch | Dropped]:
    """Schedule as the live node does: the newest image of each camera whenever it is free.

    Images arrive at their times, on one axis for all cameras. The worker needs a fixed time for
    each; those of several cameras that wait when it becomes free are taken together. An image that
    still waits when the next of its camera arrives is superseded.

    Args:
        arrivals: Images in the order of recording.
        worker_ms: Time per image [ms].
        max_age: As the parameter of that name: older images are dropped [s]; 0 keeps all.
    """
    worker = _Worker(worker_ms, max_age)
    for arrival in arrivals:
        yield from worker.arrive(arrival)
    yield from worker.run_until(None)


class _Worker:
    """The live node's worker on a simulated clock."""

    def __init__(self, worker_ms: float, max_age: float) -> None:
        self.newest_ns: int | None = None
        self._cost_ns = round(worker_ms * 1e6)
        self._max_age_ns = round(max_age * 1e9)
        self._free_at = -(2**63)
        self._waiting: dict[str, Arrival] = {}

    def arrive(self, arrival: Arrival) -> Iterator[Batch | Dropped]:
        # Of several cameras one may be a little late: its image arrives now.
        now = max(arrival.time_ns, self.newest_ns or arrival.time_ns)
        self.newest_ns = now
        yield from self.run_until(now)
        superseded = self._waiting.pop(arrival.topic, None)
        if superseded is not None:
            yield Dropped(superseded, "superseded")
        self._waiting[arrival.topic] = arrival
        if self._free_at <= now:
            yield from self._take(now)

    def run_until(self, now: int | None) -> Iterator[Batch | Dropped]:
        """Take what waits if the worker becomes free by then; None is the end of time."""
        if self._waiting and (now is None or self._free_at <= now):
            yield from self._take(self._free_at)

    def _take(self, start: int) -> Iterator[Batch | Dropped]:
        taken, self._waiting = list(self._waiting.values()), {}
        old = [a for a in taken if self._max_age_ns and start - a.time_ns > self._max_age_ns]
        yield from (Dropped(arrival, "too_old") for arrival in old)
        batch = [arrival for arrival in taken if arrival not in old]
        if batch:
            self._free_at = start + self._cost_ns * len(batch)
            yield Batch(batch, self._free_at)


def measured_worker_ms(path: Path) -> float:
    """Return the median time per frame that an earlier replay measured on this machine.

    Args:
        path: ``latency.json`` of that replay.

    Raises:
        ReplayError: The file is none, or holds no measurement.
    """
    try:
        value = records.read(path, LatencyRecord).latency_ms["total"].p50
        if value is None:
            raise ReplayError("it has no times")
    except (ReplayError, KeyError) as error:
        raise ReplayError(
            f"{path} is no latency.json of an earlier replay with processed frames: {error}"
        ) from error
    return value
