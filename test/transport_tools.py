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

"""Messages, an inbox and a peer process for tests of the adapters."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from support import wait_for

from fer_ros.transport import codec
from fer_ros.transport.base import Qos
from fer_ros.transport.standalone import StandaloneNode

REPOSITORY = Path(__file__).resolve().parents[1]
PEER = Path(__file__).with_name("transport_peer.py")
STRING = "std_msgs/msg/String"
IMAGE = "sensor_msgs/msg/Image"
EMOTIONS = "fer_ros/msg/EmotionArray"
BEST_EFFORT = Qos("best_effort")
LATCHED = Qos(durability="transient_local", depth=2)


@contextmanager
def peer(type_name: str, reliability: str = "reliable", line: str = ""):
    command = [sys.executable, str(PEER), type_name, reliability, *line.split()]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout.readline().strip() == str(process.pid)
            yield process
            process.stdin.close()
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


class Inbox:
    """A callback that collects messages."""

    def __init__(self):
        self.messages: queue.Queue[bytes] = queue.Queue()

    def __call__(self, data: bytes) -> None:
        self.messages.put(data)

    def get(self) -> bytes:
        return self.messages.get(timeout=10)


def string(text: str) -> bytes:
    return codec.encode(codec.message_class(STRING)(data=text))


def text(data: bytes) -> str:
    return str(codec.decode(data, STRING).data)


def header(frame_id: str = "camera"):
    stamp = codec.message_class("builtin_interfaces/msg/Time")(sec=7, nanosec=8)
    return codec.message_class("std_msgs/msg/Header")(stamp=stamp, frame_id=frame_id)


def image(width: int, height: int) -> bytes:
    pixels = np.random.default_rng(width).integers(0, 256, width * height * 3, dtype=np.uint8)
    return codec.encode(
        codec.message_class(IMAGE)(
            header=header(),
            height=height,
            width=width,
            encoding="bgr8",
            is_bigendian=0,
            step=width * 3,
            data=pixels,
        )
    )


def diagnostics() -> bytes:
    value = codec.message_class("diagnostic_msgs/msg/KeyValue")
    status = codec.message_class("diagnostic_msgs/msg/DiagnosticStatus")
    entry = status(
        level=1, name="fer", message="slow", hardware_id="", values=[value(key="k", value="v")]
    )
    array = codec.message_class("diagnostic_msgs/msg/DiagnosticArray")
    return codec.encode(array(header=header(), status=[entry, entry]))


def both_ways(node: StandaloneNode, type_name: str, qos: Qos) -> tuple:
    inbox = Inbox()
    publisher = node.publisher("in", type_name, qos)
    subscription = node.subscribe("out", type_name, qos, inbox)
    wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 1)
    return publisher, subscription, inbox
