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

"""Quality of a face: expected accuracy of its prediction, from detection and crop.

A small, turned, blurred or cut face is predicted less accurately. The tables give by how much,
measured by `fer-train detector quality` on FER2013 PublicTest faces put into VGA scenes, found by
the shipped detector and read by `fer-base-int8`: the log odds of a correct prediction are a sum
of one term a property. A quality is that chance relative to a good face's.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer_ros.perception.resampling import area_mean
from fer_ros.perception.types import Face, Image

_SIDE = 48


@dataclass(frozen=True)
class FaceFeatures:
    """Properties of a face that affect the accuracy of its prediction."""

    side: float
    """Mean side of the box [source pixels]."""
    turn: float
    """Distance of the nose from the middle between the eyes, in half eye distances, 0 or more;
    about 1 where a head is turned by half a right angle. 0 where no landmarks are known."""
    sharpness: float
    """Mean of the crop's absolute Laplacian over its standard deviation, at 48 pixels a side."""
    cut: float
    """Share of the box outside the image [0..1]."""


@dataclass(frozen=True)
class Term:
    """A piecewise linear term of the logarithm of the odds."""

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, number: float) -> float:
        """Return the term at a value; flat beyond the ends."""
        # As np.interp, whose overhead is most of its cost here.
        index = bisect.bisect_right(self.knots, number) - 1
        if index < 0 or index == len(self.knots) - 1:
            return self.values[max(index, 0)]
        x, y = self.knots[index], self.values[index]
        slope = (self.values[index + 1] - y) / (self.knots[index + 1] - x)
        return slope * (number - x) + y


@dataclass(frozen=True)
class QualityModel:
    """The chance of a correct prediction, relative to a good face's."""

    good: float
    """Logarithm of the odds at the best of all properties."""
    log_side: Term
    """Over the logarithm to base 2 of the side."""
    turn: Term
    sharpness: Term
    cut: Term

    def quality(self, features: FaceFeatures) -> float:
        """Return the quality [0..1]."""
        loss = (
            self.log_side.at(math.log2(max(features.side, 1.0)))
            + self.turn.at(features.turn)
            + self.sharpness.at(features.sharpness)
            + self.cut.at(features.cut)
        )
        return _chance(self.good + loss) / _chance(self.good)


MODEL = QualityModel(
    good=0.944,
    log_side=Term((3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5), (-0.104, -0.1, -0.1, -0.058, 0.0, 0.0, 0.0)),
    turn=Term((0.0, 0.25, 0.5, 0.75, 1.0, 1.5), (0.0, -0.243, -0.515, -0.515, -0.515, -0.515)),
    sharpness=Term(
        (0.05, 0.1, 0.15, 0.2, 0.3, 0.45), (-1.028, -0.788, -0.365, -0.328, -0.096, 0.0)
    ),
    cut=Term((0.0, 0.08, 0.16, 0.25, 0.4), (0.0, -0.244, -0.244, -0.244, -0.471)),
)
"""As fitted; every value is a loss against the best."""


def features_of(face: Face, crop: Image, width: int, height: int) -> FaceFeatures:
    """Measure a face.

    Args:
        face: Box and landmarks in pixels of its image.
        crop: Its crop, uint8, (h, w) or (h, w, 3).
        width: Of the image [pixels].
        height: Of the image [pixels].
    """
    box = face.box
    inside_x = min(box.x + box.width, width) - max(box.x, 0.0)
    inside_y = min(box.y + box.height, height) - max(box.y, 0.0)
    seen = max(inside_x, 0.0) * max(inside_y, 0.0)
    area = max(box.area, 1e-6)
    turn = 0.0 if face.landmarks is None else _turn(face.landmarks.tolist())
    return FaceFeatures(math.sqrt(area), turn, _sharpness(crop), min(max(1 - seen / area, 0), 1))


def quality_of(face: Face, crop: Image, width: int, height: int) -> float:
    """Return the quality of a face [0..1]; arguments as for :func:`features_of`."""
    return MODEL.quality(features_of(face, crop, width, height))


def _turn(points: Sequence[Sequence[float]]) -> float:
    (rx, ry), (lx, ly), (nx, ny) = points[:3]
    across_x, across_y = lx - rx, ly - ry
    apart = across_x**2 + across_y**2
    if apart <= 1e-6:
        return 0.0
    along = ((nx - rx) * across_x + (ny - ry) * across_y) / apart
    return min(abs(2.0 * along - 1.0), 3.0)


def _sharpness(crop: Image) -> float:
    grey = crop
    if crop.ndim == 3:
        grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    if grey.shape != (_SIDE, _SIDE):
        grey = area_mean(grey, _SIDE, _SIDE)
    spread = float(cv2.meanStdDev(grey)[1][0, 0])
    if spread < 1.0:
        return 0.0
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    return float(cv2.norm(edges, cv2.NORM_L1)) / (_SIDE * _SIDE) / spread


def _chance(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))
