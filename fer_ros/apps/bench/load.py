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

"""Load test: cameras that one node keeps up with, in real processes over loopback DDS, one core."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from fer_ros.apps.camera import CameraPublisher
from fer_ros.apps.children import Child, node_command
from fer_ros.apps.run import NODE_NAME
from fer_ros.perception.timing import percentiles
from fer_ros.sources.scene import crowd_scene
from fer_ros.transport import messages
from fer_ros.transport.base import Qos, Transport, TransportError
from fer_ros.transport.codec import decode
from fer_ros.transport.opening import open_standalone, private_graph

_START_TIME = 30.0
_SETTLE_TIME = 3.0
"""How long the node runs under load before it is measured [s]."""

_DRAIN_TIME = 1.0


@dataclass(frozen=True)
class LoadFigures:
    """Counts and costs of the images of some cameras."""

    cameras: int
    faces: int
    """In every image."""
    rate_hz: float
    """Of every camera."""
    sent: int
    answered: int
    fewest: int
    """Results of the camera that got the fewest."""
    most: int
    age_ms: Mapping[str, float]
    """Percentiles at publish."""
    answers_per_second: float
    core_ms_per_answer: float
    """Processor time of the whole node process, receiving included."""
    core_percent: float
    memory_mib: float

    @property
    def lost_percent(self) -> float:
        """Share of the images without a result."""
        # Results of the last images before the measurement may fall into it.
        return max(100 * (1 - self.answered / self.sent), 0.0) if self.sent else 0.0


def measure_load(
    cameras: int, faces: int, seconds: float, rate: float, overrides: Mapping[str, Any]
) -> LoadFigures:
    """Publish VGA images of several cameras to one node that has one core.

    Args:
        cameras: How many.
        faces: In every image.
        seconds: Length of the measurement, after the node has settled.
        rate: Images per second of every camera.
        overrides: Parameters of the node.

    Raises:
        TransportError: No middleware is available here, or no result comes from the node.
    """
    topics = [f"/camera{index}/image_raw" for index in range(cameras)]
    with private_graph(), open_standalone("fer_bench") as transport:
        results = _Results(transport)
        publishers = [_camera(transport, index) for index in range(cameras)]
        with Child("node", node_command({**overrides, "image_topics": topics})) as node:
            _hold_to_one_core(node.pid)
            return _measure(publishers, results, node, faces, seconds, rate)


def _camera(transport: Transport, index: int) -> CameraPublisher:
    return CameraPublisher(transport, "raw", frame_id="camera", topic=f"/camera{index}/image_raw")


def _hold_to_one_core(pid: int) -> None:
    """Keep the node on one core and this process off it, where the system can."""
    process = psutil.Process(pid)
    cores = process.cpu_affinity() if hasattr(process, "cpu_affinity") else None
    if cores and len(cores) > 1:
        process.cpu_affinity(cores[:1])
        psutil.Process().cpu_affinity(cores[1:])


class _Results:
    """Counts results by camera."""

    def __init__(self, transport: Transport) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.ages: list[float] = []
        topic = f"/{NODE_NAME}/emotions"
        transport.subscribe(topic, messages.EMOTION_ARRAY, Qos(depth=1000), self._receive)

    def _receive(self, data: bytes) -> None:
        message = decode(data, messages.EMOTION_ARRAY)
        with self._lock:
            self.counts[message.source_topic] += 1
            self.ages.append(float(message.age_ms))

    def reset(self) -> None:
        with self._lock:
            self.counts.clear()
            self.ages.clear()


def _measure(
    publishers: Sequence[CameraPublisher], results: _Results, node: Child,
    faces: int, seconds: float, rate: float,
) -> LoadFigures:  # fmt: skip
    scene = crowd_scene(640, 480, faces)
    pictures = [scene.render(index / 10)[0] for index in range(10)]
    process, started = psutil.Process(node.pid), time.monotonic()
    settled: float | None = None
    sent, due, spent = 0, started, 0.0
    while settled is None or time.monotonic() < settled + seconds:
        if node.ended():
            raise TransportError(f"the node ended:\n{node.output()}")
        now = time.monotonic()
        if settled is None and results.counts and now > started + _SETTLE_TIME:
            settled, sent, spent = now, 0, sum(process.cpu_times()[:2])
            results.reset()
        elif settled is None and now > started + _START_TIME:
            raise TransportError(f"no result within {_START_TIME:.0f} s:\n{node.output()}")
        time.sleep(max(due - now, 0))
        # Cameras send in turn, each at its rate; a slow publisher does not catch up in a burst.
        due = max(due + 1 / (rate * len(publishers)), now - 1 / rate)
        image = pictures[sent // len(publishers) % len(pictures)]
        publishers[sent % len(publishers)].send(image, time.time_ns())
        sent += 1
    elapsed = time.monotonic() - settled
    spent = sum(process.cpu_times()[:2]) - spent
    memory = process.memory_info().rss / 2**20
    time.sleep(_DRAIN_TIME)
    by_camera = [results.counts[publisher.topic] for publisher in publishers]
    answered = sum(by_camera)
    return LoadFigures(
        cameras=len(publishers),
        faces=faces,
        rate_hz=rate,
        sent=sent,
        answered=answered,
        fewest=min(by_camera),
        most=max(by_camera),
        age_ms=percentiles(results.ages),
        answers_per_second=answered / elapsed,
        core_ms_per_answer=1e3 * spent / max(answered, 1),
        core_percent=100 * spent / elapsed,
        memory_mib=memory,
    )
