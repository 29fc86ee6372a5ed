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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from costs import Cost, Scenario

from fer_ros.apps.camera import CameraPublisher
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
import time
import fer_ros.node.lifecycle as lifecycle
from rclpy.experimental import EventsExecutor
from rclpy.node import Node

subscribe = Node.create_subscription

def without_info(node, kind, topic, callback, *args, **more):
    if more.get("raw"):  # its callbacks take message info, which this executor cannot hand over
        whole = callback
        callback = lambda data: whole(data, {"source_timestamp": time.monotonic_ns()})
    return subscribe(node, kind, topic, callback, *args, **more)

class Executor:
    def __init__(self):
        self._events = EventsExecutor()

    def __getattr__(self, name):
        return getattr(self._events, name)

    def spin_once(self):  # without a time it hears nothing and takes a core
        self._events.spin_once(timeout_sec=0.1)

Node.create_subscription = without_info
lifecycle.SingleThreadedExecutor = Executor
sys.exit(lifecycle.main(sys.argv))
"""
"""The node as it would be on that executor."""


SCENARIOS = {
    "vga": Scenario(640, 480, 30.0),
    "1080p": Scenario(1920, 1080, 30.0),
    "four": Scenario(640, 480, 10.0, cameras=4),
}


@dataclass
class NodeCost(Cost):
    """Ages at the node's publish, processor time of the node."""

    used: float = 0.0
    """Processor time in all rounds [s]."""
    memory: float = 0.0
    """Largest resident set [MiB]."""


def main() -> int:
    """Measure every side at every size, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", action="append", help="an RMW of rclpy; may be repeated")
    parser.add_argument("--scenario", action="append", choices=sorted(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    print("| images | node on | published | age p50 | p99 | processor | a result | memory |")
    print("|---|---|---|---|---|---|---|---|")
    sides = [ADAPTER, *(args.side or ["rmw_fastrtps_cpp"])]
    for name in args.scenario or SCENARIOS:
        costs = {side: NodeCost() for side in sides}
        for _, side in itertools.product(range(args.rounds), sides):
            measure(side, SCENARIOS[name], args.seconds, costs[side])
        for side, cost in costs.items():
            each = 1000 * cost.used / max(len(cost.ages), 1)
            print(cost.row(name, side, f"{each:.1f} ms | {cost.memory:.0f} MiB"), flush=True)
    return 0


def command(side: str, cameras: int) -> tuple[list[str], dict[str, str]]:
    """Return how a node is started on a side: command and environment."""
    topics = ",".join(f"/camera{i}" for i in range(cameras))
    words = ["--ros-args", "-p", "image_reliability:=reliable", "-p", f"image_topics:=[{topics}]"]
    if side == ADAPTER:
        return [sys.executable, "-m", "fer_ros", "run", *words], dict(os.environ)
    from ament_index_python.packages import get_package_prefix

    rmw, _, events = side.partition("@")
    node = Path(get_package_prefix("fer_ros"), "lib", "fer_ros", "emotion_node")
    start = ["-c", EVENTS] if events else [str(node)]
    words += ["-p", "autostart:=true"]
    return [sys.executable, *start, *words], os.environ | {"RMW_IMPLEMENTATION": rmw}


def measure(side: str, scenario: Scenario, seconds: float, cost: NodeCost) -> None:
    """Run one node for a while and add what it cost."""
    rate = scenario.rate
    scene = crowd_scene(scenario.width, scenario.height, 1)
    pictures = itertools.cycle([scene.render(i / rate)[0] for i in range(30)])
    transport = DdsTransport("cost", "/", RosArgs(), rosout=False)
    results: list[tuple[int, float]] = []

    def receive(data: bytes) -> None:
        array = decode(data, messages.EMOTION_ARRAY)
        results.append((messages.time_ns(array.header.stamp), float(array.age_ms)))

    transport.subscribe("/fer/emotions", messages.EMOTION_ARRAY, Qos(depth=100), receive)
    cameras = [
        CameraPublisher(transport, "raw", "camera", f"/camera{i}") for i in range(scenario.cameras)
    ]
    words, environment = command(side, scenario.cameras)
    quiet = subprocess.DEVNULL
    node = subprocess.Popen(words, env=environment, stdout=quiet, stderr=quiet)
    try:
        _send(cameras, pictures, rate, lambda: bool(results), PATIENCE)
        _send(cameras, pictures, rate, lambda: False, SETTLE)
        process = psutil.Process(node.pid)
        before, start = sum(process.cpu_times()[:2]), time.monotonic()
        sent = _send(cameras, pictures, rate, lambda: False, seconds)
        used = sum(process.cpu_times()[:2]) - before
        cost.processor.append(100 * used / (time.monotonic() - start))
        cost.used += used
        cost.memory = max(cost.memory, process.memory_info().rss / 2**20)
        time.sleep(0.5)
        stamps = set(sent)
        cost.ages += [age for stamp, age in results if stamp in stamps]
        cost.sent += len(sent)
    finally:
        node.terminate()
        node.wait(10)
        transport.close()


def _send(
    cameras: list[CameraPublisher], pictures: Any, rate: float, over: Any, seconds: float
) -> list[int]:
    """Let every camera send until it is over; return the stamps [ns]."""
    sent: list[int] = []
    due, end = time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end and not over():
        time.sleep(max(due - time.monotonic(), 0))
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)
        for camera in cameras:
            sent.append(time.time_ns())
            camera.send(next(pictures), sent[-1])
    return sent


if __name__ == "__main__":
    sys.exit(main())
