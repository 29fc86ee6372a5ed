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

"""A synthetic camera: averaged faces that move and change their expression.

The faces are class averages of FER2013 Training (``fer_training.data.average_faces`` makes them),
each over dozens to hundreds of people, so that nobody is shown. Detectors find them and the
networks read them, which makes demo, benchmark and tests possible on a machine without a
camera or a data set. They are far easier than real faces: no accuracy is claimed from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.known_answer import average_faces
from fer_ros.perception.types import Box, Image

_FADE_TIME = 0.4
"""Time in which one expression turns into the next [s]."""


@dataclass(frozen=True)
class Actor:
    """One face of a scene: it sways about a place and plays through some expressions."""

    x: float
    """Centre at rest [pixels]."""
    y: float
    size: float
    """Side of the square picture of the face [pixels]; the face fills most of it."""
    expressions: tuple[str, ...] = FER2013
    hold: float = 3.0
    """How long each expression lasts [s]."""
    sway: float = 0.0
    """Amplitude of the movement [pixels]."""
    period: float = 6.0
    """Of the movement [s]."""

    def box(self, time: float) -> Box:
        """Return where the picture of the face lies at a time [s]."""
        phase = 2 * math.pi * time / self.period
        x = self.x + self.sway * math.sin(phase)
        y = self.y + 0.3 * self.sway * math.sin(2 * phase)
        return Box(x - self.size / 2, y - self.size / 2, self.size, self.size)

    def expression(self, time: float) -> tuple[str, str, float]:
        """Return the expression at a time [s], the one before, and how far it has come [0..1]."""
        index, within = divmod(time, self.hold)
        names = self.expressions
        current, previous = names[int(index) % len(names)], names[int(index - 1) % len(names)]
        return current, previous, 1.0 if index < 1 else min(within / _FADE_TIME, 1.0)


@dataclass(frozen=True)
class TrueFace:
    """Ground truth of a scene."""

    box: Box
    label: str
    settled: bool
    """Whether the change from the expression before is over."""


@dataclass(frozen=True)
class Scene:
    """Actors before a plain background."""

    width: int
    height: int
    actors: tuple[Actor, ...]

    def render(self, time: float) -> tuple[Image, list[TrueFace]]:
        """Return the BGR picture at a time [s], and what it shows."""
        picture = background(self.width, self.height).copy()
        truth = []
        for actor in self.actors:
            box = actor.box(time)
            label, previous, progress = actor.expression(time)
            _paint(picture, box, _blend(previous, label, progress))
            truth.append(TrueFace(box, label, progress >= 1.0))
        return picture, truth


@lru_cache(maxsize=4)
def background(width: int, height: int) -> Image:
    """Return a plain wall with a little structure, shape (height, width, 3), BGR."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(-14, 14, (9, 12)).astype(np.float32)
    shade = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    slope = np.linspace(150, 105, height, dtype=np.float32)[:, None]
    wall = (slope + shade)[:, :, None] * np.array([0.92, 0.97, 1.0], np.float32)
    return np.asarray(np.clip(wall, 0, 255), np.uint8)


def _blend(previous: str, current: str, progress: float) -> NDArray[np.float32]:
    faces = average_faces()
    before, after = faces[FER2013.index(previous)], faces[FER2013.index(current)]
    blended = before.astype(np.float32) * (1 - progress) + after.astype(np.float32) * progress
    return np.asarray(blended, np.float32)


@lru_cache(maxsize=1)
def _mask(side: int = 160) -> NDArray[np.float32]:
    """Return an oval with a soft edge, so that faces have no picture frame around them."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / (side - 1) * 2 - 1
    distance = np.hypot(x / 0.86, y / 0.98)
    return np.asarray(np.clip((1.02 - distance) / 0.14, 0, 1), np.float32)


def _paint(picture: Image, box: Box, face: NDArray[np.float32]) -> None:
    """Draw a face into a picture at sub-pixel position; parts outside are cut off."""
    height, width = picture.shape[:2]
    left, top = max(math.floor(box.x), 0), max(math.floor(box.y), 0)
    right = min(math.ceil(box.x + box.width), width)
    bottom = min(math.ceil(box.y + box.height), height)
    if right <= left or bottom <= top:
        return
    scale = box.width / face.shape[0]
    if scale < 1:  # without this a small face would be a sieve of single pixels
        face = np.asarray(cv2.GaussianBlur(face, (0, 0), 0.45 / scale), np.float32)
    placed = np.array([[scale, 0, box.x - left], [0, scale, box.y - top]], np.float32)
    size = (right - left, bottom - top)
    pixels = cv2.warpAffine(face, placed, size, flags=cv2.INTER_LINEAR)[:, :, None]
    opacity = cv2.warpAffine(_mask(), placed, size, flags=cv2.INTER_LINEAR)[:, :, None]
    tinted = pixels * np.array([0.86, 0.95, 1.08], np.float32)
    region = picture[top:bottom, left:right]
    region[:] = np.clip(region * (1 - opacity) + tinted * opacity, 0, 255).astype(np.uint8)


def demo_scene(width: int = 640, height: int = 480) -> Scene:
    """Return the scene of the demo: three faces of different size that change and move."""
    unit = min(width / 640, height / 480)
    return Scene(
        width,
        height,
        (
            Actor(0.2 * width, 0.42 * height, 150 * unit, ("happy", "surprise", "neutral"), 3.0,
                  sway=20 * unit, period=7.0),
            Actor(0.52 * width, 0.52 * height, 200 * unit, ("neutral", "angry", "happy"), 4.0,
                  sway=12 * unit, period=5.0),
            Actor(0.83 * width, 0.4 * height, 110 * unit, ("surprise", "neutral", "happy"), 3.5,
                  sway=15 * unit, period=9.0),
        ),
    )  # fmt: skip


def crowd_scene(width: int, height: int, faces: int, expressions: Sequence[str] = FER2013) -> Scene:
    """Return a scene with a number of faces on a grid, for benchmarks and tests."""
    if faces == 0:
        return Scene(width, height, ())
    columns = math.ceil(math.sqrt(faces * width / height))
    rows = math.ceil(faces / columns)
    cell = min(width / columns, height / rows)
    actors = [
        Actor(
            x=(index % columns + 0.5) * width / columns,
            y=(index // columns + 0.5) * height / rows,
            size=min(0.85 * cell, 0.5 * height),
            expressions=(expressions[index % len(expressions)],),
            sway=0.04 * cell,
        )
        for index in range(faces)
    ]
    return Scene(width, height, tuple(actors))
