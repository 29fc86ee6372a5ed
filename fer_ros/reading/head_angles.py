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

"""Angles of a head from five landmarks, cheap enough for every face of every frame.

`fer_ros.perception.head_pose` minimises the error in the image, which costs a millisecond a face.
POSIT (DeMenthon and Davis, Model-Based Object Pose in 25 Lines of Code, IJCV 15, 1995) needs a
few sums: it fits a scaled orthographic view, corrects the image for perspective by what it found,
and does so again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.head_pose import MODEL

# As lists: for five points NumPy's calls cost more than their sums.
_PLACES: list[list[float]] = MODEL.tolist()
_FIT: list[list[float]] = np.linalg.pinv(np.hstack([MODEL, np.ones((5, 1))]))[:3].tolist()
"""From five image coordinates to a row of the view, shape (3, 5)."""

_ROUNDS = 1
"""Corrections; further ones change the mean error by less than a twentieth of a degree."""


Vector = tuple[float, float, float]

Rotation = tuple[Vector, Vector, Vector, float]
"""Rows of a rotation, and the scale."""


@dataclass(frozen=True)
class HeadAngles:
    """How a head is turned against the line of sight [degrees]."""

    yaw: float
    """To the person's left."""
    pitch: float
    """Nod, downwards."""
    roll: float
    """Tilt, clockwise in the picture."""


def head_angles(landmarks: NDArray[np.float32], focal: float) -> HeadAngles | None:
    """Return the angles of a head; None where the landmarks are no face's.

    Args:
        landmarks: Right eye, left eye, nose tip, right and left corner of the mouth, shape (5, 2)
            [pixels].
        focal: Focal length of the lens [pixels]. The face is taken to lie in the middle of its
            picture: the angles then follow from how it looks, wherever it is.
    """
    points: list[list[float]] = landmarks.tolist()
    middle = [sum(point[axis] for point in points) / 5 for axis in (0, 1)]
    centred = [[(point[axis] - middle[axis]) / focal for point in points] for axis in (0, 1)]
    rotation = _fitted(centred)
    for _ in range(_ROUNDS):
        if rotation is None:
            return None
        # Points nearer to the camera than the middle of the eyes look larger than they would.
        forward, scale = rotation[2:]
        nearer = [1 + scale * _dot(forward, place) for place in _PLACES]
        rotation = _fitted([[value * by for value, by in zip(axis, nearer)] for axis in centred])
    if rotation is None:
        return None
    across, down, forward, _ = rotation
    return HeadAngles(
        yaw=math.degrees(math.asin(min(max(forward[0], -1.0), 1.0))),
        pitch=math.degrees(math.atan2(forward[1], forward[2])),
        roll=math.degrees(math.atan2(down[0], across[0])),
    )


def _fitted(seen: list[list[float]]) -> Rotation | None:
    across, down = ([_dot(row, axis) for row in _FIT] for axis in seen)
    return _nearest_rotation(across, down)


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(map(mul, one, other))


def _nearest_rotation(across: list[float], down: list[float]) -> Rotation | None:
    """Return rows of a rotation, and the scale, of a fit whose rows are not at right angles.

    Both rows give way to each other by the same angle.
    """
    length, other = math.hypot(*across), math.hypot(*down)
    if not (length > 0 and other > 0 and math.isfinite(length) and math.isfinite(other)):
        return None
    a = [value / length for value in across]
    b = [value / other for value in down]
    total = [x + y for x, y in zip(a, b)]
    apart = [x - y for x, y in zip(a, b)]
    sum_length, apart_length = math.hypot(*total), math.hypot(*apart)
    if min(sum_length, apart_length) < 1e-6:
        return None
    half = math.sqrt(0.5)
    one = [half * (t / sum_length + d / apart_length) for t, d in zip(total, apart)]
    two = [half * (t / sum_length - d / apart_length) for t, d in zip(total, apart)]
    three = (
        one[1] * two[2] - one[2] * two[1],
        one[2] * two[0] - one[0] * two[2],
        one[0] * two[1] - one[1] * two[0],
    )
    return (one[0], one[1], one[2]), (two[0], two[1], two[2]), three, math.sqrt(length * other)
