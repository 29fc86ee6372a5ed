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

"""What images cost over Zenoh beside Cyclone DDS, without ROS 2 and without a network, in one run.

    python3 tools/transport_cost.py --seconds 10 --rounds 2

A sender and a receiver, each a process of its own, with the QoS of camera and node; the
sides take turns, so that what else the machine does falls on all of them. In ``stalled`` a second
receiver is stopped (SIGSTOP) all the time. ``zenoh-shm`` is Zenoh with shared memory switched on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil
from costs import Cost, Scenario

from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.opening import open_standalone, private_graph

SIDES = {
    "cyclonedds": ("rmw_cyclonedds_cpp", ""),
    "zenoh": ("rmw_zenoh_cpp", ""),
    "zenoh-shm": (
        "rmw_zenoh_cpp",
        ";transport/shared_memory/enabled=true"
        ";transport/shared_memory/transport_optimization/enabled=true",
    ),
}
"""RMW and what is added to Zenoh's configuration."""


SCENARIOS = {
    "vga": Scenario(640, 480, 30.0),
    "1080p": Scenario(1920, 1080, 30.0),
    "ten": Scenario(640, 480, 5.0, cameras=10),
    "stalled": Scenario(640, 480, 30.0, stalled=True),
}

_PATIENCE = 60.0
"""How long discovery may take [s]."""


@dataclass
class TransportCost(Cost):
    """Ages from the sender's call to the receiver's callback, processor time of both together."""

    lost: int = 0
    """As the middleware counts it."""


def main() -> int:
    """Measure every side in every scenario, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", action="append", choices=sorted(SIDES))
    parser.add_argument("--scenario", action="append", choices=sorted(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", choices=["send", "receive"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        part = send if args.part == "send" else receive
        part(SCENARIOS[args.scenario[0]], args.seconds)
        return 0
    print("| images | side | arrived | age p50 | p99 | processor, both | lost on the way |")
    print("|---|---|---|---|---|---|---|")
    for scenario in args.scenario or SCENARIOS:
        costs = {side: TransportCost() for side in args.side or SIDES}
        for _ in range(args.rounds):
            for side, cost in costs.items():
                measure(side, scenario, args.seconds, cost)
        for side, cost in costs.items():
            print(cost.row(scenario, side, cost.lost), flush=True)
    return 0


def measure(side: str, scenario: str, seconds: float, cost: TransportCost) -> None:
    """Run sender and receiver once and add what they cost."""
    rmw, configuration = SIDES[side]
    os.environ.pop("ROS_DOMAIN_ID", None)
    os.environ.pop("ZENOH_CONFIG_OVERRIDE", None)
    os.environ["RMW_IMPLEMENTATION"] = rmw
    with private_graph(), contextlib.ExitStack() as stack:
        if configuration:
            os.environ["ZENOH_CONFIG_OVERRIDE"] += configuration
        parts = ["receive", *["receive"] * SCENARIOS[scenario].stalled, "send"]
        receiver, *stalled, sender = (
            stack.enter_context(_process(part, scenario, seconds)) for part in parts
        )
        for process in (receiver, *stalled, sender):
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready", "it did not start"
        for process in stalled:
            process.send_signal(signal.SIGSTOP)
        before = _used(sender, receiver)
        start = time.monotonic()
        (sender_out, _) = sender.communicate("go\n", timeout=seconds + _PATIENCE)
        cost.processor.append(100 * (_used_by(sender_out) + _used(receiver) - before)
                              / (time.monotonic() - start))  # fmt: skip
        time.sleep(0.5)
        (heard, _) = receiver.communicate("stop\n", timeout=_PATIENCE)
        found = json.loads(heard)
        cost.sent += json.loads(sender_out)["sent"]
        cost.ages += found["ages"]
        cost.lost += found["lost"]


def _used(*processes: subprocess.Popen[str]) -> float:
    return sum(sum(psutil.Process(each.pid).cpu_times()[:2]) for each in processes)


def _used_by(out: str) -> float:
    return float(json.loads(out)["processor"])


@contextlib.contextmanager
def _process(part: str, scenario: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, __file__, "--part", part, "--scenario", scenario,
               "--seconds", str(seconds)]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def send(scenario: Scenario, seconds: float) -> None:
    """Send images once told so, and print how many and the processor time of this process."""
    pixels = np.zeros((scenario.height, scenario.width, 3), np.uint8)
    data = bytearray(encode(messages.image(pixels, 0, "camera")))
    with open_standalone("sender", rosout=False) as node:
        qos = Qos("reliable", depth=1)
        publishers = [
            node.publisher(f"/camera{i}", messages.IMAGE, qos) for i in range(scenario.cameras)
        ]
        end = time.monotonic() + _PATIENCE
        wanted = 1 + scenario.stalled
        while any(each.subscription_count() < wanted for each in publishers):
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.05)
        print("ready", flush=True)
        sys.stdin.readline()
        sent, due, end = 0, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < end:
            for publisher in publishers:
                struct.pack_into("<iI", data, 4, *divmod(time.time_ns(), 10**9))
                publisher.publish(bytes(data))
                sent += 1
            due += 1 / scenario.rate
            time.sleep(max(due - time.monotonic(), 0))
        used = sum(psutil.Process().cpu_times()[:2])
        print(json.dumps({"sent": sent, "processor": used}), flush=True)


def receive(scenario: Scenario, seconds: float) -> None:  # noqa: ARG001
    """Receive images until told to stop, and print their ages [ms] and what got lost."""
    ages: list[float] = []

    def take(data: bytes) -> None:
        ages.append((time.time_ns() - messages.peek_stamp_ns(data)) / 1e6)

    with open_standalone("receiver", rosout=False) as node:
        qos = Qos("best_effort", depth=1)
        opened = [
            node.subscribe(f"/camera{i}", messages.IMAGE, qos, take)
            for i in range(scenario.cameras)
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        lost = sum(each.lost() for each in opened)
        print(json.dumps({"ages": ages, "lost": lost}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
