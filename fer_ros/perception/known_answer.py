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

"""Known-answer test of a network: its predictions for known faces, at export and now.

A digest shows whether the bytes of a file are those that were published; it does not cover a file
that came another way, nor an execution provider that computes wrongly. Predictions do: labels in
another order, flipped bits in the weights, a temperature that is not the network's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_metadata import InputSpec
from fer_ros.perception.types import Image
from fer_ros.resources import PACKAGE

TOLERANCE = 0.05
"""How far a probability may lie from the stored one.

ONNX Runtime's own provider stays within 1e-4 on x86-64, with and without AVX-512, and on emulated
ARM. Others have int8 kernels of their own: OpenVINO's were up to 0.033 away.
"""


@lru_cache(maxsize=1)
def average_faces() -> NDArray[np.uint8]:
    """Return averaged faces that show nobody, grey, shape (7, 160, 160), in the order of FER2013.

    Raises:
        ModelError: The picture that comes with the package is missing or damaged.
    """
    path = PACKAGE / "assets" / "average_faces.png"
    strip = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if strip is None:
        raise ModelError(f"{path} is missing or damaged; is the install whole?")
    return np.stack(np.split(np.asarray(strip, np.uint8), len(FER2013), axis=1))


def known_crops(spec: InputSpec) -> list[Image]:
    """Return the known faces as crops for a network's input."""
    crops = []
    for face in average_faces():
        crop = _scaled(face, spec.width, spec.height)
        if spec.channels == 3:
            crop = np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR), np.uint8)
        crops.append(crop)
    return crops


def _scaled(face: Image, width: int, height: int) -> Image:
    """Scale a square grey face as OpenCV's INTER_AREA does on x86-64.

    Files hold predictions for such crops. Means are rounded to single precision step by step there,
    and are other grey levels on ARM, for which an int8 network says up to 0.05 more or less. Whole
    ratios and enlarged faces go to OpenCV, for it computes the former in whole numbers.
    """
    size = len(face)
    if max(width, height) >= size or size % width == 0 or size % height == 0:
        scaled = cv2.resize(face, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(scaled, np.uint8)
    means = _means(_means(face.astype(np.float32).T, width).T, height)
    return np.asarray(np.rint(means), np.uint8)


def _means(image: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Return means of rows over equal cells, summed in OpenCV's order; shape (cells, columns)."""
    step = len(image) / cells
    means = np.zeros((cells, image.shape[1]), np.float32)
    for cell, mean in enumerate(means):
        low, high = cell * step, (cell + 1) * step
        for row in range(math.floor(low), min(math.ceil(high), len(image))):
            share = min(row + 1, high) - max(row, low)
            if share > 1e-3:
                mean += image[row] * np.float32(share / step)
    return means


def as_stored(
    probabilities: NDArray[np.float32], labels: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Return predictions, shape (7, labels), as in metadata: by label, one for each face."""
    rounded = np.round(probabilities.astype(np.float64), 4)
    return {label: tuple(rounded[:, index].tolist()) for index, label in enumerate(labels)}


def difference(
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    stored: Mapping[str, Sequence[float]],
) -> str:
    """Return how predictions differ from the stored ones, as a message; empty where they agree.

    Args:
        probabilities: Predictions for :func:`known_crops`, shape (7, labels).
        labels: Classes in their order.
        stored: What :func:`as_stored` returned at export.
    """
    if set(stored) != set(labels):
        return (
            f"it names the classes {', '.join(labels)}, but was exported with {', '.join(stored)}"
        )
    expected = np.array([stored[label] for label in labels], np.float64).T
    if expected.shape != probabilities.shape:
        return f"{expected.shape[0]} predictions are stored for {len(probabilities)} faces"
    distance = np.abs(probabilities - expected)
    face, label = divmod(int(distance.argmax()), len(labels))
    if distance[face, label] <= TOLERANCE:
        return ""
    return (
        f"it predicts {labels[label]} {probabilities[face, label]:.2f} for the known face "
        f"{FER2013[face]}, and predicted {expected[face, label]:.2f} when it was exported"
    )
