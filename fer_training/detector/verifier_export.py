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

"""From a verifier's checkpoint to the ONNX file that lies beside the detector's."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.verifier import FACTS_SCALE, SIDE, Verifier
from fer_ros.perception.model_metadata import KIND_KEY
from fer_ros.perception.model_store import digest_of
from fer_training.data.base import DatasetError
from fer_training.detector import compare, labelled_photos, sources
from fer_training.detector.crops import Crops
from fer_training.detector.export import DetectorExportError, placed, shift_of, traced
from fer_training.detector.matching import recall_at
from fer_training.detector.photos import Photos
from fer_training.detector.verifier_training import CHECKPOINT, VerifierNet

KIND = "face-verifier"
DETECTORS_WEIGHT = 1.0
"""Of the detector's logit beside the network's. Chosen among 0, 0.3, 0.6, 1, 1.5 and 2.5 on both
validation sets: without it .909 and .917 of the faces are found at 0.1 false ones, with it .921
and .918."""
TOLERANCE = 1e-3


class Served(nn.Module):
    """The network as it is served: uint8 crops in, shifted logits out."""

    def __init__(self, network: VerifierNet, shift: float) -> None:
        """Wrap a network."""
        super().__init__()
        self.network, self.shift = network, shift

    def forward(self, crops: Tensor, facts: Tensor) -> Tensor:
        """Return the logits, (N,)."""
        own: Tensor = self.network(crops[:, None].float(), facts)
        return own + self.shift + DETECTORS_WEIGHT * FACTS_SCALE * facts[:, 0]


@dataclass(frozen=True)
class Origin:
    """What a verifier was made from."""

    detector: Path
    """File of the detector whose candidates it learned from."""
    cache: Path
    """Folder of the decoded photos."""
    version: str
    """Of the weights."""


@dataclass(frozen=True)
class Report:
    """Summary of the export."""

    parameters: int
    bytes: int
    threshold: float
    """The network's confidence that became the file's 0.7."""
    recall: float
    """There, at 640 pixels."""


def load(run: Path) -> tuple[VerifierNet, dict[str, int]]:
    """Return the network of a run and its plan.

    Raises:
        DatasetError: The folder holds no checkpoint.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise DatasetError(f"{run} holds no {CHECKPOINT}; train with fer-train detector verifier")
    state = torch.load(file, weights_only=True)
    network = VerifierNet()
    network.load_state_dict(state["network"])
    return network.eval(), {**state["plan"], "epochs": int(state["epoch"])}


def export_run(run: Path, out: Path, origin: Origin, photos: Path, false_faces: float) -> Report:
    """Choose the shift of a run's logits on photos, and write its file.

    Args:
        run: Folder of the training.
        out: File to write.
        origin: What it was made from.
        photos: With boxes by people, see :mod:`fer_training.detector.labelled_photos`.
        false_faces: A photo, at a confidence of 0.7 and a detector's input of 640 pixels.

    Raises:
        DetectorExportError: The file computes other logits than the network.
        DatasetError: The run or the photos are not there.
    """
    network, plan = load(run)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "verifier.onnx"
        onnx.save(to_onnx(network, 0.0), trial)
        threshold, recall = _chosen(origin.detector, trial, photos, false_faces)
    shift = shift_of(threshold)
    model = to_onnx(network, shift)
    parameters = sum(p.numel() for p in network.parameters())
    about = {
        "version": origin.version,
        "detector_sha256": digest_of(origin.detector),
        "dataset": sources.described(
            Photos(origin.cache).sources(), len(Crops.load(origin.cache / "crops.npz").images)
        ),
        "recipe": {**plan, "parameters": parameters},
        "metrics": {
            "protocol": "photos with people's boxes, faces of 24 pixels and more, longest side 640",
            "recall": round(recall, 4),
            "false_faces_a_photo": false_faces,
        },
    }
    props = {KIND_KEY: KIND} | {f"fer.{name}": json.dumps(value) for name, value in about.items()}
    onnx.helper.set_model_props(model, props)
    with placed(model, out) as candidate:
        _check(network, shift, candidate)
    return Report(parameters, out.stat().st_size, threshold, recall)


def _chosen(
    detector: Path, verifier: Path, photos: Path, false_faces: float
) -> tuple[float, float]:
    """Return the confidence at which there are so many false faces a photo, and the recall."""
    settings = DetectorSettings(threshold=0.05, max_faces=200)
    finder = FerFaceDetector(settings, detector, verifier=Verifier(verifier))
    judged, wanted = [], []
    for photo in labelled_photos.load(photos):
        judged.append(compare.judged_faces(finder.detect(photo.image), photo.boxes, photo.loose))
        wanted.append(compare.large_faces(photo) & (not photo.loose))
    recall, threshold = recall_at(judged, wanted, false_faces)
    return threshold, recall


def to_onnx(network: VerifierNet, shift: float) -> onnx.ModelProto:
    """Return a network as it is served, without metadata."""
    inputs = {
        "crops": torch.zeros(2, SIDE, SIDE, dtype=torch.uint8),
        "facts": torch.zeros(2, 2),
    }
    axes = {name: {0: "faces"} for name in (*inputs, "logits")}
    return traced(Served(network, shift), inputs, ["logits"], axes)


def _check(network: VerifierNet, shift: float, file: Path) -> None:
    """Compare the logits of a file with the network's, on noise.

    Raises:
        DetectorExportError: They differ.
    """
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (16, SIDE, SIDE), np.uint8)
    facts = rng.normal(0, 1, (16, 2)).astype(np.float32)
    with torch.no_grad():
        wanted = Served(network, shift).eval()(torch.from_numpy(crops), torch.from_numpy(facts))
    gap = float(np.abs(Verifier(file).logits(crops, facts) - wanted.numpy()).max())
    if not gap <= TOLERANCE:
        raise DetectorExportError(f"{file} computes other logits than the network, by {gap}")
