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

"""Image degradations: light, blur, noise, compression, and things in front of faces."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_training.detector.compose import Field, Rng

Image = NDArray[np.uint8]

_NOISE = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)
"""Taken from at random places, which is far cheaper than drawing anew."""

_LEAST_SPREAD = 5.0
"""Standard deviation of the tones of a face that can still be seen."""

_COVERED, _MASKED = 0.25, 0.55
"""Share of faces behind something, and share of these that wear a mask."""


def disturb(made: Field, rng: Rng) -> Image:
    """Return a field's image as taken by a worse camera.

    Faces that cannot be seen any more are marked as unknown in the field.
    """
    image = made.image
    for (x, y, w, h), points, weight in zip(made.boxes, made.points, made.weight, strict=True):
        if weight <= 0 or rng.random() >= _COVERED:
            continue
        if rng.random() < _MASKED and np.isfinite(points).all():
            put_mask(image, points, rng)
        else:
            _cover(image, x, y, w, h, rng)
    if rng.random() < 0.2:
        image = _lit_from_a_side(image, rng)
    if rng.random() < 0.25:
        image = _blurred(image, made, rng)
    if rng.random() < 0.75:
        image = np.asarray(cv2.LUT(image, _tones(rng)))
    strength = math.exp(rng.uniform(math.log(2), math.log(22))) if rng.random() < 0.3 else 0.0
    _forget_unreadable(made, image, strength)
    if strength:
        image = _noisy(image, strength, rng)
    if rng.random() < 0.1:
        quality = int(rng.integers(25, 90))
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    return image


def _tones(rng: Rng) -> Image:
    """A table of tones: gamma, contrast and brightness; at times very dark."""
    level = np.arange(256) / 255
    level = level ** math.exp(rng.normal(0, 0.35))
    gain = math.exp(rng.normal(0, 0.25))
    level = (level - 0.5) * gain + 0.5 + rng.normal(0, 0.1)
    if rng.random() < 0.12:
        level = level * rng.uniform(0.08, 0.4) + rng.uniform(0, 0.05)
    return np.clip(level * 255, 0, 255).astype(np.uint8)


def _lit_from_a_side(image: Image, rng: Rng) -> Image:
    side = image.shape[0]
    turn = rng.uniform(0, 2 * math.pi)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    light = math.cos(turn) * ramp[None, :] + math.sin(turn) * ramp[:, None]
    factor = 1 + rng.uniform(0.2, 0.7) * light
    return np.clip(image * factor, 0, 255).astype(np.uint8)


def _blurred(image: Image, made: Field, rng: Rng) -> Image:
    smallest = min((min(w, h) for _, _, w, h in made.boxes), default=60.0)
    if rng.random() < 0.3:
        length = int(np.clip(smallest / 6, 2, 9))
        kernel = np.zeros((length, length), np.float32)
        ends = ((0, int(rng.integers(length))), (length - 1, int(rng.integers(length))))
        cv2.line(kernel, ends[0], ends[1], 1.0)
        if rng.random() < 0.5:
            kernel = kernel.T
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    sigma = rng.uniform(0.4, float(np.clip(smallest / 16, 0.7, 2.5)))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _forget_unreadable(made: Field, image: Image, noise: float) -> None:
    """Make faces hidden by darkness or noise ignored regions: they would teach to detect blots."""
    for i, (x, y, w, h) in enumerate(made.boxes):
        place = image[
            max(int(y - h / 2), 0) : max(int(y + h / 2) + 1, 0),
            max(int(x - w / 2), 0) : max(int(x + w / 2) + 1, 0),
        ]
        # Noise averages out over a larger face's features.
        hidden = noise * min(1.0, 24.0 / max(w, h))
        if place.size and float(place.std()) < _LEAST_SPREAD + 0.8 * hidden:
            made.weight[i] = -1


def _noisy(image: Image, strength: float, rng: Rng) -> Image:
    start = int(rng.integers(_NOISE.size - image.size))
    noise = _NOISE[start : start + image.size].reshape(image.shape)
    return np.clip(image + strength * noise, 0, 255).astype(np.uint8)


def put_mask(image: Image, points: NDArray[np.float32], rng: Rng) -> None:
    """Draw a medical or cloth mask over nose, mouth and chin, with its straps.

    Args:
        image: uint8 (H, W), changed in place.
        points: (5, 2) landmarks of the face.
        rng: Generator.
    """
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    down, across = mouth - eyes, points[1] - points[0]
    length = max(float(np.hypot(*down)), 1.0)
    wide = max(float(np.hypot(*across)), 0.8 * length)
    along = np.array([down[1], -down[0]]) / length
    if along @ across < 0:
        along = -along
    turn = float((points[2] - eyes) @ along)  # the nose moves to the side that the face turns to
    top, low = rng.uniform(0.22, 0.48), rng.uniform(1.45, 1.8)
    ears = [eyes + 0.45 * down + along * (side * wide * 0.95 - 0.4 * turn) for side in (-1, 1)]
    jaws = [eyes + 1.25 * down + along * (side * wide * 0.75 - 0.2 * turn) for side in (-1, 1)]
    bridge = eyes + top * down + along * 0.8 * turn
    chin = [eyes + low * down + along * (side * wide * 0.3 + 0.4 * turn) for side in (1, -1)]
    shape = np.array([ears[0], bridge, ears[1], jaws[1], *chin, jaws[0]])
    shape = shape + rng.normal(0, 0.03 * length, shape.shape)
    tone = float(rng.choice([rng.uniform(150, 250), rng.uniform(5, 60), rng.uniform(60, 180)]))
    painted = image.copy()
    _fill(painted, shape, tone)
    if rng.random() < 0.6:
        for share in np.linspace(0.3, 0.8, int(rng.integers(1, 5))):
            ends = [jaws[k] + (ears[k] - jaws[k]) * (1 - share) for k in (0, 1)]
            _stroke(painted, ends[0], ends[1], tone * rng.uniform(0.7, 0.95), length * 0.03)
    if rng.random() < 0.7:
        strap = float(np.clip(tone + rng.normal(0, 25), 0, 255))
        for k, side in enumerate((-1, 1)):
            ear = eyes + 0.15 * down + along * side * wide * 1.25
            _stroke(painted, ears[k], ear, strap, length * 0.04)
            _stroke(painted, jaws[k], ear + 0.4 * down, strap, length * 0.04)
    strength = rng.uniform(0.8, 1.0)
    image[:] = cv2.addWeighted(painted, strength, image, 1 - strength, 0)


_FINE = 4
"""Bits of a pixel's fraction in OpenCV's drawing."""


def _fill(image: Image, shape: NDArray[np.floating], tone: float) -> None:
    corners = np.rint(shape * (1 << _FINE)).astype(np.int32)
    cv2.fillPoly(image, [corners], tone, cv2.LINE_AA, _FINE)


def _stroke(
    image: Image, a: NDArray[np.floating], b: NDArray[np.floating], tone: float, width: float
) -> None:
    start, end = (tuple(np.rint(p * (1 << _FINE)).astype(int).tolist()) for p in (a, b))
    cv2.line(image, start, end, tone, max(1, round(width)), cv2.LINE_AA, _FINE)


def _cover(image: Image, x: float, y: float, w: float, h: float, rng: Rng) -> None:
    """Put a plain or textured thing over a part of a face: scarf, glasses, hand, edge."""
    side = image.shape[0]
    kind = rng.random()
    if kind < 0.4:  # below the nose
        left, top, right, low = x - w / 2, y + 0.08 * h, x + w / 2, y + h / 2
    elif kind < 0.6:  # over the eyes
        left, top, right, low = x - 0.45 * w, y - 0.25 * h, x + 0.45 * w, y
    elif kind < 0.8:  # from a side
        share = rng.uniform(0.2, 0.42) * w
        left = x - w / 2 if rng.random() < 0.5 else x + w / 2 - share
        top, right, low = y - h / 2, left + share, y + h / 2
    else:
        wide, high = w * rng.uniform(0.2, 0.5), h * rng.uniform(0.2, 0.5)
        left, top = x + w * rng.uniform(-0.5, 0.3), y + h * rng.uniform(-0.5, 0.3)
        right, low = left + wide, top + high
    x0, y0, x1, y1 = (int(np.clip(round(v), 0, side)) for v in (left, top, right, low))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    if rng.random() < 0.5:
        image[y0:y1, x0:x1] = rng.integers(0, 256)
        return
    from_x, from_y = rng.integers(0, side - (x1 - x0) + 1), rng.integers(0, side - (y1 - y0) + 1)
    image[y0:y1, x0:x1] = image[from_y : from_y + y1 - y0, from_x : from_x + x1 - x0].copy()
