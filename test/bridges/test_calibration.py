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

"""CameraInfo: which images it is for, which part of the sensor they show, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.bridges.calibration import (
    CalibrationError,
    Calibrations,
    is_rectified,
    read_calibration,
)
from fer_ros.bridges.definitions import build
from fer_ros.perception.head_pose import MODEL, head_pose

F, CX, CY = 1200.0, 640.0, 480.0
PLACE = np.array([0.1, -0.05, 0.9])


def camera_info(**changes):
    k = np.array([F, 0, CX, 0, F, CY, 0, 0, 1])
    p = np.array([F, 0, CX, 0, 0, F, CY, 0, 0, 0, 1, 0])
    values = {
        "width": 1280, "height": 960, "k": k, "p": p, "d": np.zeros(5),
        "distortion_model": "plumb_bob", **changes,
    }  # fmt: skip
    return build("sensor_msgs/msg/CameraInfo", **values)


def roi(left: int, top: int, width: int, height: int):
    return build(
        "sensor_msgs/msg/RegionOfInterest",
        x_offset=left, y_offset=top, width=width, height=height,
    )  # fmt: skip


def seen(left: float, top: float, across: float, down: float) -> np.ndarray:
    """Return landmarks of a face at PLACE in the pixels of an image of a part of the sensor."""
    points = MODEL + PLACE
    pixels = points[:, :2] / points[:, 2:] * F + (CX, CY)
    return (pixels - (left, top) + 0.5) / (across, down) - 0.5


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize(
    ("changes", "size", "part"),
    [
        ({}, (1280, 960), (0, 0, 1, 1)),
        ({}, (640, 480), (0, 0, 2, 2)),
        ({}, (320, 240), (0, 0, 4, 4)),
        ({"roi": roi(320, 240, 640, 480)}, (640, 480), (320, 240, 1, 1)),
        ({"roi": roi(0, 240, 1280, 480)}, (1280, 480), (0, 240, 1, 1)),
        ({"roi": roi(500, 0, 300, 960)}, (300, 960), (500, 0, 1, 1)),
        ({"roi": roi(0, 0, 1280, 960)}, (1280, 960), (0, 0, 1, 1)),
        ({"binning_x": 2, "binning_y": 2}, (640, 480), (0, 0, 2, 2)),
        ({"binning_x": 2}, (640, 960), (0, 0, 2, 1)),
        ({"binning_x": 1, "binning_y": 4}, (1280, 240), (0, 0, 1, 4)),
        ({"roi": roi(320, 240, 640, 480), "binning_x": 2, "binning_y": 2}, (320, 240),
         (320, 240, 2, 2)),
        ({"roi": roi(320, 240, 640, 480), "binning_x": 2, "binning_y": 2}, (160, 120),
         (320, 240, 4, 4)),
        ({"roi": roi(3, 5, 1001, 777)}, (500, 388), (3, 5, 1001 / 500, 777 / 388)),
    ],
)  # fmt: skip
def test_faces_are_where_they_are_whatever_part_of_the_sensor_is_seen(
    changes, size, part, rectified
):
    calibration = read_calibration(camera_info(**changes), rectified)
    pose = head_pose(seen(*part), calibration.for_image(*size))
    assert pose.position == pytest.approx(PLACE, abs=2e-3)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (1280, 720)),
        ({}, (640, 640)),
        ({}, (960, 1280)),
        ({"roi": roi(320, 240, 640, 480)}, (1280, 960)),
        ({"roi": roi(320, 240, 640, 480)}, (640, 400)),
        ({"binning_x": 2, "binning_y": 2}, (1280, 960)),
        ({"binning_x": 2}, (640, 480)),
        ({"roi": roi(0, 240, 1280, 480), "binning_x": 2, "binning_y": 2}, (1280, 480)),
    ],
)
def test_images_that_it_is_not_for_are_refused_with_both_sizes(changes, size):
    calibration = read_calibration(camera_info(**changes), rectified=False)
    with pytest.raises(CalibrationError, match=f"it is for images of .*{size[0]}x{size[1]}"):
        calibration.for_image(*size)


BAD_K = [
    ("the focal length in K is 0", np.zeros(9)),
    ("the focal length in K is 0", [F, 0, CX, 0, -F, CY, 0, 0, 1]),
    ("no numbers", [np.nan, 0, CX, 0, F, CY, 0, 0, 1]),
    ("no numbers", [F, 0, np.inf, 0, F, CY, 0, 0, 1]),
    ("none of a pinhole camera", [F, 0, CX, 0, F, CY, 0, 0, 0]),
    ("none of a pinhole camera", [F, 0, CX, 5, F, CY, 0, 0, 1]),
    ("none of a pinhole camera", [F, 300, CX, 0, F, CY, 0, 0, 1]),
    ("a focal length of 4 pixels", [4, 0, CX, 0, 4, CY, 0, 0, 1]),
    ("a focal length of 1e\\+30 pixels", [1e30, 0, CX, 0, 1e30, CY, 0, 0, 1]),
]


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        *((said, {"k": np.array(k, np.float64)}) for said, k in BAD_K),
        ("does not say the size", {"width": 0}),
        ("does not say the size", {"height": 0}),
        ("'equidistant' is not known", {"distortion_model": "equidistant", "d": np.zeros(4)}),
        ("'fisheye' is not known", {"distortion_model": "fisheye"}),
        ("'plumb_bob' has not 3 coeff", {"d": np.ones(3)}),
        ("'plumb_bob' has not 8 coeff", {"d": np.ones(8)}),
        ("'rational_polynomial' has not 5", {"distortion_model": "rational_polynomial"}),
        ("no distortion model has 5", {"distortion_model": "", "d": np.ones(5)}),
        ("D holds values that are no numbers", {"d": np.full(5, np.nan)}),
        ("no part of 1280x960", {"roi": roi(800, 0, 640, 480)}),
        ("no part of 1280x960", {"roi": roi(0, 900, 640, 480)}),
        ("no part of 1280x960", {"roi": roi(10, 10, 0, 0)}),
        ("no part of 1280x960", {"roi": roi(0, 0, 640, 0)}),
        ("no part of 1280x960", {"roi": roi(2**32 - 1, 0, 2**32 - 1, 480)}),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(said, changes):
    with pytest.raises(CalibrationError, match=said):
        read_calibration(camera_info(**changes), rectified=False)


def test_of_a_rectified_image_only_p_counts():
    read_calibration(camera_info(k=np.zeros(9), distortion_model="equidistant"), rectified=True)
    with pytest.raises(CalibrationError, match="focal length in P is 0"):
        read_calibration(camera_info(p=np.zeros(12)), rectified=True)
    wide = camera_info(d=np.array([0.3, 0.1, 0, 0, 0]))
    assert read_calibration(wide, rectified=False).camera.distortion[0] == 0.3
    assert read_calibration(wide, rectified=True).camera.distortion.size == 0


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/cam/image_rect", True),
        ("/cam/image_rect_color", True),
        ("/cam/image_rect/compressed", True),
        ("/left/image_rectified", True),
        ("/cam/image_rect_raw", True),
        ("/cam/image_raw", False),
        ("/cam/image_direct", False),
        ("/cam/directory", False),
        ("/cam/rectangle", False),
        ("/rect/image_raw", False),
        ("/cam/image_unrectified", False),
        ("/cam/image_raw/compressed", False),
        ("image", False),
        ("", False),
    ],
)
def test_names_of_rectified_images(topic, rectified):
    assert is_rectified(topic) is rectified


def test_a_calibration_of_another_frame_is_refused():
    info = camera_info()
    info.header.frame_id = "left_optical"
    calibration = read_calibration(info, rectified=False)
    calibration.for_image(1280, 960, "left_optical")
    calibration.for_image(1280, 960)
    with pytest.raises(CalibrationError, match="'left_optical', the images are in 'right_optical'"):
        calibration.for_image(1280, 960, "right_optical")


def test_each_image_has_the_calibration_of_its_time():
    far = read_calibration(camera_info(), False)
    near = read_calibration(camera_info(roi=roi(0, 0, 640, 480)), False)
    known = Calibrations()
    assert known.at(5) is None
    known.add(far, 100)
    for stamp in range(101, 200):
        known.add(read_calibration(camera_info(), False), stamp)
    known.add(near, 200)
    assert known.at(150) is far
    assert known.at(199) is far
    assert known.at(200) is near
    assert known.at(10**18) is near
    assert known.at(50) is near, "stamps of another time: the newest"
    for number in range(1000):
        known.add(read_calibration(camera_info(binning_x=number % 7 + 1), False), number)
    assert len(known._kept) == 8
