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

"""Camera to EmotionArray over loopback DDS: three processes as on a robot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psutil

from fer_ros.apps.camera import CameraPublisher
from fer_ros.apps.children import Child, node_command
from fer_ros.apps.run import NODE_NAME
from fer_ros.perception.timing import percentiles
from fer_ros.sources.scene import crowd_scene
from fer_ros.transport import messages
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.codec import decode
from fer_ros.transport.opening import open_standalone, private_graph

_START_TIME = 20.0
_SETTLE_TIME = 2.0
"""Start-up is measured on its own; the steady state begins after this [s]."""


class _Subscriber:
    """Counts results and measures their ages, and keeps the node's own count of drops."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.node_ages: list[float] = []
        self.stamps: set[int] = set()
        self.first: float | None = None
        self.drops: dict[str, int] = {}

    def diagnose(self, data: bytes) -> None:
        for status in decode(data, messages.DIAGNOSTIC_ARRAY).status:
            for pair in status.values:
                if pair.key.startswith("dropped."):
                    self.drops[pair.key.removeprefix("dropped.")] = int(pair.value)

    def receive(self, data: bytes) -> None:
        now_ns = time.time_ns()
        message = decode(data, messages.EMOTION_ARRAY)
        stamp_ns = messages.time_ns(message.header.stamp)
        self.ages.append((now_ns - stamp_ns) / 1e6)
        self.node_ages.append(float(message.age_ms))
        self.stamps.add(stamp_ns)
        if self.first is None:
            self.first = time.monotonic()


def measure_graph(seconds: float, rate: float, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Publish VGA images with one face and measure the results' ages.

    Args:
        seconds: Length of the steady state.
        rate: Images per second.
        overrides: Parameters of the node.

    Returns:
        Start-up time, images sent and processed, drops by cause, percentiles of the age at the
        node's publish and at the subscriber [ms], CPU [% of one core] and memory [MiB] of the node.

    Raises:
        TransportError: No middleware is available here, or no result comes from the node.
    """
    with private_graph(), open_standalone("fer_bench") as transport:
        camera = CameraPublisher(transport, "raw", frame_id="camera")
        subscriber = _Subscriber()
        topic = f"/{NODE_NAME}/emotions"
        transport.subscribe(topic, messages.EMOTION_ARRAY, Qos(), subscriber.receive)
        kind = messages.DIAGNOSTIC_ARRAY
        transport.subscribe("/diagnostics", kind, Qos(), subscriber.diagnose)
        started = time.monotonic()
        with Child("node", node_command(overrides)) as node:
            return _run(camera, subscriber, node, started, seconds, rate)


def _run(
    camera: CameraPublisher, subscriber: _Subscriber, node: Child,
    started: float, seconds: float, rate: float,
) -> dict[str, Any]:  # fmt: skip
    # Pictures are rendered beforehand, so that this process is quick to send and to receive.
    scene = crowd_scene(640, 480, 1)
    pictures = [scene.render(i / rate)[0] for i in range(int(6 * rate))]
    process = psutil.Process(node.pid)
    sent: list[int] = []
    due = time.monotonic()
    steady: float | None = None
    cpu_before, drops_before = 0.0, dict[str, int]()
    while steady is None or time.monotonic() < steady + seconds:
        if node.ended():
            raise TransportError(f"the node ended:\n{node.output()}")
        time.sleep(max(due - time.monotonic(), 0))
        due += 1 / rate
        stamp_ns = time.time_ns()
        camera.send(pictures[len(sent) % len(pictures)], stamp_ns)
        sent.append(stamp_ns)
        if steady is None and subscriber.first is not None:
            if time.monotonic() > subscriber.first + _SETTLE_TIME:
                steady, sent = time.monotonic(), []
                subscriber.ages.clear()
                subscriber.node_ages.clear()
                drops_before = dict(subscriber.drops)
                cpu_before = sum(process.cpu_times()[:2])
        elif steady is None and time.monotonic() > started + _START_TIME:
            raise TransportError(f"no result within {_START_TIME:.0f} s:\n{node.output()}")
    cpu = (sum(process.cpu_times()[:2]) - cpu_before) / (time.monotonic() - steady)
    memory = process.memory_info().rss / 2**20
    time.sleep(1.2)  # the last results, and the diagnostics after them
    assert subscriber.first is not None
    answered = sum(stamp in subscriber.stamps for stamp in sent)
    return {
        "seconds": seconds,
        "rate_hz": rate,
        "start_to_first_result_s": subscriber.first - started,
        "images_sent": len(sent),
        "images_answered": answered,
        "images_lost": len(sent) - answered,
        "drops": {k: n - drops_before.get(k, 0) for k, n in subscriber.drops.items()},
        "age_at_publish_ms": percentiles(subscriber.node_ages),
        "age_at_subscriber_ms": percentiles(subscriber.ages),
        "node_cpu_percent": 100 * cpu,
        "node_memory_mib": memory,
    }
