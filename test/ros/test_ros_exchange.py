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

"""The adapter without rclpy and a real rclpy exchange messages."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from observing import wait_for

pytestmark = pytest.mark.ros

PEER = Path(__file__).resolve().parents[1] / "transport_peer.py"


@contextmanager
def peer(type_name: str, reliability: str):
    """A node of the adapter in its own process, which sends back on /out what it hears on /in."""
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    environment = dict(os.environ)
    environment.pop("RMW_IMPLEMENTATION", None)
    with subprocess.Popen(
        [sys.executable, str(PEER), type_name, reliability],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        try:
            assert process.stdout.readline().strip() == str(process.pid)
            yield
        finally:
            process.stdin.close()
            process.wait(20)


def an_image():
    from sensor_msgs.msg import Image

    image = Image(height=48, width=64, encoding="bgr8", step=192)
    image.header.frame_id, image.header.stamp.sec = "camera", 7
    image.data = bytes(index % 251 for index in range(48 * 192))
    return image


def an_array():
    """A list of nested messages with lists and arrays in them."""
    from fer_ros.msg import Emotion, EmotionArray

    face = Emotion(track_id="a_1", label="happy", confidence=0.5)
    return EmotionArray(labels=["happy", "sad"], model_id="m", faces=[face, face], age_ms=3.0)


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
@pytest.mark.parametrize("make", [an_image, an_array])
def test_lists_and_nested_messages_go_to_the_adapter_and_back(ros, observer, make, reliability):
    """Strings match even where Cyclone DDS refuses every type with a list (Fast DDS 3)."""
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    message = make()
    package, _, rest = type(message).__module__.partition(".")
    type_name = f"{package}/{rest.split('.')[0]}/{type(message).__name__}"
    qos = QoSProfile(depth=20, reliability=ReliabilityPolicy[reliability.upper()])
    node = observer.node
    publisher = node.create_publisher(type(message), "/in", qos)
    with peer(type_name, reliability):
        heard = observer.listen(type(message), "/out", qos)
        wait_for(lambda: publisher.get_subscription_count() == 1, "the adapter's subscription")
        wait_for(lambda: node.count_publishers("/out") == 1, "the adapter's publisher")

        def sent_and_heard() -> bool:
            publisher.publish(message)
            return bool(heard)

        wait_for(sent_and_heard, f"a {type_name} back from the adapter")
        assert heard[0] == message
        wait_for(lambda: "/peer" in node_names(node), "the adapter's node by name")


def node_names(node) -> list[str]:
    found = node.get_node_names_and_namespaces()
    return [f"{namespace.rstrip('/')}/{name}" for name, namespace in found]
