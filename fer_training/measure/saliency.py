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

"""Occlusion saliency (Minaee et al. 2021, section 4.4).

A zeroed square slides over the crop; the map holds, for every pixel, how much probability of
the whole crop's prediction was lost on average by the squares that covered it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.known_answer import average_faces
from fer_training.measure.predictors import Predictor


def saliency(
    predictor: Predictor,
    image: NDArray[np.uint8],
    square: int = 8,
    stride: int = 2,
    target: int | None = None,
) -> NDArray[np.float32]:
    """Return the loss of probability when each pixel is hidden, shape (H, W).

    Args:
        predictor: Network.
        image: One crop, shape (H, W) or (H, W, 3).
        square: Side N of the zeroed square [pixels].
        stride: Step s between two squares [pixels].
        target: Class whose probability is watched; the predicted one when None.
    """
    height, width = image.shape[:2]
    places = [
        (y, x) for y in _starts(height, square, stride) for x in _starts(width, square, stride)
    ]
    batch = np.repeat(image[None], len(places) + 1, axis=0)
    for row, (y, x) in enumerate(places, start=1):
        batch[row, y : y + square, x : x + square] = 0
    scores = predictor.probabilities(batch)
    watched = int(scores[0].argmax()) if target is None else target
    total = np.zeros((height, width), np.float32)
    count = np.zeros((height, width), np.float32)
    for (y, x), score in zip(places, scores[1:], strict=True):
        total[y : y + square, x : x + square] += scores[0, watched] - score[watched]
        count[y : y + square, x : x + square] += 1
    return np.asarray(total / np.maximum(count, 1), np.float32)


def _starts(length: int, square: int, stride: int) -> list[int]:
    """Return where squares start so that the last one ends at the border."""
    if square > length:
        raise ValueError(f"a square of {square} does not fit a crop of {length} pixels")
    starts = list(range(0, length - square + 1, stride))
    if starts[-1] != length - square:
        starts.append(length - square)
    return starts


def class_maps(
    predictor: Predictor,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    per_class: int = 20,
    square: int = 8,
    stride: int = 2,
) -> dict[str, NDArray[np.float32]]:
    """Return the mean map of each class over crops that the network gets right."""
    predicted = predictor.probabilities(images).argmax(1)
    maps = {}
    for code, name in enumerate(predictor.labels):
        rows = np.flatnonzero((labels == code) & (predicted == code))[:per_class]
        if len(rows):
            each = [saliency(predictor, images[row], square, stride) for row in rows]
            maps[name] = np.mean(each, axis=0)
    return maps


def averaged_face(emotion: str, side: int = 48) -> NDArray[np.uint8]:
    """Return the averaged face of a class as a crop, uint8, shape (side, side).

    Pictures of maps over it may be published: the face is nobody's (:mod:`fer_ros.sources.scene`).

    Raises:
        ValueError: There is no averaged face of this class.
    """
    if emotion not in FER2013:
        raise ValueError(f"no averaged face shows {emotion!r}; there are {', '.join(FER2013)}")
    face = average_faces()[FER2013.index(emotion)]
    return np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def draw(
    maps: dict[str, NDArray[np.float32]],
    path: Path,
    backgrounds: Sequence[NDArray[np.uint8]] | None = None,
) -> None:
    """Draw maps side by side on one scale, over a face each.

    Args:
        maps: From :func:`class_maps`, by class.
        path: Picture to write.
        backgrounds: A face for each map; the averaged face of each class when None, so that the
            picture shows nobody (classes without one are drawn on grey).
    """
    faces = backgrounds or [_background(name) for name in maps]
    figure = Figure(figsize=(1.7 * len(maps) + 1.3, 2.3), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(maps)))
    top = max(1e-6, *(float(values.max()) for values in maps.values()))
    for axis, face, (name, values) in zip(axes, faces, maps.items(), strict=True):
        axis.imshow(face, cmap="gray", vmin=0, vmax=255)
        share = np.clip(values / top, 0, 1)
        shown = axis.imshow(values, cmap="inferno", vmin=0, vmax=top, alpha=0.25 + 0.6 * share)
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    bar = figure.colorbar(shown, ax=list(axes), shrink=0.8)
    bar.set_label("probability lost", fontsize=8)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    figure.savefig(path, dpi=100)


def _background(emotion: str) -> NDArray[np.uint8]:
    if emotion in FER2013:
        return averaged_face(emotion)
    return np.full((48, 48), 128, np.uint8)
