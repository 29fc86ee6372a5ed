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

"""From a face in an image to the crop a network sees; the same code trains and serves.

The window that becomes the crop is a square around the face. Its side and middle follow the
detector's box and, as far as they are to be trusted, the five landmarks. How far is measured, see
:data:`LANDMARK_SHARE` and :data:`ROLL_TOLERANCE`.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.exposure import exposed
from fer_ros.perception.model_metadata import CropTemplate, InputSpec
from fer_ros.perception.resampling import Samples, area_mean, bilinear, cubic
from fer_ros.perception.types import Face, Image

FER2013_TEMPLATE = CropTemplate(
    landmarks=((0.311, 0.386), (0.689, 0.386), (0.5, 0.592), (0.342, 0.757), (0.658, 0.757)),
    box_center=(0.5, 0.526),
    box_size=0.91,
)
"""Where YuNet sees box and landmarks in FER2013 crops.

Medians over the 6,200 faces that ``python -m fer_training.data.calibrate_crop`` found with a score
of 0.8 or more in 1,436 Training images, enlarged to 64, 96, 128, 192 and 256 pixels on plain grey.
Half the range from 16 to 84 % is 0.05 for the points and 0.13 of the box's size: that much FER2013
varies by itself. Pasted into photos instead of grey, every number stays within 0.01; and the box
is 2.45 times as large as the distance from eyes to mouth, against 2.44 for real faces in photos.
"""

LANDMARK_SHARE = 0.25
"""How much landmarks count against the box for middle and side of the window.

Measured on 757 PublicTest faces pasted into photos and found by YuNet. Mean absolute difference
between crop and original [grey levels]: 33.3 with the box alone, 33.1 with a share of 0.25, 33.3
with 0.5, 34.1 with 0.75, 35.5 with landmarks alone (71.6 between two different faces). Landmarks
alone misplace the middle sideways by 0.07 crop sides, the box by 0.045: the nose moves them when
the head turns.
"""

ROLL_TOLERANCE = math.radians(5.0)
"""Tilt of a head that is left alone; only what exceeds it is corrected.

YuNet's landmarks understate tilt: they show about a tenth of it on faces below 100 network pixels
and three quarters above 200, while FER2013 itself is tilted by some 6 degrees either way. Accuracy
of ARCH-1 on pasted PublicTest faces turned by 0, 10, 20, 30 and 45 degrees, less that on the
originals: -0.6, -1.5, -2.5, -7.6 and -22.0 points without correction, -0.6, -1.2, -2.0, -5.6 and
-16.4 with this tolerance, -1.2, -0.7, -2.5, -5.3 and -15.2 without tolerance.
"""

_TRUSTED_SCALES = (0.5, 2.0)
"""Landmarks that ask for a window this much smaller or larger than the box does are wrong."""


@dataclass(frozen=True)
class Window:
    """The square of the source image that becomes the crop."""

    x: float
    """Middle, pixel centres at whole numbers [source pixels]."""
    y: float
    side: float
    """[source pixels]"""
    roll: float = 0.0
    """Angle of its upper edge to the image rows, clockwise as seen [rad]."""


def crop_for(image: Image, face: Face, template: CropTemplate, spec: InputSpec) -> Image:
    """Crop one face for a network: aligned, and in light that is not far from its training's.

    Normalisation, and equalisation where ``spec`` asks for it, are the classifier's. Arguments and
    errors are those of :func:`align`.
    """
    return exposed(align(image, face, template, spec.width, spec.height, spec.channels))


def align_all(
    image: Image, faces: Sequence[Face], template: CropTemplate, spec: InputSpec
) -> list[Image]:
    """Return one crop per face of an image, as :func:`crop_for` makes it."""
    return [crop_for(image, face, template, spec) for face in faces]


def align(
    image: Image, face: Face, template: CropTemplate, width: int, height: int, channels: int
) -> Image:
    """Crop one face.

    What lies outside the image repeats its border.

    Args:
        image: uint8, (h, w, 3) BGR or (h, w) grey.
        face: Box and, if known, landmarks in pixels of the image.
        template: Where face and landmarks shall lie in the crop.
        width: Width of the crop [pixels].
        height: Height of the crop [pixels]; a crop that is not square is stretched.
        channels: 1 for a grey crop, 3 for BGR.

    Returns:
        uint8, (height, width) or (height, width, 3).

    Raises:
        ValueError: The box is empty or not finite, or the image is empty.
    """
    if image.size == 0:
        raise ValueError("cannot crop from an empty image")
    return cut(image, face_window(face, template), width, height, channels)


def face_window(face: Face, template: CropTemplate) -> Window:
    """Return the window of a face.

    Raises:
        ValueError: The box is empty or not finite.
    """
    window = _box_window(face, template)
    if face.landmarks is None:
        return window
    seen = _landmark_window(face.landmarks, template)
    low, high = _TRUSTED_SCALES
    if seen is None or not low * window.side <= seen.side <= high * window.side:
        return window
    share = LANDMARK_SHARE
    return Window(
        x=share * seen.x + (1 - share) * window.x,
        y=share * seen.y + (1 - share) * window.y,
        side=seen.side**share * window.side ** (1 - share),
        roll=math.copysign(max(abs(seen.roll) - ROLL_TOLERANCE, 0.0), seen.roll),
    )


def cut(image: Image, window: Window, width: int, height: int, channels: int) -> Image:
    """Resample a window of an image; arguments and result as in :func:`align`."""
    shrinks = window.side > max(width, height)
    left, top = window.x + 0.5 - window.side / 2, window.y + 0.5 - window.side / 2
    if shrinks and window.roll == 0.0:
        x0, x1 = round(left), round(left + window.side)
        y0, y1 = round(top), round(top + window.side)
        if x0 >= 0 and y0 >= 0 and x1 <= image.shape[1] and y1 <= image.shape[0]:
            # The usual case: the mean over the source pixels of each crop pixel.
            return area_mean(_with_channels(image[y0:y1, x0:x1], channels), width, height)

    reach = window.side * (abs(math.cos(window.roll)) + abs(math.sin(window.roll))) / 2 + 2
    x0, x1 = _clip(window.x - reach, window.x + reach, image.shape[1])
    y0, y1 = _clip(window.y - reach, window.y + reach, image.shape[0])
    region = _with_channels(image[y0:y1, x0:x1], channels)
    if not shrinks and window.roll == 0.0:
        step_x, step_y = window.side / width, window.side / height
        return cubic(
            region,
            Samples(left - x0 + step_x / 2 - 0.5, step_x, width),
            Samples(top - y0 + step_y / 2 - 0.5, step_y, height),
        )
    rows, columns = region.shape[:2]
    if shrinks:
        wide, tall = (
            math.ceil(columns * width / window.side),
            math.ceil(rows * height / window.side),
        )
        region = area_mean(region, min(wide, columns), min(tall, rows))
    else:
        side = max(window.side, 2.0)  # a face of less shows nothing, but would cost memory
        region = _enlarged(region, side / (2 * width), side / (2 * height))
    scale = region.shape[1] / columns, region.shape[0] / rows
    to_region = _crop_to_region(window, (x0, y0), scale, width, height)
    return bilinear(region, to_region, width, height)


def _enlarged(region: Image, step_x: float, step_y: float) -> Image:
    """Enlarge a region by about 1 / step, twice what the crop needs: bilinear samples follow."""
    rows, columns = region.shape[:2]
    wide, tall = math.ceil(columns / step_x), math.ceil(rows / step_y)
    step_x, step_y = columns / wide, rows / tall
    return cubic(
        region, Samples(step_x / 2 - 0.5, step_x, wide), Samples(step_y / 2 - 0.5, step_y, tall)
    )


def _crop_to_region(
    window: Window, origin: tuple[int, int], scale: tuple[float, float], width: int, height: int
) -> NDArray[np.float64]:
    """Affine map from pixels of the crop to those of a scaled region of the image.

    Args:
        window: The window of the image that the crop shows.
        origin: First column and row of the region.
        scale: Pixels of the scaled region per image pixel (x, y).
        width: Width of the crop.
        height: Height of the crop.

    Returns:
        Shape (2, 3), for pixel centres at whole numbers.
    """
    cos, sin = math.cos(window.roll) * window.side, math.sin(window.roll) * window.side
    right, down = (cos / width, sin / width), (-sin / height, cos / height)  # one crop pixel
    half_width, half_height = (width - 1) / 2, (height - 1) / 2
    left = window.x + 0.5 - origin[0] - half_width * right[0] - half_height * down[0]
    top = window.y + 0.5 - origin[1] - half_width * right[1] - half_height * down[1]
    x, y = scale
    return np.array(
        [[x * right[0], x * down[0], x * left - 0.5], [y * right[1], y * down[1], y * top - 0.5]]
    )


def _clip(low: float, high: float, size: int) -> tuple[int, int]:
    """Whole-numbered part of low..high inside 0..size, at least one pixel."""
    first = int(min(max(math.floor(low), 0), size - 1))
    return first, int(max(min(math.ceil(high), size), first + 1))


def _with_channels(region: Image, channels: int) -> Image:
    if channels == 1 and region.ndim == 3:
        return np.asarray(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY), np.uint8)
    if channels == 3 and region.ndim == 2:
        return np.asarray(cv2.cvtColor(region, cv2.COLOR_GRAY2BGR), np.uint8)
    return region


def _box_window(face: Face, template: CropTemplate) -> Window:
    box = face.box
    numbers = (box.x, box.y, box.width, box.height)
    if not all(map(math.isfinite, numbers)) or box.width <= 0 or box.height <= 0:
        raise ValueError(f"cannot crop the face box {box}")
    side = math.sqrt(box.width * box.height) / template.box_size
    x, y = box.center
    return Window(
        x + (0.5 - template.box_center[0]) * side, y + (0.5 - template.box_center[1]) * side, side
    )


def _landmark_window(landmarks: NDArray[np.float32], template: CropTemplate) -> Window | None:
    """Fit the template to landmarks, or return None where they are degenerate.

    The least-squares similarity without reflection (Umeyama 1991, equations 40 to 43), from
    template to image, in closed form for two dimensions: as complex numbers, image = a * template
    + b.
    """
    model_mean, model, spread = _centered(template.landmarks)
    points = [complex(x, y) for x, y in landmarks.tolist()]
    if len(points) != len(model) or spread == 0:
        return None
    mean = sum(points) / len(points)
    # The template's offsets sum to zero, so the points need not be centred.
    a = sum(map(operator.mul, points, model)) / spread
    if not (cmath.isfinite(a) and cmath.isfinite(mean)) or abs(a) < 1.0:
        return None
    middle = mean + a * (0.5 + 0.5j - model_mean)
    return Window(middle.real, middle.imag, abs(a), cmath.phase(a))


@lru_cache(maxsize=16)
def _centered(
    landmarks: tuple[tuple[float, float], ...],
) -> tuple[complex, tuple[complex, ...], float]:
    """Return mean of landmarks, conjugates of their offsets from it, and their squares' sum."""
    points = [complex(x, y) for x, y in landmarks]
    mean = sum(points) / len(points)
    offsets = tuple((point - mean).conjugate() for point in points)
    return mean, offsets, sum(abs(offset) ** 2 for offset in offsets)
