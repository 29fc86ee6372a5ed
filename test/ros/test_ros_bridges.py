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

"""Bridges on ROS 2: with the generated messages where they are installed, else with a remedy."""

from __future__ import annotations

import importlib
import signal

import pytest
from observing import wait_for

pytestmark = pytest.mark.ros


@pytest.fixture
def bridges(start, prefix):
    def run(*names: str):
        return start(prefix / "lib" / "fer_ros" / "bridges", *names)

    return run


@pytest.fixture
def show(observer):
    """Publish an answer with one happy face."""
    from fer_ros.msg import Emotion, EmotionArray
    from geometry_msgs.msg import Point32

    publisher = observer.node.create_publisher(EmotionArray, "/fer/emotions", 10)

    def publish() -> None:
        face = Emotion(track_id="k7w2xq_1", label="happy", confidence=0.75)
        face.roi.x_offset, face.roi.width, face.roi.height = 64, 100, 120
        face.landmarks = [Point32(x=80.0, y=40.0)] * 5
        face.probabilities = face.smoothed_probabilities = [0.25, 0.75]
        array = EmotionArray(source_topic="/image_raw", width=640, height=480)
        array.labels, array.faces = ["sad", "happy"], [face]
        array.header.stamp = observer.node.get_clock().now().to_msg()
        publisher.publish(array)

    return publish


def test_signals_are_fields_that_tools_can_plot(bridges, show, observer):
    from fer_ros.msg import FaceSignals

    heard = observer.listen(FaceSignals, "/fer/people/k7w2xq_1/signals")
    process = bridges("people")
    process.says("bridges people for /fer/emotions")
    wait_for(lambda: show() or heard, "signals")
    assert heard[0].happy == pytest.approx(0.75)
    assert process.signal(signal.SIGINT) == 0
    assert "Traceback" not in process.output


@pytest.mark.parametrize(
    ("name", "package", "kind", "topic"),
    [
        ("hri", "hri_msgs", "Expression", "/humans/faces/k7w2xq_1/expression"),
        ("hri", "hri_msgs", "FacialLandmarks", "/humans/faces/k7w2xq_1/landmarks"),
        ("vision", "vision_msgs", "Detection2DArray", "/fer/detections"),
        ("foxglove", "foxglove_msgs", "ImageAnnotations", "/fer/annotations"),
    ],
)
def test_foreign_messages_are_read_by_their_own_classes(
    bridges, show, observer, name, package, kind, topic
):
    try:
        generated = getattr(importlib.import_module(f"{package}.msg"), kind)
    except ImportError:
        process = bridges(name)
        assert process.wait() == 2
        assert f"apt-get install ros-$ROS_DISTRO-{package.replace('_', '-')}" in process.output
        assert "Traceback" not in process.output
        pytest.skip(f"needs {package}; that it is missing was said well")
    heard = observer.listen(generated, topic)
    bridges(name).says(f"bridges {name}")
    wait_for(lambda: show() or heard, "a message")
    expected = {
        "Expression": lambda m: m.expression == "happy" and m.confidence == 0.75,
        "FacialLandmarks": lambda m: m.landmarks[30].x == pytest.approx(80 / 640),
        "Detection2DArray": lambda m: m.detections[0].id == "k7w2xq_1",
        "ImageAnnotations": lambda m: m.texts[0].text.startswith("happy 75%"),
    }
    assert expected[kind](heard[0])


def test_an_unknown_bridge_is_one_line_and_status_2(bridges):
    process = bridges("hry")
    assert process.wait() == 2
    assert "there is no bridge 'hry'; there are hri, " in process.output
    assert "Traceback" not in process.output


def test_an_empty_list_of_bridges_is_one_line_and_status_2(bridges):
    process = bridges("--ros-args", "-p", "bridges:=[]")
    assert process.wait() == 2
    assert "a parameter was given without a value, perhaps an empty list" in process.output
    assert "Traceback" not in process.output
