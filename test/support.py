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

"""A small robot for tests: a camera, the node under test, and ears for what it publishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fer_ros.node.core import EmotionNode
from fer_ros.node.parameters import Settings
from fer_ros.sources.scene import Actor, Scene
from fer_ros.transport import messages
from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

SECOND = 1_000_000_000


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until a condition holds; fail the test when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def smiling(width: int = 640, height: int = 480, x: float = 320, size: float = 200) -> np.ndarray:
    """A picture of one happy averaged face."""
    return Scene(width, height, (Actor(x, height / 2, size, ("happy",)),)).render(0.0)[0]


class Robot:
    """A graph with the node in it, with the detector that comes with it."""

    def __init__(self, ros_args: Sequence[str] = (), **parameters: Any) -> None:
        self.graph = MemoryGraph()
        self.graph.set_time_ns(1000 * SECOND)
        args = parse_ros_args(["--ros-args", *ros_args])
        self.transport = MemoryTransport(self.graph, "fer", args=args)
        self.other = MemoryTransport(self.graph, "other")
        values = {"detector": "fer-face", "diagnostics_period": 0.1, **parameters}
        self.node = EmotionNode(self.transport, Settings().with_values(values))
        self.arrays: list[Any] = []
        self.statuses: dict[str, Any] = {}
        self.listen("/fer/emotions", messages.EMOTION_ARRAY, self.arrays.append)
        self.listen("/diagnostics", messages.DIAGNOSTIC_ARRAY, self._diagnose)
        self._cameras: dict[str, Any] = {}

    def listen(self, topic: str, kind: str, receive: Callable[[Any], object]) -> Any:
        return self.other.subscribe(topic, kind, Qos(), lambda data: receive(decode(data, kind)))

    def start(self) -> Robot:
        self.node.configure()
        self.node.activate()
        return self

    def send(self, image: np.ndarray, topic: str = "/image_raw", stamp_ns: int | None = None):
        stamp_ns = self.graph.time_ns if stamp_ns is None else stamp_ns
        self.send_message(messages.image(image, stamp_ns, "camera"), topic)

    def send_message(self, message: Any, topic: str = "/image_raw") -> None:
        self.send_bytes(encode(message), topic, message.__msgtype__)

    def send_bytes(self, data: bytes, topic: str = "/image_raw", kind: str = messages.IMAGE):
        if topic not in self._cameras:
            self._cameras[topic] = self.other.publisher(topic, kind, Qos())
        self._cameras[topic].publish(data)

    def answer(self, image: np.ndarray, **where: Any) -> Any:
        """Send an image and return the EmotionArray that answers it."""
        before = len(self.arrays)
        self.send(image, **where)
        wait_for(lambda: len(self.arrays) > before)
        return self.arrays[-1]

    def status(self, part: str) -> Any:
        """Return the newest diagnostics status whose name contains a text."""
        wait_for(lambda: any(part in name for name in self.statuses))
        return next(status for name, status in self.statuses.items() if part in name)

    def value(self, part: str, key: str) -> str:
        return {pair.key: pair.value for pair in self.status(part).values}[key]

    def camera_counts(self, topic: str = "/image_raw") -> dict[str, int]:
        """Return the camera's counters as they are at this moment."""
        for status in self.node.diagnose():
            if status.name.endswith(f"camera {topic}"):
                return {k: int(v) for k, v in status.values.items() if v.isdigit()}
        raise AssertionError(f"no camera {topic}")

    def close(self) -> None:
        self.node.close()
        self.transport.close()
        self.other.close()

    def _diagnose(self, array: Any) -> None:
        self.statuses = {status.name: status for status in array.status}
