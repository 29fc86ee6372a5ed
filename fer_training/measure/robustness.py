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

"""Accuracy under the fixed degradations of ``degradations.py``, beside the clean figure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image
from fer_training.data.base import FaceDataset
from fer_training.data.degradations import CONDITIONS, Condition
from fer_training.measure import metrics
from fer_training.measure.predictors import Predictor
from fer_training.records.tables import (
    CleanFigures,
    ConditionRecord,
    DegradedFigures,
    DegradedModel,
    RobustnessRecord,
    ScenesRecord,
)


def degraded(
    images: NDArray[np.uint8], condition: Condition, seed: int, draw: int = 0
) -> NDArray[np.uint8]:
    """Return all crops under a condition; equal arguments give equal bytes.

    Args:
        images: Shape (N, H, W) or (N, H, W, 3).
        condition: What is done to them.
        seed: Of the random numbers, which also depend on the condition's name and the draw.
        draw: Which of the condition's draws.
    """
    rng = np.random.default_rng([seed, zlib.crc32(condition.name.encode()), draw])
    changed: list[Image] = [condition.change(image, rng) for image in images]
    return np.stack(changed)


def measure(
    predictors: Sequence[tuple[str, Predictor]],
    data: FaceDataset,
    seed: int = 0,
    conditions: Sequence[Condition] = CONDITIONS,
) -> RobustnessRecord:
    """Measure networks on the same degraded crops.

    Args:
        predictors: Names for the table, all different, and the networks.
        data: Labelled crops.
        seed: Of the random changes.
        conditions: Rows of the table.

    Returns:
        The record without command, revision, versions and scenes.

    Raises:
        ValueError: Two networks have one name, or one lacks a class of the data.
    """
    names = [name for name, _ in predictors]
    if len(set(names)) < len(names):
        raise ValueError(f"the models' file names must differ: {', '.join(names)}")
    models: list[DegradedModel] = []
    clean = []
    for name, predictor in predictors:
        hits, macro_f1 = _hits(predictor, data, data.images)
        clean.append(hits)
        models.append(DegradedModel(name, CleanFigures(float(hits.mean()), macro_f1), {}))
    for condition in conditions:
        results: list[list[tuple[NDArray[np.float64], float]]] = [[] for _ in predictors]
        for draw in range(condition.draws):
            images = degraded(data.images, condition, seed, draw)
            for own, (_, predictor) in zip(results, predictors, strict=True):
                own.append(_hits(predictor, data, images))
        for model, before, own in zip(models, clean, results, strict=True):
            model.conditions[condition.name] = _entry(before, own)
    return RobustnessRecord(
        dataset=data.name,
        data_sha256=data.digest,
        rows=len(data),
        seed=seed,
        conditions=[
            ConditionRecord(entry.name, entry.draws, entry.largest_drop) for entry in conditions
        ],
        models=models,
    )


def _hits(
    predictor: Predictor, data: FaceDataset, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], float]:
    """Return which rows are right (1 or 0), and macro-F1."""
    scores = predictor.probabilities(images)
    aligned = metrics.align_columns(scores, predictor.labels, data.label_names)
    figures = metrics.summarize(data.labels, aligned, data.label_names, resamples=1)
    return (aligned.argmax(1) == data.labels).astype(np.float64), figures.macro_f1


def _entry(
    clean: NDArray[np.float64], draws: Sequence[tuple[NDArray[np.float64], float]]
) -> DegradedFigures:
    hits = np.mean([hits for hits, _ in draws], axis=0)
    lost = clean - hits
    return DegradedFigures(
        accuracy=float(hits.mean()),
        macro_f1=float(np.mean([f1 for _, f1 in draws])),
        drop=float(lost.mean()),
        drop_error=float(lost.std() / np.sqrt(len(lost))),
    )


NOTES = """\
Every face is changed at random from a fixed seed, the same way for every network; crop jitter is
the mean of five draws. Position and side of the crop vary uniformly within the given share of its
side. FER2013's crops end at their border and the outside repeats it, which a camera image would
not do, so these figures are pessimistic; the rows "inwards" stay inside a window that is smaller
by up to twice the share. Small faces are shrunk from 48 pixels and enlarged as the node does it.
Blur, noise and JPEG act on the 48-pixel crop; a larger face in a camera image loses most of them
when it is shrunk. Rotation is without the node's own correction. FER2013 is grey: for the last
rows crops are coloured evenly and turned to grey by the node's code, which tests its tone and
clipping, not true skin colours. In brackets: points lost, and their standard error."""
"""How to read the table; the model cards have it once, in ``fer_ros/models/README.md``."""


def markdown(results: RobustnessRecord) -> str:
    """Return tables: accuracy and points lost per network."""
    models = results.models
    rows = f"{results.rows:,} rows of {results.dataset.upper()}"
    lines = [f"Single crop, {rows}, seed {results.seed}.", ""]
    lines.append("| condition | " + " | ".join(model.name for model in models) + " |")
    lines.append("|---" * (len(models) + 1) + "|")
    clean = [f"{100 * model.clean.accuracy:.2f} %" for model in models]
    lines.append("| clean | " + " | ".join(clean) + " |")
    for condition in results.conditions:
        cells = [_cell(model.conditions[condition.name]) for model in models]
        name = condition.name
        if condition.largest_drop is not None:
            name += f" (to lose less than {100 * condition.largest_drop:.1f})"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    in_scenes = [(model.name, model.scenes) for model in models if model.scenes]
    if in_scenes:
        lines += ["", *_scenes(in_scenes)]
    return "\n".join(lines)


def _cell(entry: DegradedFigures) -> str:
    points, error = 100 * entry.drop, 100 * entry.drop_error
    return f"{100 * entry.accuracy:.2f} % ({points:+.2f} ± {error:.2f})"


def _scenes(models: Sequence[tuple[str, ScenesRecord]]) -> list[str]:
    """Return the table of faces that a detector found in made-up scenes."""
    first = models[0][1]
    sizes = ", ".join(first.by_size)
    lines = [
        f"Through the detector: {first.shown} of these faces pasted into made-up scenes of "
        f"{first.width}x{first.height}\npixels at sides of {sizes} pixels, found by "
        f"{first.detector} and cropped by the node's code: {first.found} found,\n"
        f"{first.strays} boxes where no face was. Both accuracies are of the faces found.",
        "",
        "| | found by the detector | bare crops of the same faces |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {100 * scenes.accuracy:.1f} % | {100 * scenes.accuracy_bare:.1f} % |"
        for name, scenes in models
    ]
    return lines
