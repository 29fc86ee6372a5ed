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

"""Bridges and the cameras that results name: regions of sensors, clocks, and ever other names."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest
from bridge_stage import SECOND, camera_info, found
from support import wait_for

from fer_ros.bridges.cameras import FORGET_AFTER, MOST_CAMERAS, Cameras
from fer_ros.bridges.definitions import build
from fer_ros.perception.head_pose import MODEL
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode


def test_a_part_of_the_sensor_is_told_from_a_scaled_image(stage, caplog):
    here = stage("position")
    poses = here.hear("/fer/people/a/pose", "geometry_msgs/msg/PoseWithCovarianceStamped")
    infos = here.other.publisher("/cam/camera_info", "sensor_msgs/msg/CameraInfo", Qos())
    points = MODEL + np.array([0, 0, 1.0])
    pixels = points / points[:, 2:] * 1200 + np.array([320, 240, 0])
    part = build(
        "sensor_msgs/msg/RegionOfInterest", x_offset=320, y_offset=240, width=640, height=480
    )
    k = np.array([1200.0, 0, 640, 0, 1200, 480, 0, 0, 1])

    def told(**changes) -> None:
        here.see(found("a", landmarks=pixels[:, :2].astype(np.float32)))
        infos.publish(encode(camera_info(1280, height=960, k=k, **changes)))

    wait_for(lambda: told(roi=part) or poses)
    assert poses[0].pose.pose.position.z == pytest.approx(1.0, abs=1e-3)
    with caplog.at_level("WARNING"):
        wait_for(lambda: told(binning_y=2) or "cannot be used" in caplog.text)
    assert "it is for images of 1280x480, not of 640x480" in caplog.text


@pytest.mark.parametrize("name", ["position", "hri", "people"])
def test_results_that_name_ever_other_cameras_cost_a_bounded_number_of_places(stage, name, caplog):
    here = stage(name)
    crops = here.hear("/humans/faces/a/cropped", messages.IMAGE)
    heard = here.hear("/humans/faces/tracked", "hri_msgs/msg/IdsList")

    def see_all() -> None:
        for number in range(200):
            here.see(found("a"), topic=f"/cam{number}/image_raw", after=0)
            time.sleep(0.002)  # the subscriber's queue holds ten
        here.see(found("b"), topic="not a topic/ at all", after=0)

    see_all()
    (bridge,) = here.node._bridges.values()
    if name == "position":
        wait_for(lambda: see_all() or len(bridge._cameras) == MOST_CAMERAS)
        wait_for(lambda: "more than 32 cameras" in caplog.text)
        time.sleep(0.2)
        assert len(bridge._cameras) == MOST_CAMERAS
        assert caplog.text.count("more than 32 cameras") == 1
    if name == "hri":
        wait_for(lambda: heard and "b" in heard[-1].ids)
        assert len(bridge._cameras) <= MOST_CAMERAS
        assert heard[-1].ids == ["a", "b"]
        assert len(bridge._images._cameras) <= MOST_CAMERAS
    assert not crops


def test_places_of_silent_cameras_are_given_to_others():
    now, opened, closed = [0.0], [], []
    table = Cameras(
        lambda t: opened.append(t) or t, closed.append, logging.getLogger(), lambda: now[0]
    )
    for number in range(MOST_CAMERAS):
        assert table.get(f"/{number}") == f"/{number}"
    assert table.get("/new") is None
    now[0] = FORGET_AFTER + 1
    table.get("/1")
    assert table.get("/new") == "/new"
    assert closed == ["/0"]
    assert table.get("/1") == "/1"
    table.close()
    assert sorted(closed) == sorted(opened)


def test_stamps_of_one_camera_do_not_close_the_faces_of_another(stage):
    here = stage("people")
    for _ in range(3):
        here.see(found("a"), topic="/left/image_raw")
        here.stamp += 3600 * SECOND
        here.see(found("b"), topic="/right/image_raw")
        here.stamp -= 3600 * SECOND
        wait_for(lambda: {"/fer/people/a/signals", "/fer/people/b/signals"} <= here.topics())
    faces = here.node._bridges["people"]._faces
    assert set(faces._topics) == {"a", "b"}
