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

"""Counts the images that arrive, and how old, for every pair of middlewares of camera and node.

    python3 tools/rmw_table.py --camera cyclonedds --node rmw_fastrtps_cpp --rate 10

A side is an RMW of rclpy by its name, or ``cyclonedds`` for the adapter without ROS 2;
``rmw_fastrtps_cpp@config/fastdds.xml`` gives it a profile. Needs a sourced ROS 2 with fer_ros
built, or the one of ``make test-ros``:

    python3 tools/ros_wheels/ros_wheels.py run python tools/rmw_table.py ...

Camera and node are processes of their own. The receiving one subscribes as the emotion node does
(same transport, same QoS) and does nothing else, so that what is missing was lost on the way.
They run in network namespaces made for the purpose, which takes root and keeps all of it on this
machine: in one (with a loopback interface only), or with ``--apart`` in two that a virtual cable
joins, each with a /dev/shm of its own, as on two machines. Prints the table of docs/ros2.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ros.apps.camera import CameraPublisher, camera_images
from fer_ros.perception.timing import percentiles
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Qos, Transport
from fer_ros.transport.codec import decode

ADAPTER = "cyclonedds"
PATIENCE = 30.0
"""How long a process may take to start and to be found [s]."""
WARM_UP = 15
"""Images before the first that counts; meanwhile the receiver loads the message definitions."""
TOPIC = "/image_raw"


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    camera: str
    node: str
    compressed: bool
    reliability: str

    @property
    def images(self) -> str:
        """What is sent."""
        return "compressed" if self.compressed else "raw"


def main() -> int:
    """Measure every case, print each at once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    side = "an RMW, or cyclonedds; may be repeated"
    parser.add_argument("--camera", action="append", help=side)
    parser.add_argument("--node", action="append", help=side)
    parser.add_argument("--count", type=int, default=300, help="images of a case")
    parser.add_argument("--rate", type=float, default=30.0, help="images per second")
    parser.add_argument("--size", default="640x480", help="width x height of the images")
    parser.add_argument("--images", choices=["raw", "compressed"], action="append")
    parser.add_argument("--reliability", choices=["best_effort", "reliable"], action="append")
    parser.add_argument("--depth", type=int, default=1, help="history of the subscription")
    parser.add_argument("--apart", action="store_true", help="as on two machines")
    parser.add_argument("--as", dest="role", choices=["camera", "node"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        case = Case(**json.loads(args.case))
        return _camera(case, args) if args.role == "camera" else _node(case, args.depth)
    sides = ["rmw_fastrtps_cpp", ADAPTER]
    cases = itertools.product(
        args.camera or sides,
        args.node or sides,
        [each == "compressed" for each in args.images or ["raw", "compressed"]],
        args.reliability or ["best_effort", "reliable"],
    )
    print("| camera | node | images | asked for | arrived | repeats | age p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|")
    with _namespaces(args.apart):
        for case in itertools.starmap(Case, cases):
            print(_row(case, args), flush=True)
    return 0


@contextmanager
def _namespaces(apart: bool) -> Iterator[None]:
    """Make the network namespaces ``fer_camera`` and ``fer_node``, or one by both names."""
    names = ["fer_camera", "fer_node"] if apart else ["fer_node"]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up", "multicast", "on")
        if apart:
            _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "cable",
                "netns", names[1])  # fmt: skip
        for index, name in enumerate(names):
            device = "cable" if apart else "lo"
            if apart:
                _ip("-n", name, "address", "add", f"10.99.0.{index + 1}/24", "dev", device)
                _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "route", "add", "224.0.0.0/4", "dev", device)
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _row(case: Case, args: argparse.Namespace) -> str:
    sent, arrived = _measure(case, args)
    counts = Counter(stamp for stamp, _ in arrived)
    first = dict(reversed(arrived))
    ages = [first[stamp] for stamp in sent if stamp in first]
    age = percentiles(ages) if ages else {"p50": float("nan"), "p99": float("nan")}
    return (
        f"| {_shown(case.camera)} | {_shown(case.node)} | {case.images} | {case.reliability} "
        f"| {len(ages)} of {len(sent)} | {sum(counts.values()) - len(counts)} "
        f"| {age['p50']:.1f} ms | {age['p99']:.1f} ms |"
    )


def _shown(side: str) -> str:
    name, _, profile = side.partition("@")
    return f"{name} with {Path(profile).name}" if profile else name


def _measure(case: Case, args: argparse.Namespace) -> tuple[list[int], list[tuple[int, float]]]:
    """Return the stamps that were sent [ns], and (stamp, age [ms]) of what arrived."""
    with _process("node", case, args) as node, _process("camera", case, args) as camera:
        sent = json.loads(_line(camera))
        time.sleep(1.0)  # what is still on its way, or asked for again
        node.stdin.close()
        arrived = json.loads(_line(node))
    return sent, [(stamp, age) for stamp, age in arrived if stamp >= sent[0]]


@contextmanager
def _process(role: str, case: Case, args: argparse.Namespace) -> Iterator[Any]:
    side = case.camera if role == "camera" else case.node
    environment = dict(os.environ)
    name, _, profile = side.partition("@")
    if name != ADAPTER:
        environment["RMW_IMPLEMENTATION"] = name
    if profile:
        variable = "CYCLONEDDS_URI" if "cyclone" in name else "FASTRTPS_DEFAULT_PROFILES_FILE"
        environment[variable] = str(Path(profile).resolve())
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "SUBNET"
    namespace = f"fer_{role}" if args.apart else "fer_node"
    command = ["ip", "netns", "exec", namespace]
    if args.apart:
        command += ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh"]
    command += [sys.executable, str(Path(__file__).resolve()), "--as", role]
    command += ["--case", json.dumps(case.__dict__), "--count", str(args.count)]
    command += ["--rate", str(args.rate), "--size", args.size, "--depth", str(args.depth)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _line(process: Any) -> str:
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("a process ended early; see above")
    return str(line)


@contextmanager
def _transport(side: str, name: str) -> Iterator[Transport]:
    if side == ADAPTER:
        from fer_ros.transport.dds.node import DdsTransport

        adapter = DdsTransport(name, "/", RosArgs())
        yield adapter
        adapter.close()
        return
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from fer_ros.transport.ros2.node import RosTransport

    rclpy.init()
    executor = SingleThreadedExecutor()
    node = rclpy.create_node(name)
    executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=(executor,))
    spinner.start()
    try:
        yield RosTransport(node)
    finally:
        rclpy.shutdown()
        spinner.join()


def _spin(executor: Any) -> None:
    from rclpy.executors import ExternalShutdownException

    with suppress(ExternalShutdownException):
        executor.spin()


def _camera(case: Case, args: argparse.Namespace) -> int:
    width, height = map(int, args.size.split("x"))
    scene = camera_images("demo", args.rate, (width, height), loop=True)
    pictures = list(itertools.islice(scene, 30))  # rendering is not what is measured
    with _transport(case.camera, "camera") as transport:
        camera = CameraPublisher(transport, "compressed" if case.compressed else "raw", "camera")
        end = time.monotonic() + PATIENCE
        while not camera.subscription_count():
            if time.monotonic() > end:
                raise RuntimeError(f"nobody subscribed to {camera.topic}")
            time.sleep(0.05)
        time.sleep(0.5)  # the other side may know of the match a little later
        sent, due = [], time.monotonic()
        for picture in itertools.islice(itertools.cycle(pictures), WARM_UP + args.count):
            time.sleep(max(due - time.monotonic(), 0))
            due += 1 / args.rate
            sent.append(time.time_ns())
            camera.send(picture, sent[-1])
        time.sleep(0.5)
        print(json.dumps(sent[WARM_UP:]), flush=True)
        sys.stdin.read()
    return 0


def _node(case: Case, depth: int) -> int:
    arrived: list[tuple[int, float]] = []
    kind = messages.COMPRESSED_IMAGE if case.compressed else messages.IMAGE

    def receive(data: bytes) -> None:
        now = time.time_ns()
        stamp = messages.time_ns(decode(data, kind).header.stamp)
        arrived.append((stamp, (now - stamp) / 1e6))

    with _transport(case.node, "node") as transport:
        topic = f"{TOPIC}/compressed" if case.compressed else TOPIC
        reliability: Any = case.reliability
        transport.subscribe(topic, kind, Qos(reliability, depth), receive)
        sys.stdin.read()
        print(json.dumps(arrived), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
