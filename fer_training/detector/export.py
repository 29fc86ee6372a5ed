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

"""From a checkpoint to the ONNX file that the node runs, with parity checked before it counts.

The score's scale is moved so that the threshold chosen by measurement becomes the same for every
detector of the package, :data:`THRESHOLD`.
"""

from __future__ import annotations

import copy
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_training.detector.network import STRIDES, FaceNet

OPSET = 17
IR_VERSION = 8
THRESHOLD = 0.7
"""Score of the exported file at the threshold that was chosen."""
TOLERANCE = 2e-3
"""Largest allowed difference of an output, in cells or logits, relative to 1 + its size."""


class DetectorExportError(RuntimeError):
    """The exported file computes other outputs than the network."""


class Served(nn.Module):
    """The network as it is served: uint8 in, its outputs by level."""

    def __init__(self, network: FaceNet) -> None:
        """Wrap a network."""
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of every level."""
        return tuple(self.network(image.float()))


def export(
    network: FaceNet,
    path: Path,
    threshold: float,
    about: dict[str, Any],
    pictures: Sequence[NDArray[np.uint8]],
) -> float:
    """Write the ONNX file of a network after comparing its outputs.

    Args:
        network: Trained.
        path: File to write; it takes its place only after the check.
        threshold: Score of the network that is to become :data:`THRESHOLD`.
        about: Fields of :class:`DetectorMetadata`.
        pictures: Grey, for the comparison.

    Returns:
        The largest difference found, relative to 1 + the value.

    Raises:
        DetectorExportError: An output differs by more than :data:`TOLERANCE`.
    """
    network = _shifted(network, shift_of(threshold))
    model = to_onnx(network)
    metadata = DetectorMetadata(strides=STRIDES, threshold=THRESHOLD, **about)
    onnx.helper.set_model_props(model, metadata.to_props())
    with placed(model, path) as candidate:
        difference = parity(network, candidate, pictures)
        if not difference <= TOLERANCE:
            raise DetectorExportError(
                f"{path} computes other outputs than the network: an output differs by {difference}"
            )
    return difference


@contextmanager
def placed(model: onnx.ModelProto, path: Path) -> Iterator[Path]:
    """Write a model beside a path and yield its file, which takes the path unless the body raises.

    Raises:
        onnx.checker.ValidationError: It is no valid model.
    """
    onnx.checker.check_model(model)
    candidate = path.with_name(f".{path.stem}.candidate.onnx")
    try:
        candidate.write_bytes(model.SerializeToString())
        yield candidate
        candidate.replace(path)
    finally:
        candidate.unlink(missing_ok=True)


def shift_of(threshold: float) -> float:
    """Return what to add to logits so that a score of `threshold` becomes :data:`THRESHOLD`."""
    return _logit(THRESHOLD) - _logit(threshold)


def parity(network: FaceNet, path: Path, pictures: Sequence[NDArray[np.uint8]]) -> float:
    """Return the largest difference of an output, relative to 1 + its size."""
    served = FerFaceDetector(DetectorSettings(), path)
    worst = 0.0
    for picture in pictures:
        height, width = (side // 32 * 32 for side in picture.shape)
        cut = picture[:height, :width].copy()
        with torch.no_grad():
            expected = Served(network).eval()(torch.from_numpy(cut)[None, None])
        for one, other in zip(served.run_network(cut), expected, strict=True):
            gap = np.abs(one - other.numpy()) / (1 + np.abs(other.numpy()))
            worst = max(worst, float(gap.max()))
    return worst


def _shifted(network: FaceNet, shift: float) -> FaceNet:
    """Return a copy whose score logits are moved by a constant."""
    shifted = copy.deepcopy(network)
    with torch.no_grad():
        for last in shifted.last_layers():
            if last.bias is not None:
                last.bias[0] += shift
    return shifted.eval()


def to_onnx(network: FaceNet) -> onnx.ModelProto:
    """Return a network as it is served, without metadata: grey uint8 of any size in."""
    names = [f"cells_{stride}" for stride in STRIDES]
    axes = {"input": {2: "height", 3: "width"}}
    axes |= {name: {2: f"rows_{name[6:]}", 3: f"columns_{name[6:]}"} for name in names}
    picture = torch.zeros(1, 1, 128, 192, dtype=torch.uint8)
    return traced(Served(network), {"input": picture}, names, axes)


def traced(
    served: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> onnx.ModelProto:
    """Return a module as an ONNX model.

    Args:
        served: The module.
        inputs: One of each of its arguments, by name and in their order.
        outputs: Names of what it returns.
        axes: Names of the axes of any length, by tensor and number.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore", DeprecationWarning)  # the successor needs onnxscript
        warnings.filterwarnings("ignore", "Constant folding")
        torch.onnx.export(
            served.eval(),
            tuple(inputs.values()),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(own) for name, own in axes.items()},
        )
        model = onnx.load(path)
    model.ir_version = IR_VERSION
    return model


def _logit(score: float) -> float:
    return math.log(score / (1 - score))
