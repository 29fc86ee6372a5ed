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

"""``fer-ros bridge`` over real DDS, read by a node that knows the definitions only from its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dds_domains import loopback_environment
from support import wait_for

from fer_ros.apps.cli import main
from fer_ros.bridges import definitions
from fer_ros.bridges.definitions import build
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode

ROOT = Path(__file__).resolve().parents[2]


def test_unknown_bridges_are_one_line_and_status_2(capsys, monkeypatch):
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)
    pytest.importorskip("fer_ros.transport.dds.node", reason="needs Cyclone DDS")
    assert main(["bridge", "hry"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("fer-ros: there is no bridge 'hry'; there are hri, ")


def test_bridges_over_dds_open_and_close_the_topics_of_faces(monkeypatch):
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)
    dds = pytest.importorskip("fer_ros.transport.dds.node", reason="needs Cyclone DDS")
    definitions.use("hri_msgs")
    definitions.use("vision_msgs")
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_ros", "bridge", "vision", "--ros-args",
         "-p", "bridges:=[hri, people]"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    node = dds.DdsTransport("fer", "/")
    try:
        heard: dict[str, list] = {}

        def hear(topic: str, kind: str) -> None:
            found = heard.setdefault(topic, [])
            node.subscribe(topic, kind, Qos(), lambda data: found.append(decode(data, kind)))

        hear("/fer/detections", "vision_msgs/msg/Detection2DArray")
        hear("/humans/faces/tracked", "hri_msgs/msg/IdsList")
        hear("/humans/faces/k7w2xq_1/expression", "hri_msgs/msg/Expression")
        hear("/humans/faces/k7w2xq_1/landmarks", "hri_msgs/msg/FacialLandmarks")
        hear("/fer/people/k7w2xq_1/signals", "fer_ros/msg/FaceSignals")
        emotions = node.publisher("fer/emotions", messages.EMOTION_ARRAY, Qos())
        wait_for(lambda: emotions.subscription_count() == 1, 30)
        face = build(
            "fer_ros/msg/Emotion", track_id="k7w2xq_1", label="fear", confidence=0.8,
            smoothed_probabilities=np.array([0.2, 0.8], np.float32),
            landmarks=[build("geometry_msgs/msg/Point32", x=9.0, y=9.0) for _ in range(5)],
        )  # fmt: skip

        def see() -> bool:
            header = messages.header(time.time_ns(), "camera")
            array = build(
                messages.EMOTION_ARRAY, header=header, source_topic="/image_raw", width=640,
                height=480, labels=["sad", "fear"], faces=[face],
            )  # fmt: skip
            emotions.publish(encode(array))
            time.sleep(0.05)
            return all(heard.values())

        wait_for(see, 30)
        expression = heard["/humans/faces/k7w2xq_1/expression"][0]
        assert (expression.expression, expression.header.frame_id) == ("scared", "camera")
        assert len(heard["/humans/faces/k7w2xq_1/landmarks"][0].landmarks) == 70
        echo = subprocess.Popen(
            [sys.executable, "-m", "fer_ros", "echo", "/humans/faces/tracked", "--count", "1"],
            env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for(lambda: see() and echo.poll() is not None, 30)
        assert "k7w2xq_1" in echo.communicate()[0]
        wait_for(lambda: heard["/humans/faces/tracked"][-1].ids == [], 20)
        topics = lambda: {topic.name for topic in node.published_topics()}  # noqa: E731
        wait_for(lambda: "/humans/faces/k7w2xq_1/roi" not in topics(), 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        node.close()
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_layouts_name_topics_that_are_published():
    known = {
        "/image_raw", "/fer/image_annotated", "/fer/emotions", "/fer/events", "/fer/annotations",
        "/diagnostics", "/fer/people/markers",
    }  # fmt: skip
    layout = json.loads((ROOT / "config" / "foxglove_layout.json").read_text(encoding="utf-8"))
    panels = set(layout["configById"])
    used = set(re.findall(r'"([A-Z]\w+![a-z]+)"', json.dumps(layout["layout"])))
    assert used == panels
    text = json.dumps(layout) + (ROOT / "config" / "fer.rviz").read_text(encoding="utf-8")
    topics = set(re.findall(r"(/(?:image_raw|fer/[a-z_/]+|diagnostics))", text))
    assert topics
    assert topics <= known
