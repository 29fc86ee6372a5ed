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

"""Degradations of single faces of a field: defocus, motion blur, or occlusion by a held thing."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_training.detector.compose import Field, Mixture, Rng

Image = NDArray[np.uint8]

_LEAST_SIDE = 14.0
"""Smaller faces are left alone: nothing is seen of what would happen to them [pixels]."""
_FADE = 0.25
"""Share of a face's side over which a blur fades out around it."""


def disturb_faces(made: Field, mixture: Mixture, rng: Rng) -> None:
    """Blur or cover some faces of a field before a ground that stays as it is.

    Args:
        made: Its image is changed in place.
        mixture: `blurred` and `held_before` are the shares of faces.
        rng: Generator; it is not asked where a share is 0.
    """
    for box, weight in zip(made.boxes, made.weight, strict=True):
        if weight <= 0 or min(box[2:]) < _LEAST_SIDE:
            continue
        if mixture.blurred and rng.random() < mixture.blurred:
            blur(made.image, box, rng)
        if mixture.held_before and rng.random() < mixture.held_before:
            hold_before(made.image, box, rng)


def blur(image: Image, box: tuple[float, float, float, float], rng: Rng) -> None:
    """Put one face out of focus, or move it, and leave the ground sharp.

    Args:
        image: uint8 (H, W), changed in place.
        box: Middle x, y, width, height of the face.
        rng: Generator.
    """
    x, y, w, h = box
    side = math.sqrt(w * h)
    reach_x, reach_y = (0.75 + _FADE) * w, (0.75 + _FADE) * h
    left, top = max(int(x - reach_x), 0), max(int(y - reach_y), 0)
    place = image[top : int(y + reach_y) + 1, left : int(x + reach_x) + 1]
    if place.size == 0:
        return
    if rng.random() < 0.3:
        length = max(3, round(side * rng.uniform(0.05, 0.16)))
        kernel = np.zeros((length, length), np.float32)
        ends = ((0, int(rng.integers(length))), (length - 1, int(rng.integers(length))))
        cv2.line(kernel, ends[0], ends[1], 1.0)
        soft = cv2.filter2D(place, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    else:
        soft = cv2.GaussianBlur(place, (0, 0), max(side * rng.uniform(0.02, 0.075), 0.5))
    down, right = np.mgrid[: place.shape[0], : place.shape[1]].astype(np.float32)
    away = np.hypot((right + left - x) / w, (down + top - y) / h)
    cover = np.clip((0.75 + _FADE - away) / _FADE, 0, 1)
    place[:] = np.rint(place + cover * (soft.astype(np.float32) - place)).astype(np.uint8)


def hold_before(image: Image, box: tuple[float, float, float, float], rng: Rng) -> None:
    """Draw a hand, cup, phone or microphone over the lower part or a side of a face.

    Args:
        image: uint8 (H, W), changed in place.
        box: Middle x, y, width, height of the face.
        rng: Generator.
    """
    x, y, w, h = box
    drawn = np.zeros(image.shape, np.uint8)
    at = (x + w * rng.uniform(-0.45, 0.45), y + h * rng.uniform(0.0, 0.45))
    kind = rng.random()
    if kind < 0.5:
        _hand(drawn, at, math.sqrt(w * h), rng)
    elif kind < 0.65:
        _cup(drawn, at, math.sqrt(w * h), rng)
    elif kind < 0.85:
        _phone(drawn, at, math.sqrt(w * h), rng)
    else:
        _microphone(drawn, at, math.sqrt(w * h), rng)
    if kind < 0.5:  # skin: lit as the face is
        cheek = image[max(int(y), 0) : int(y) + 3, max(int(x - w / 4), 0) : int(x + w / 4) + 1]
        tone = float(cheek.mean()) if cheek.size else 128.0
        tone = float(np.clip(tone + rng.normal(0, 18), 10, 245))
    else:
        tone = float(rng.choice([rng.uniform(5, 60), rng.uniform(60, 180), rng.uniform(180, 250)]))
    height, width = image.shape
    slope = rng.uniform(-0.35, 0.35, 2)
    down, right = np.mgrid[:height, :width].astype(np.float32)
    light = 1 + (slope[0] * (right - at[0]) + slope[1] * (down - at[1])) / (2 * math.sqrt(w * h))
    shade = drawn.astype(np.float32) / 255  # 255: its plain side, darker: folds and rims
    solid = (drawn > 0).astype(np.float32)
    cover = cv2.GaussianBlur(solid, (0, 0), max(math.sqrt(w * h) / 80, 0.4))
    look = np.clip(tone * np.clip(light, 0.5, 1.5) * np.where(shade > 0, shade, 1.0), 0, 255)
    image[:] = np.rint(image + cover * (look - image)).astype(np.uint8)


_Place = tuple[float, float]
_PLAIN, _FOLD = 255, 150


def _hand(drawn: Image, at: _Place, side: float, rng: Rng) -> None:
    """Fingers side by side from a palm, in any direction but from above."""
    turn = rng.uniform(math.pi * 0.75, math.pi * 2.25)  # where the fingers point
    along = np.array([math.cos(turn), math.sin(turn)])
    across = np.array([-along[1], along[0]])
    width = side * rng.uniform(0.11, 0.16)
    palm = np.array(at) - along * side * 0.3
    count = int(rng.integers(2, 5))
    _stroke(drawn, palm - along * side * 0.9, palm, width * 3.0, _PLAIN)
    cv2.circle(drawn, _point(palm), max(round(width * 1.9), 2), _PLAIN, -1, cv2.LINE_AA)
    for k in range(count):
        base = palm + across * (k - (count - 1) / 2) * width * 1.05
        tip = base + along * side * rng.uniform(0.35, 0.75)
        tip = tip + across * rng.normal(0, 0.06) * side
        _stroke(drawn, base, tip, width, _PLAIN)
        _stroke(drawn, base + across * width / 2, tip + across * width / 2, width * 0.15, _FOLD)
    if rng.random() < 0.5:
        thumb = palm + across * width * 2 * rng.choice([-1, 1])
        _stroke(drawn, palm, thumb + along * side * 0.2, width * 1.1, _PLAIN)


def _cup(drawn: Image, at: _Place, side: float, rng: Rng) -> None:
    wide, high = side * rng.uniform(0.35, 0.6), side * rng.uniform(0.4, 0.8)
    x, y = at
    narrow = wide * rng.uniform(0.65, 0.95)
    corners = [
        (x - wide / 2, y), (x + wide / 2, y), (x + narrow / 2, y + high), (x - narrow / 2, y + high)
    ]  # fmt: skip
    cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], _PLAIN, cv2.LINE_AA)
    axes = (max(round(wide / 2), 1), max(round(wide / 8), 1))
    cv2.ellipse(drawn, _point(at), axes, 0, 0, 360, _FOLD, -1, cv2.LINE_AA)


def _phone(drawn: Image, at: _Place, side: float, rng: Rng) -> None:
    wide = side * rng.uniform(0.3, 0.5)
    size = (wide, wide * rng.uniform(1.8, 2.1))
    corners = cv2.boxPoints((at, size, float(rng.normal(0, 20))))
    cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], _PLAIN, cv2.LINE_AA)
    lens = np.array(at) + (corners[1] - np.array(at)) * 0.7
    cv2.circle(drawn, _point(lens), max(round(wide * 0.1), 1), _FOLD, -1, cv2.LINE_AA)


def _microphone(drawn: Image, at: _Place, side: float, rng: Rng) -> None:
    ball = side * rng.uniform(0.12, 0.2)
    foot = np.array(at) + side * np.array([rng.normal(0, 0.4), rng.uniform(0.7, 1.2)])
    _stroke(drawn, np.array(at), foot, ball * 1.1, _PLAIN)
    cv2.circle(drawn, _point(at), max(round(ball), 1), _FOLD, -1, cv2.LINE_AA)


def _point(at: _Place | NDArray[np.floating]) -> tuple[int, int]:
    return round(float(at[0])), round(float(at[1]))


def _stroke(
    drawn: Image, a: NDArray[np.floating], b: NDArray[np.floating], width: float, tone: int
) -> None:
    cv2.line(drawn, _point(a), _point(b), tone, max(1, round(width)), cv2.LINE_AA)
