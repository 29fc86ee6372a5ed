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

"""Recall and cost of the search plan: faces of 20 to 200 pixels in VGA, 720p and 1080p scenes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import FaceDetector
from fer_training.detector.clips import Follower
from fer_training.detector.compare import Contestant, judged_faces
from fer_training.detector.vga_scenes import put

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

FRAMES = {"VGA": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
SIDES = (20, 28, 40, 56, 80, 112, 150, 200)
"""Sides of the eight faces in each scene [pixels]."""
_RATE = 30.0
"""Of the frames [Hz]."""


@dataclass(frozen=True)
class Spent:
    """One row of the table."""

    frame: str
    detector: str
    budget: float
    found: float
    """Share of the faces found after `frames` frames of the static scene."""
    found_at_once: float
    """Share found in the first frame."""
    small: float
    """Share of the faces below 60 pixels found after `frames` frames."""
    ms: float
    """Median cost of a frame."""


def scene(
    size: tuple[int, int], crops: Image, backgrounds: Sequence[Image], rng: np.random.Generator
) -> tuple[Image, Floats]:
    """Return a grey scene and the boxes of its faces, (8, 4)."""
    width, height = size
    photo = backgrounds[int(rng.integers(len(backgrounds)))]
    picture = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    columns, rows = 4, 2
    cells = rng.permutation(columns * rows)
    boxes = []
    for cell, side in zip(cells, SIDES, strict=True):
        middle = np.array(
            [(cell % columns + 0.5) * width / columns, (cell // columns + 0.5) * height / rows]
        )
        spare = np.maximum(np.array([width / columns, height / rows]) - side, 0) / 2
        middle += rng.uniform(-0.8, 0.8, 2) * spare
        boxes.append(put(picture, crops[int(rng.integers(len(crops)))], middle, side, 0.0))
    return picture, np.array(boxes)


def measure(
    contestants: Sequence[Contestant],
    budgets: Sequence[float],
    crops: Image,
    backgrounds: Sequence[Image],
    scenes: int = 6,
    frames: int = 30,
) -> Iterator[Spent]:
    """Yield a row for every kind of image, detector and budget.

    Args:
        contestants: Detectors.
        budgets: In passes over the whole image.
        crops: FER2013 faces, (N, 48, 48).
        backgrounds: Grey photos without faces.
        scenes: Of each kind.
        frames: Frames of each static scene; the faces found are given back as tracks.
    """
    for name, size in FRAMES.items():
        rng = np.random.default_rng(0)
        shown = [scene(size, crops, backgrounds, rng) for _ in range(scenes)]
        for each in contestants:
            finder = each.make(0.7)
            for budget in budgets:
                watched = [_watch(finder, budget, *one, frames) for one in shown]
                ever = np.array([one.ever for one in watched])
                yield Spent(
                    name,
                    each.name,
                    budget,
                    float(ever.mean()),
                    float(np.mean([one.at_once for one in watched])),
                    float(ever[:, np.array(SIDES) < 60].mean()),
                    float(np.median([ms for one in watched for ms in one.spent])),
                )


@dataclass(frozen=True)
class _Watched:
    """A static scene, searched for some frames."""

    ever: NDArray[np.bool_]
    """(F,) faces found in any frame."""
    at_once: float
    spent: list[float]
    """Of each frame [ms]."""


def _watch(
    finder: FaceDetector, budget: float, picture: Image, truth: Floats, frames: int
) -> _Watched:
    follower = Follower(finder, budget)
    ever = np.zeros(len(truth), bool)
    shares, spent = [], []
    for number in range(frames):
        start = time.perf_counter()
        faces = follower.faces(picture, round(number / _RATE * 1e9) + 1)
        spent.append((time.perf_counter() - start) * 1e3)
        hits = judged_faces(faces, truth).face
        ever[hits[hits >= 0]] = True
        shares.append(float(ever.mean()))
    return _Watched(ever, shares[0], spent)


def markdown(rows: Sequence[Spent]) -> str:
    """Return the rows as a table; cost in times that of the first row."""
    lines = [
        "| image | detector | budget | found at once | found in a second | below 60 px | cost |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cost = row.ms / rows[0].ms
        lines.append(
            f"| {row.frame} | {row.detector} | {row.budget:g} | {row.found_at_once:.2f} | "
            f"{row.found:.2f} | {row.small:.2f} | {cost:.2f} |"
        )
    return "\n".join(lines)
