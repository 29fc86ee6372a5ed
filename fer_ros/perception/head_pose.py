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

"""Head pose from five landmarks and a calibrated camera.

The landmarks are matched to a head of mean size by solving the perspective-n-point problem. What a
single camera cannot know is the true size of the head: the distance is as uncertain as people's eye
distances differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

EYE_DISTANCE = 0.063
"""Mean distance between the pupils of adults [m]: Dodgson, Variation and extrema of human
interpupillary distance, Proceedings of SPIE 5291 (2004)."""

EYE_DISTANCE_DEVIATION = 0.06
"""Its deviation among adults, as a part of the mean: 3.8 mm (same source). Children have a smaller
one, so they seem further away than they are."""

MODEL = np.array(
    [
        [-0.0315, 0.0, 0.0],
        [0.0315, 0.0, 0.0],
        [0.0, 0.036, -0.030],
        [-0.026, 0.072, -0.006],
        [0.026, 0.072, -0.006],
    ]
)
"""Right eye, left eye, nose tip, right and left corner of the mouth of a mean head, as a camera in
front of it sees them: x to the image's right, y down, z away from the camera [m], shape (5, 3). The
frontal places are those of the template that faces are aligned to for recognition, for an eye
distance of 63 mm; the nose tip is taken to lie 30 mm before the pupils."""

_LANDMARK_NOISE = 0.03
"""Deviation of a landmark, as a part of the eye distance in the image."""

_NEAREST, _FARTHEST = 0.05, 100.0
"""Distances that can be [m]."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with distortion, as sensor_msgs/CameraInfo describes it."""

    matrix: NDArray[np.float64]
    """K, shape (3, 3) [pixels]."""
    distortion: NDArray[np.float64]
    """D of plumb_bob or rational_polynomial, shape (n,); empty: none."""


@dataclass(frozen=True)
class HeadPose:
    """A face in the camera's optical frame: x right, y down, z forward."""

    position: NDArray[np.float64]
    """Of the point between the eyes, shape (3,) [m]."""
    position_covariance: NDArray[np.float64]
    """Shape (3, 3) [m²]: long along the line of sight, short across."""
    rotation: NDArray[np.float64]
    """From a head that looks into the camera, shape (3, 3)."""
    angle_deviation: float
    """Of yaw and pitch [rad]."""

    @property
    def distance(self) -> float:
        """From the camera [m]."""
        return float(np.linalg.norm(self.position))

    @property
    def yaw(self) -> float:
        """Turn of the head to the person's left [rad]."""
        return math.asin(float(np.clip(self.rotation[2, 0], -1, 1)))

    @property
    def pitch(self) -> float:
        """Nod, downwards [rad]."""
        return math.atan2(self.rotation[2, 1], self.rotation[2, 2])

    @property
    def roll(self) -> float:
        """Tilt, clockwise in the image [rad]."""
        return math.atan2(self.rotation[1, 0], self.rotation[0, 0])

    @property
    def axes(self) -> NDArray[np.float64]:
        """Forward out of the face, the person's left, and up, as columns, shape (3, 3)."""
        return np.stack([-self.rotation[:, 2], self.rotation[:, 0], -self.rotation[:, 1]], axis=1)


def head_pose(landmarks: NDArray[np.float64], camera: Camera) -> HeadPose | None:
    """Return where a face is and which way it looks; None when the landmarks are no face's.

    Args:
        landmarks: Right eye, left eye, nose tip, right and left corner of the mouth, shape (5, 2)
            [pixels of the image that the camera describes].
        camera: Its calibration.
    """
    points = np.asarray(landmarks, np.float64).reshape(5, 1, 2)
    if not np.isfinite(points).all():
        return None
    rays = cv2.undistortPoints(points, camera.matrix, camera.distortion)
    eyes = float(np.linalg.norm(rays[1] - rays[0]))
    if eyes <= 0:
        return None
    identity = np.eye(3)
    try:
        found, turn, place = cv2.solvePnP(MODEL, rays, identity, None, flags=cv2.SOLVEPNP_SQPNP)
        if not found:
            return None
        turn, place = cv2.solvePnPRefineLM(MODEL, rays, identity, None, turn, place)
    except cv2.error:
        return None
    position = np.asarray(place, np.float64).ravel()
    distance = float(np.linalg.norm(position))
    if position[2] <= 0 or not _NEAREST < distance < _FARTHEST:
        return None
    rotation, _ = cv2.Rodrigues(turn)
    return HeadPose(
        position=position,
        position_covariance=_covariance(position, eyes),
        rotation=np.asarray(rotation, np.float64),
        # The nose tip's place against the eyes tells the angle: noise over its depth, and as much
        # again because noses differ.
        angle_deviation=_LANDMARK_NOISE * EYE_DISTANCE / abs(float(MODEL[2, 2])) * math.sqrt(2),
    )


def _covariance(position: NDArray[np.float64], eyes: float) -> NDArray[np.float64]:
    """Return an ellipsoid: people's sizes and noise along the line of sight, noise across.

    Args:
        position: Of the face [m].
        eyes: Eye distance on the image plane at distance 1.
    """
    distance = float(np.linalg.norm(position))
    along = distance * math.hypot(EYE_DISTANCE_DEVIATION, _LANDMARK_NOISE)
    across = distance * _LANDMARK_NOISE * eyes
    sight = position / distance
    outer = np.outer(sight, sight)
    return along**2 * outer + across**2 * (np.eye(3) - outer)
