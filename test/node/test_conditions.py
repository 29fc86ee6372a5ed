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

"""Cameras that are not as they should be: the answers stay right, and diagnostics say so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support import SECOND, Robot, smiling, wait_for

from fer_ros.sources.scene import Actor, Scene
from fer_ros.transport import messages
from fer_ros.transport.base import Qos

FRAME = SECOND // 30


def face(label: str) -> np.ndarray:
    return Scene(320, 240, (Actor(160, 120, 150, (label,)),)).render(0.0)[0]


def camera_status(robot: Robot):
    (status,) = [s for s in robot.node.diagnose() if "camera" in s.name]
    return status


@pytest.mark.parametrize("fall", [0, 1_000_000])
def test_a_stamp_that_stands_or_falls_does_not_hold_a_label(robot: Robot, fall: int) -> None:
    labels = []
    for index in range(60):
        robot.graph.set_time_ns(1000 * SECOND + index * FRAME)
        picture = face("happy" if index < 20 else "angry")
        array = robot.answer(picture, stamp_ns=999 * SECOND - index * fall)
        labels += [found.label for found in array.faces]
    assert labels[19] == "happy"
    assert labels[-1] == "angry"
    status = camera_status(robot)
    assert status.level == 1
    assert "stamps do not advance" in status.message
    assert int(status.values["stamps.standing"]) == 59


def test_tracks_close_though_the_stamp_stands(robot: Robot) -> None:
    first = robot.answer(smiling(), stamp_ns=999 * SECOND).faces[0].track_id
    robot.graph.set_time_ns(1010 * SECOND)
    assert robot.answer(smiling(), stamp_ns=999 * SECOND).faces[0].track_id != first


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_images_of_a_turned_camera_are_read_upright(build, degrees: int) -> None:
    robot = build(image_rotation=(degrees,)).start()
    (upright,) = build().start().answer(smiling(x=250)).faces
    back = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
    source = cv2.rotate(smiling(x=250), back[degrees])
    array = robot.answer(source)
    assert (array.height, array.width) == source.shape[:2]
    (found,) = array.faces
    assert found.label == upright.label == "happy"
    roi, flat = found.roi, np.zeros(source.shape[:2], np.uint8)
    flat[roi.y_offset : roi.y_offset + roi.height, roi.x_offset : roi.x_offset + roi.width] = 1
    turned = cv2.rotate(flat, {90: 0, 180: 1, 270: 2}[degrees])
    y, x = np.argwhere(turned).mean(axis=0)
    assert abs(x - (upright.roi.x_offset + upright.roi.width / 2)) < 3
    assert abs(y - (upright.roi.y_offset + upright.roi.height / 2)) < 3


@pytest.mark.parametrize(("level", "words"), [(0, "black"), (255, "overexposed")])
def test_images_that_show_nothing_are_a_warning(robot: Robot, level: int, words: str) -> None:
    for index in range(4):
        robot.answer(np.full((48, 64, 3), level, np.uint8), stamp_ns=1000 * SECOND + index)
    assert camera_status(robot).level == 1
    assert words in camera_status(robot).message
    robot.answer(smiling(), stamp_ns=1000 * SECOND + 10)
    assert camera_status(robot).level == 0


def test_a_camera_that_repeats_one_image_is_a_warning(robot: Robot) -> None:
    for index in range(40):
        robot.graph.set_time_ns(1000 * SECOND + index * SECOND // 5)
        robot.answer(face("happy"))
    assert "frozen" in camera_status(robot).message


def test_wide_images_of_few_bits_show_their_faces(robot: Robot) -> None:
    grey = cv2.cvtColor(face("happy"), cv2.COLOR_BGR2GRAY)
    for bits in (10, 12):
        wide = grey.astype("<u2") << (bits - 8)
        message = messages.image(grey, 1000 * SECOND + bits, "camera")
        message.encoding, message.step = "mono16", 640
        message.data = np.frombuffer(wide.tobytes(), np.uint8)
        before = len(robot.arrays)
        robot.send_message(message)
        wait_for(lambda n=before: len(robot.arrays) > n)
        assert [found.label for found in robot.arrays[-1].faces] == ["happy"]


def test_jpegs_without_an_end_marker_get_results_and_are_counted(build) -> None:
    robot = build(image_transport="compressed").start()
    jpeg = cv2.imencode(".jpg", smiling())[1].tobytes()
    topic = "/image_raw/compressed"
    robot.send_message(messages.compressed_image(jpeg[:-2], 1000 * SECOND, "camera"), topic)
    wait_for(lambda: robot.arrays)
    assert len(robot.arrays[0].faces) == 1
    assert robot.camera_counts(topic)["jpeg.without_end"] == 1


@pytest.mark.parametrize("compressed", [False, True])
def test_a_publisher_of_another_type_is_named_with_the_remedy(build, compressed: bool) -> None:
    expected = messages.COMPRESSED_IMAGE if compressed else messages.IMAGE
    sent = messages.IMAGE if compressed else messages.COMPRESSED_IMAGE
    topic = "/cam/compressed" if compressed else "/cam"
    robot = build(image_topics=(topic,), stale_after=0.1).start()
    robot.other.publisher(topic, sent, Qos())
    wait_for(lambda: "is published as" in robot.status("camera").message)
    message = robot.status("camera").message
    assert f"published as {sent}" in message
    assert f"{expected} is expected" in message
    assert f"image_transport to {'raw' if compressed else 'compressed'}" in message


def test_gaps_in_the_stamps_of_two_cameras_on_one_topic_have_their_own_advice(robot: Robot) -> None:
    second = robot.other.publisher("/image_raw", messages.IMAGE, Qos())
    for index in range(60):
        if index % 3 != 2 or index < 20:
            robot.answer(smiling(), stamp_ns=1000 * SECOND + index * FRAME)
    message = camera_status(robot).message
    assert "by the gaps in their stamps" in message
    assert message.endswith("2 publishers send on this topic; give each camera its own")
    second.close()


def test_images_lost_before_the_node_have_a_count_of_their_own(robot: Robot) -> None:
    for index in range(60):
        if index % 3 != 2 or index < 20:
            robot.answer(smiling(), stamp_ns=1000 * SECOND + index * FRAME)
    counts = robot.camera_counts()
    assert counts["lost_before.stamp_gaps"] == 13
    assert counts["received"] == counts["published"]
