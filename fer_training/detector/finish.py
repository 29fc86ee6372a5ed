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

"""From a finished run to the shipped file: the threshold's choice, metadata, export."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz
from fer_training.detector import hard, sources, validation
from fer_training.detector.crops import Crops
from fer_training.detector.doubt import SPREAD_SHARE, doubting
from fer_training.detector.export import export
from fer_training.detector.network import FaceNet
from fer_training.detector.photos import Photos
from fer_training.detector.training import CHECKPOINT

_PICTURES = 5


@dataclass(frozen=True)
class Choice:
    """How the threshold is chosen."""

    photos: Path
    """npz with boxes drawn by people."""
    threshold: float | None
    """Given, in the network's own scores."""
    false_faces: float
    """Else: where there are so many false faces a photo."""


@dataclass(frozen=True)
class Report:
    """Summary of the export."""

    step: int
    parameters: int
    bytes: int
    threshold: float
    """The network's score that became the file's 0.7."""
    recall: float
    """On the validation photos at 640 pixels and this threshold."""
    difference: float
    """Largest difference of an output from the network's."""


def load(run: Path) -> tuple[FaceNet, int]:
    """Return the averaged weights of a run and their step.

    Raises:
        DatasetError: The folder holds no checkpoint.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise DatasetError(f"{run} holds no {CHECKPOINT}; train with fer-train detector train")
    state = torch.load(file, weights_only=True)
    network = FaceNet()
    network.load_state_dict(state["averaged"])
    return network.eval(), int(state["step"])


def export_run(run: Path, out: Path, choice: Choice, cache: Path, version: str) -> Report:
    """Choose the threshold of a run's network and write its ONNX file.

    Raises:
        DetectorExportError: The file computes other outputs than the network.
        DatasetError: The run or the data is not there.
    """
    trained, step = load(run)
    network = doubting(trained)
    measured = validation.measure(network, choice.photos, 640)
    threshold = choice.threshold or measured.threshold_at(choice.false_faces)
    photos, crops = Photos(cache), Crops.load(cache / "crops.npz")
    parameters = sum(p.numel() for p in network.parameters())
    recall, false = measured.at(threshold)
    about = {
        "model_id": "fer-face",
        "version": version,
        "dataset": sources.described(photos.sources(), len(crops.images)),
        "recipe": {
            **asdict(network.widths),
            **plan_of(run),
            "steps": step,
            "mined": (run / hard.FILE).is_file(),
            "spread_share": SPREAD_SHARE,
            "parameters": parameters,
        },
        "metrics": {
            "protocol": "photos with people's boxes, faces of 24 pixels and more, longest side 640",
            "recall": round(recall, 4),
            "false_faces_a_photo": round(false, 4),
            "recall_at_0.1_false_faces_a_photo": round(measured.recall_at(0.1)[0], 4),
        },
    }
    difference = export(network, out, threshold, about, _pictures(choice.photos))
    return Report(step, parameters, out.stat().st_size, threshold, recall, difference)


def plan_of(run: Path) -> dict[str, object]:
    """Return the training plan stored in the run folder."""
    file = run / "plan.json"
    plan: dict[str, object] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return plan


def _pictures(file: Path) -> list[NDArray[np.uint8]]:
    with open_npz(file) as data:
        packed, offset = data["jpeg"], data["offset"]
    return [
        np.asarray(cv2.imdecode(packed[offset[i] : offset[i + 1]], cv2.IMREAD_GRAYSCALE), np.uint8)
        for i in range(min(_PICTURES, len(offset) - 1))
    ]
