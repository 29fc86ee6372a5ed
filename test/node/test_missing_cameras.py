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

"""A camera topic that nobody publishes is said in the log, with those that are there."""

from __future__ import annotations

import logging

import pytest
from support import Robot, smiling, wait_for

from fer_ros.node import graph_look
from fer_ros.transport import messages
from fer_ros.transport.base import Qos


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch):
    monkeypatch.setattr(graph_look, "PATIENCE", 0.2)
    monkeypatch.setattr(graph_look, "_PERIOD", 0.0)
    caplog.set_level(logging.INFO)
    return lambda words: [r.message for r in caplog.records if words in r.message]


def test_the_cameras_that_are_there_are_named_once(log, build) -> None:
    robot: Robot = build()
    robot.other.publisher("/left/image_raw", messages.IMAGE, Qos())
    robot.other.publisher("/right/image_raw/compressed", messages.COMPRESSED_IMAGE, Qos())
    robot.start()
    wait_for(lambda: log("nobody publishes /image_raw yet"))
    (text,) = log("nobody publishes /image_raw yet")
    assert "/image_raw" in text
    assert "there are: /left/image_raw, /right/image_raw/compressed;" in text
    assert "--ros-args -p image_topics:=/left/image_raw" in text
    assert "annotated" not in text
    robot.send(smiling())
    wait_for(lambda: log("/image_raw is published now"))
    assert len(log("nobody publishes /image_raw yet")) == 1


def test_it_is_said_again_with_the_cameras_of_that_time(log, build, monkeypatch) -> None:
    monkeypatch.setattr(graph_look, "REPEAT", 0.2)
    robot: Robot = build()
    robot.start()
    wait_for(lambda: log("nor any other camera topic"))
    robot.other.publisher("/late/image_raw", messages.IMAGE, Qos())
    wait_for(lambda: log("there are: /late/image_raw;"))


def test_a_camera_that_has_gone_is_not_waited_for_as_a_new_one(log, robot: Robot) -> None:
    camera = robot.other.publisher("/image_raw", messages.IMAGE, Qos())
    wait_for(lambda: robot.value("camera", "publishers") == "1")
    camera.close()
    wait_for(lambda: log("nobody publishes /image_raw any more; nor any other camera topic"))


def test_without_any_camera_it_says_what_to_look_at(log, robot: Robot) -> None:
    wait_for(lambda: log("nor any other camera topic"))
    assert "ROS_DOMAIN_ID" in log("nor any other")[0]


def test_a_topic_of_the_other_type_is_said_to_be_one(log, build) -> None:
    robot: Robot = build()
    robot.other.publisher("/image_raw", messages.COMPRESSED_IMAGE, Qos())
    robot.start()
    wait_for(lambda: log("camera /image_raw: no image yet for"))
    (text,) = log("camera /image_raw: ")
    assert "it is published as sensor_msgs/msg/CompressedImage" in text
    assert log("nobody publishes") == []


def test_a_camera_that_is_there_is_not_talked_about(log, build) -> None:
    robot: Robot = build()
    robot.other.publisher("/image_raw", messages.IMAGE, Qos())
    robot.start()
    robot.answer(smiling())
    wait_for(lambda: robot.status("camera"))
    assert log("nobody publishes /image_raw yet") == []
