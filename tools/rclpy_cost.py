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

"""What the node costs on rclpy, beside the same node without ROS 2, in one run.

    python3 tools/rclpy_cost.py --side rmw_fastrtps_cpp --side rmw_cyclonedds_cpp --seconds 30

``--side rmw_fastrtps_cpp@events`` runs the node on rclpy's experimental EventsExecutor.

Needs a sourced ROS 2 with fer_ros built and Cyclone DDS for Python, or the environment of
``make test-ros`` (see tools/ros_wheels). The camera is this process, the same for all; it sends
raw images with one face and reads the results. The sides take turns in rounds, so that what else
the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from fer_ros.apps.camera import CameraPublisher
from fer_ros.perception.timing import percentiles
from fer_ros.sources.scene import crowd_scene
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode
from fer_ros.transport.dds.node import DdsTransport

ADAPTER = "cyclonedds"
PATIENCE, SETTLE = 30.0, 3.0
"""How long the first result may take, and how long the node then runs before it counts [s]."""


EVENTS = """
import sys
import fer_ros.node.lifecycle as lifecycle
from rclpy.experimental import EventsExecutor

class Executor:
    def __init__(self):
        self._events = EventsExecutor()

    def __getattr__(self, name):
        return getattr(self._events, name)

    def spin_once(self):  # without a time it hears nothing and takes a core
        self._events.spin_once(timeout_sec=0.1)

lifecycle.SingleThreadedExecutor = Executor
sys.exit(lifecycle.main(sys.argv))
"""
"""The node as it would be on that executor."""


@dataclass
class Cost:
    """What was measured of one side, over all rounds."""

    ages: list[float] = field(default_factory=list)
    """At the node's publish [ms]."""
    cpu: list[float] = field(default_factory=list)
    """Of the node, one figure a round [% of a core]."""
    memory: list[float] = field(default_factory=list)
    """Resident set [MiB]."""
    sent: int = 0
    published: int = 0

    def row(self, side: str, size: str) -> str:
        """Return a line of the table."""
        age = percentiles(self.ages)
        return (
            f"| {side} | {size} | {self.published} of {self.sent} | {age['p50']:.1f} ms "
            f"| {age['p99']:.1f} ms | {sum(self.cpu) / len(self.cpu):.0f} % "
            f"| {max(self.memory):.0f} MiB |"
        )


def main() -> int:
    """Measure every side at every size, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", action="append", help="an RMW of rclpy; may be repeated")
    parser.add_argument("--size", action="append", help="WxH; may be repeated")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rate", type=float, default=30.0)
    args = parser.parse_args()
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    print("| node on | images | published | age p50 | p99 | processor | memory |")
    print("|---|---|---|---|---|---|---|")
    sides = [ADAPTER, *(args.side or ["rmw_fastrtps_cpp"])]
    for size in args.size or ["640x480", "1920x1080"]:
        costs = {side: Cost() for side in sides}
        for _, side in itertools.product(range(args.rounds), sides):
            measure(side, size, args.seconds, args.rate, costs[side])
        for side, cost in costs.items():
            print(cost.row(side, size), flush=True)
    return 0


def command(side: str) -> tuple[list[str], dict[str, str]]:
    """Return how a node is started on a side: command and environment."""
    words = ["--ros-args", "-p", "image_reliability:=reliable"]
    if side == ADAPTER:
        return [sys.executable, "-m", "fer_ros", "run", *words], dict(os.environ)
    from ament_index_python.packages import get_package_prefix

    rmw, _, events = side.partition("@")
    node = Path(get_package_prefix("fer_ros"), "lib", "fer_ros", "emotion_node")
    start = ["-c", EVENTS] if events else [str(node)]
    words += ["-p", "autostart:=true"]
    return [sys.executable, *start, *words], os.environ | {"RMW_IMPLEMENTATION": rmw}


def measure(side: str, size: str, seconds: float, rate: float, cost: Cost) -> None:
    """Run one node for a while and add what it cost."""
    width, height = map(int, size.split("x"))
    scene = crowd_scene(width, height, 1)
    pictures = itertools.cycle([scene.render(i / rate)[0] for i in range(30)])
    transport = DdsTransport("cost", "/", RosArgs(), rosout=False)
    results: list[tuple[int, float]] = []

    def receive(data: bytes) -> None:
        array = decode(data, messages.EMOTION_ARRAY)
        results.append((messages.time_ns(array.header.stamp), float(array.age_ms)))

    transport.subscribe("/fer/emotions", messages.EMOTION_ARRAY, Qos(), receive)
    camera = CameraPublisher(transport, "raw", "camera")
    words, environment = command(side)
    quiet = subprocess.DEVNULL
    node = subprocess.Popen(words, env=environment, stdout=quiet, stderr=quiet)
    try:
        _send(camera, pictures, rate, lambda: bool(results), PATIENCE)
        _send(camera, pictures, rate, lambda: False, SETTLE)
        process = psutil.Process(node.pid)
        before, start = sum(process.cpu_times()[:2]), time.monotonic()
        sent = _send(camera, pictures, rate, lambda: False, seconds)
        used = sum(process.cpu_times()[:2]) - before
        cost.cpu.append(100 * used / (time.monotonic() - start))
        cost.memory.append(process.memory_info().rss / 2**20)
        time.sleep(0.5)
        stamps = set(sent)
        ages = [age for stamp, age in results if stamp in stamps]
        cost.ages += ages
        cost.sent, cost.published = cost.sent + len(sent), cost.published + len(ages)
    finally:
        node.terminate()
        node.wait(10)
        transport.close()


def _send(
    camera: CameraPublisher, pictures: Any, rate: float, over: Any, seconds: float
) -> list[int]:
    sent: list[int] = []
    due, end = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end and not over():
        time.sleep(max(due - time.monotonic(), 0))
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)
        sent.append(time.time_ns())
        camera.send(next(pictures), sent[-1])
    return sent


if __name__ == "__main__":
    sys.exit(main())
