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

"""Made-up crops whose class shows, so that a network can learn it in a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_ros.perception import emotions
from fer_training.data.base import FaceDataset
from fer_training.recipes.recipe import Recipe, from_dict

LEARNS = {
    "epochs": 4,
    "batch_size": 8,
    "ema": 0.0,
    "augment": {"flip": 0.0},
    "optimizer": {"name": "adam", "lr": 0.005},
}
"""Settings with which :func:`recipe` tells the classes of 105 rows apart within a second."""


def dataset(rows: int = 70, seed: int = 0, subjects: int = 5) -> FaceDataset:
    """Grey noise with a bright square whose place is the class; four fifths are Training."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows, dtype=np.int64) % 7
    images = rng.integers(0, 80, (rows, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = divmod(int(label), 3)
        image[2 + 15 * y : 14 + 15 * y, 2 + 15 * x : 14 + 15 * x] += 150
    votes = np.zeros((rows, 10), np.uint8)
    columns = [4, 5, 6, 1, 3, 2, 0]  # where FER+ keeps the classes of FER2013
    votes[np.arange(rows), [columns[label] for label in labels]] = 10
    return FaceDataset(
        "fer2013",
        images,
        labels,
        emotions.FER2013,
        "made up",
        usage=np.where(np.arange(rows) < rows * 4 // 5, "Training", "PublicTest"),
        subjects=np.array([f"P{row // 7 % subjects}" for row in range(rows)]),
        votes=votes,
    )


def save_npz(data: FaceDataset, path: Path) -> Path:
    """Write a data set in the form that `fer-train` reads."""
    assert data.usage is not None
    usage = (data.usage == "PublicTest").astype(np.uint8)
    emotion = data.labels.astype(np.uint8)
    np.savez(path, images=data.images, emotion=emotion, usage=usage, ferplus=data.votes)
    return path


def recipe(**changes: object) -> Recipe:
    """A fast recipe that uses every mechanism: EMA, mixup, dropout, votes, smoothing."""
    values = {
        "name": "tiny",
        "architecture": "chowanda-arch1",
        "options": {"dropout": 0.2},
        "data": {"vote_share": 0.25, "drop_not_a_face": True},
        "augment": {
            "rotation": 10.0,
            "shift": 0.05,
            "zoom": 0.1,
            "brightness": 0.1,
            "contrast": 0.2,
            "erase": 0.5,
            "mixup": 0.5,
        },
        "optimizer": {"name": "sgd", "lr": 0.05},
        "label_smoothing": 0.1,
        "epochs": 4,
        "batch_size": 16,
        "ema": 0.9,
        "threads": 1,
        "amp": "float32",  # emulated, and slow, where the processor has no bfloat16
    }
    return from_dict({**values, **changes})
