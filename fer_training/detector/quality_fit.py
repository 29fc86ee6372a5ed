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

"""Fit of `fer_ros.perception.quality` on faces put into scenes at every size, blur and cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fer_ros.perception.alignment import align
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.emotions import FER2013, mapping
from fer_ros.perception.quality import FaceFeatures, QualityModel, Term, features_of
from fer_training.data.folders import open_npz
from fer_training.detector.compare import judged_faces
from fer_training.detector.vga_scenes import HEIGHT, WIDTH, put, vga

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

KNOTS = {
    "log_side": (3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5),
    "turn": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5),
    "sharpness": (0.05, 0.1, 0.15, 0.2, 0.3, 0.45),
    "cut": (0.0, 0.08, 0.16, 0.25, 0.4),
}
RISES = {"log_side": 1, "turn": -1, "sharpness": 1, "cut": -1}
"""Whether more of a property can only help, or only hurt."""


@dataclass(frozen=True)
class Samples:
    """Faces found, and whether the expression predicted is right."""

    features: list[FaceFeatures]
    right: NDArray[np.bool_]
    shown: int


@dataclass(frozen=True)
class Check:
    """Faces of a band of quality: how many, their mean quality and their relative accuracy."""

    faces: int
    quality: float
    relative_accuracy: float


def collect(
    crops: Image,
    labels: NDArray[np.int64],
    backgrounds: Sequence[Image],
    finder: FaceDetector,
    network: EmotionNetwork,
    seed: int = 0,
) -> Samples:
    """Put every crop once into a scene of its own, find and classify it.

    Half of the faces are blurred, a third cut by the image's border; sides are even on a
    logarithmic scale from 12 to 240 pixels.

    Args:
        crops: (N, 48, 48).
        labels: (N,) FER2013 codes.
        backgrounds: Grey photos without faces.
        finder: Detector.
        network: Emotion network.
        seed: Of sides, blurs, places.
    """
    rng = np.random.default_rng(seed)
    columns = mapping(FER2013, network.metadata.labels)
    spec, template = network.metadata.input, network.metadata.crop
    features: list[FaceFeatures] = []
    right: list[bool] = []
    for crop, label in zip(crops, labels, strict=True):
        scene = vga(backgrounds[int(rng.integers(len(backgrounds)))], rng)
        size = int(math.exp(rng.uniform(math.log(12), math.log(240))))
        middle = rng.uniform(0.5 * size, (WIDTH - 0.5 * size, HEIGHT - 0.5 * size))
        if rng.random() < 1 / 3:
            middle[int(rng.integers(2))] = rng.uniform(0.1, 0.5) * size
        box = np.array([put(scene, crop, middle, size, float(rng.normal(0, 8)))])
        if rng.random() < 0.5:
            sigma = size * rng.uniform(0.01, 0.09)
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), max(sigma, 0.3)), np.uint8)
        faces = sorted(finder.detect(scene), key=lambda face: -face.score)
        judged = judged_faces(faces, box)
        if not (judged.face >= 0).any():
            continue
        face = faces[int(np.argmax(judged.face >= 0))]
        cut = align(scene, face, template, spec.width, spec.height, spec.channels)
        features.append(features_of(face, cut, WIDTH, HEIGHT))
        right.append(bool(network.classify([cut])[0].argmax() == columns[int(label)]))
    return Samples(features, np.array(right), len(crops))


def fit(samples: Samples) -> QualityModel:
    """Fit the terms by maximum likelihood, each monotone and 0 at its best."""
    parts, blocks = _design(samples.features)
    design = np.hstack(blocks)
    right = samples.right.astype(np.float64)

    def cost(free: Floats) -> tuple[float, Floats]:
        odds = free[0] - design @ free[1:]
        chance = 1 / (1 + np.exp(-odds))
        loss = -np.mean(right * np.log(chance + 1e-9) + (1 - right) * np.log(1 - chance + 1e-9))
        slope = (chance - right) / len(right)
        penalty = 2e-3
        gradient = np.concatenate([[slope.sum()], -(slope @ design) + penalty * free[1:]])
        return float(loss + 0.5 * penalty * np.square(free[1:]).sum()), gradient

    count = design.shape[1]
    found = minimize(
        cost, np.zeros(1 + count), jac=True, bounds=[(None, None)] + [(0, None)] * count
    ).x
    terms, at = {}, 1
    for name, size in parts:
        steps = found[at : at + size]
        at += size
        losses = -np.concatenate([np.cumsum(steps[::-1])[::-1], [0]])
        if RISES[name] < 0:
            losses = -np.concatenate([[0], np.cumsum(steps)])
        terms[name] = Term(KNOTS[name], tuple(float(round(v, 3)) for v in losses))
    return QualityModel(good=round(float(found[0]), 3), **terms)


def _design(features: Sequence[FaceFeatures]) -> tuple[list[tuple[str, int]], list[Floats]]:
    """Return how much of each step between two knots a face lacks of the best, (N, steps)."""
    parts, blocks = [], []
    for name, knots in KNOTS.items():
        values = np.array([_value(face, name) for face in features])
        low, high = np.array(knots[:-1]), np.array(knots[1:])
        passed = np.clip((values[:, None] - low) / (high - low), 0, 1)
        blocks.append(1 - passed if RISES[name] > 0 else passed)
        parts.append((name, len(low)))
    return parts, blocks


def _value(face: FaceFeatures, name: str) -> float:
    return math.log2(max(face.side, 1.0)) if name == "log_side" else float(getattr(face, name))


def check(model: QualityModel, samples: Samples, bands: int = 5) -> list[Check]:
    """Return, for bands of equal counts, mean quality beside accuracy relative to a good face."""
    values = np.array([model.quality(face) for face in samples.features])
    good = 1 / (1 + math.exp(-model.good))
    rows = []
    for part in np.array_split(np.argsort(values, kind="stable"), bands):
        accuracy = float(samples.right[part].mean()) / good
        rows.append(Check(len(part), float(values[part].mean()), accuracy))
    return rows


def by_property(samples: Samples) -> dict[str, list[tuple[float, int, float]]]:
    """Return, for each property, the upper end of bands of it, their faces and their accuracy."""
    tables = {}
    for name, knots in KNOTS.items():
        values = np.array([_value(face, name) for face in samples.features])
        rows = []
        for low, high in zip((-math.inf, *knots[1:-1]), knots[1:]):
            inside = (values > low) & (values <= high if high < knots[-1] else values > low)
            if inside.sum() >= 20:
                rows.append((high, int(inside.sum()), float(samples.right[inside].mean())))
        tables[name] = rows
    return tables


@dataclass(frozen=True)
class Fitted:
    """A model, and how it fares on faces that it was not fitted on."""

    model: QualityModel
    checks: list[Check]
    by_property: dict[str, list[tuple[float, int, float]]]
    found: float
    """Share of the faces put into scenes that were found."""


def run(
    fer2013: Path, photos: Sequence[Image], finder: FaceDetector, network: EmotionNetwork
) -> Fitted:
    """Fit on every other PublicTest face and check on the rest.

    Args:
        fer2013: npz.
        photos: Grey, without faces.
        finder: Detector.
        network: Emotion network.
    """
    with open_npz(fer2013) as data:
        part = data["usage"] == 1
        crops, labels = data["images"][part], data["emotion"][part].astype(np.int64)
    own = np.tile(crops[::2], (3, 1, 1)), np.tile(labels[::2], 3)
    fitted = collect(*own, photos, finder, network)
    held = collect(crops[1::2], labels[1::2], photos, finder, network, seed=1)
    model = fit(fitted)
    found = len(fitted.features) / fitted.shown
    return Fitted(model, check(model, held), by_property(fitted), found)


def markdown(fitted: Fitted) -> str:
    """Return the model and its tables as text."""
    lines = [repr(fitted.model), "", f"{100 * fitted.found:.0f} % of the faces were found.", ""]
    lines += ["| faces held out | quality | accuracy, relative |", "|---|---|---|"]
    lines += [
        f"| {row.faces} | {row.quality:.2f} | {row.relative_accuracy:.2f} |"
        for row in fitted.checks
    ]
    for name, rows in fitted.by_property.items():
        lines += ["", f"| {name} up to | faces | accuracy |", "|---|---|---|"]
        lines += [f"| {high:g} | {count} | {share:.2f} |" for high, count, share in rows]
    return "\n".join(lines)
