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

"""Head poses from projected landmarks: exact for the model, honest for people who differ."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from fer_ros.perception.head_pose import EYE_DISTANCE_DEVIATION, MODEL, Camera, head_pose

CAMERA = Camera(
    np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]),
    np.array([0.1, -0.05, 0.001, 0.001, 0.0]),
)


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation of a head: yaw to its left, pitch downwards, roll clockwise in the image."""
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (yaw, pitch, roll))
    left = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    down = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return tilt @ left @ down


def seen(rotation: np.ndarray, position: np.ndarray, model: np.ndarray = MODEL) -> np.ndarray:
    points, _ = cv2.projectPoints(
        model, cv2.Rodrigues(rotation)[0], position, CAMERA.matrix, CAMERA.distortion
    )
    return points.reshape(5, 2)


@pytest.mark.parametrize("yaw", [-40, 0, 25])
@pytest.mark.parametrize("pitch", [-20, 0, 15])
@pytest.mark.parametrize("position", [(0.0, 0.0, 0.5), (0.3, -0.2, 1.5), (-0.5, 0.1, 3.0)])
def test_a_rendered_face_is_found_where_it_is(yaw, pitch, position):
    angles = math.radians(yaw), math.radians(pitch), math.radians(10)
    pose = head_pose(seen(turned(*angles), np.array(position)), CAMERA)
    assert pose.position == pytest.approx(position, abs=1e-4)
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx(angles, abs=1e-4)
    assert pose.distance == pytest.approx(np.linalg.norm(position), abs=1e-4)


def test_a_face_that_looks_into_the_camera_looks_against_its_axis():
    pose = head_pose(seen(np.eye(3), np.array([0, 0, 1.0])), CAMERA)
    forward, left, up = pose.axes.T
    assert forward == pytest.approx([0, 0, -1], abs=1e-5)
    assert left == pytest.approx([1, 0, 0], abs=1e-5), "the person's left is the image's right"
    assert up == pytest.approx([0, -1, 0], abs=1e-5)
    assert np.linalg.det(pose.axes) == pytest.approx(1)


def test_the_stated_uncertainty_covers_people_who_differ():
    """Sizes as adults' eye distances differ, noses of other depths, landmarks with noise."""
    rng = np.random.default_rng(0)
    squares, angles = [], []
    for _ in range(500):
        yaw, pitch = np.radians(rng.uniform(-30, 30)), np.radians(rng.uniform(-15, 15))
        place = np.array([rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2), rng.uniform(0.5, 2)])
        model = MODEL * (1 + EYE_DISTANCE_DEVIATION * rng.normal())
        model[2, 2] *= 1 + 0.1 * rng.normal()
        points = seen(turned(yaw, pitch, 0.0), place, model)
        eyes = np.linalg.norm(points[0] - points[1])
        pose = head_pose(points + 0.03 * eyes * rng.normal(size=points.shape), CAMERA)
        off = pose.position - place
        squares.append(off @ np.linalg.inv(pose.position_covariance) @ off)
        angles.append((pose.yaw - yaw) / pose.angle_deviation)
    assert 0.5 < np.mean(squares) / 3 < 1.2, "neither too proud nor too shy"
    assert 0.5 < np.std(angles) < 1.2


def test_landmarks_that_are_no_face_have_no_pose():
    assert head_pose(np.full((5, 2), np.nan), CAMERA) is None
    assert head_pose(np.zeros((5, 2)), CAMERA) is None
    upside_down = seen(np.eye(3), np.array([0, 0, 1.0]))[[1, 0, 2, 4, 3]]
    pose = head_pose(upside_down, CAMERA)
    assert pose is None or pose.position[2] > 0
