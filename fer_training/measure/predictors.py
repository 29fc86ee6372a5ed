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

"""A common interface of checkpoints and ONNX files, so that the same code measures both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fer_ros.perception.class_balance import reweighted
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.emotions import FERPLUS
from fer_ros.perception.errors import ModelError
from fer_ros.perception.exposure import exposed
from fer_ros.perception.model_metadata import ModelMetadata
from fer_ros.perception.model_store import shipped_models
from fer_training import architectures
from fer_training.architectures import networks
from fer_training.architectures.networks import predict
from fer_training.recipes.recipe import Recipe
from fer_training.records import checkpoint
from fer_training.records.checkpoint import Checkpoint, Fitted

_BATCH = 256


def fit(
    images: NDArray[np.uint8], height: int, width: int, channels: int
) -> list[NDArray[np.uint8]]:
    """Bring stored crops to a network's size, and to grey or BGR.

    One way for checkpoints and files: interpolating in PyTorch here and in OpenCV there would
    give two predictions for one image.
    """
    crops = []
    for image in images:
        if image.shape[:2] != (height, width):
            image = cv2.resize(image, (width, height))
        if channels == 3 and image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        elif channels == 1 and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        crops.append(np.asarray(image, np.uint8))
    return crops


class Predictor(Protocol):
    """A network that turns stored crops into calibrated probabilities."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order of the columns."""
        ...

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return shape (N, labels) for images of shape (N, H, W) or (N, H, W, 3)."""
        ...


@dataclass
class CheckpointPredictor:
    """A checkpoint of fer-train, run by PyTorch."""

    network: torch.nn.Module
    recipe: Recipe
    labels: tuple[str, ...]
    name: str
    calibration: Fitted

    @classmethod
    def load(cls, path: Path, head: str = "labels", calibrated: bool = True) -> CheckpointPredictor:
        """Read ``best.pt`` of a run folder, or a checkpoint file.

        Args:
            path: Run folder or file.
            head: Which head counts: ``labels``, or ``votes`` for the eight classes of FER+.
            calibrated: Apply what was fitted after training; otherwise the network is as trained.

        Raises:
            CheckpointError: It is missing or no checkpoint.
            RecipeError: The head is none of the network's.
        """
        return cls.of(checkpoint.load(path), head, calibrated)

    @classmethod
    def of(
        cls, state: Checkpoint, head: str = "labels", calibrated: bool = True
    ) -> CheckpointPredictor:
        """Build the network of a checkpoint, see :meth:`load`."""
        recipe, labels = state.config, tuple(state.labels)
        network = networks.build(recipe, len(labels))
        checkpoint.load_weights(network, state, recipe.architecture)
        network = networks.one_head(network, head).eval()
        name = recipe.name
        if head == "votes":
            labels, name = FERPLUS, f"{recipe.name}-ferplus"
        fitted = state.ferplus_calibration if head == "votes" else state.calibration
        if not calibrated or fitted is None:
            fitted = Fitted()
        if calibrated and head == "labels" and state.offset:
            network = networks.shift(network, state.offset)
        return cls(network, recipe, labels, name, fitted)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return raw outputs, shape (N, labels)."""
        entry = architectures.get(self.recipe.architecture)
        crops = np.stack(fit(images, entry.size, entry.size, entry.channels))
        tensor = torch.from_numpy(crops)
        tensor = tensor.unsqueeze(1) if crops.ndim == 3 else tensor.permute(0, 3, 1, 2)
        return predict(self.network, tensor, self.recipe)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, labels)."""
        return self.calibration.probabilities(self.logits(images))


class OnnxPredictor:
    """An exported file, run exactly as the node runs it."""

    def __init__(self, path: Path) -> None:
        """Load the file.

        Raises:
            ModelError: The file cannot be used.
        """
        self.network = EmotionNetwork(path)
        self.labels = self.network.metadata.labels
        self.name = self.network.metadata.model_id

    def _crops(self, images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        spec = self.network.metadata.input
        return fit(images, spec.height, spec.width, spec.channels)

    def preprocess(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return stored crops as the tensor that the network takes, NCHW."""
        return self.network.preprocess(self._crops(images))

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, labels)."""
        parts = [
            self.network.classify(self._crops(images[start : start + _BATCH]))
            for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts)


def resolve(path: Path) -> Path:
    """Return a path as it is, or the file of the shipped network of that name.

    Raises:
        ModelError: It is neither.
    """
    shipped = shipped_models()
    if path.exists():
        return path
    if str(path) in shipped:
        return shipped[str(path)]
    raise ModelError(
        f"no run folder or file {path}, and no shipped network of that name: {', '.join(shipped)}"
    )


def load(path: Path, head: str = "labels") -> Predictor:
    """Load an ONNX file, a checkpoint, the best checkpoint of a run folder, or a shipped network.

    Args:
        path: Place, or a name that ``fer-ros models`` lists, e.g. ``fer-base-int8``.
        head: As in :meth:`CheckpointPredictor.load`.

    Raises:
        ModelError, CheckpointError, RecipeError: The file cannot be used or lacks the head.
    """
    path = resolve(path)
    if path.suffix != ".onnx":
        return CheckpointPredictor.load(path, head)
    predictor = OnnxPredictor(path)
    if head == "votes" and predictor.labels != FERPLUS:
        raise ModelError(
            f"{path} names the classes of a data set, not of FER+; give the run folder, or a file "
            "written by fer-train export --head votes"
        )
    return predictor


def with_flip(predictor: Predictor, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean probabilities of the crops and their mirror images."""
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    mean = (predictor.probabilities(images) + predictor.probabilities(mirrored)) / 2
    return mean.astype(np.float32)


@dataclass(frozen=True)
class _Wrapped:
    """A network behind which something is changed."""

    predictor: Predictor

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order of the columns."""
        return self.predictor.labels


@dataclass(frozen=True)
class Mirrored(_Wrapped):
    """A network whose probabilities are the mean over a crop and its mirror image."""

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"{self.predictor.name}+mirror"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return shape (N, labels) for images of shape (N, H, W) or (N, H, W, 3)."""
        return with_flip(self.predictor, images)


@dataclass(frozen=True)
class Exposed(_Wrapped):
    """A network whose crops have the light that the node gives them."""

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"{self.predictor.name}, exposure"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return shape (N, labels) for images of shape (N, H, W) or (N, H, W, 3)."""
        return self.predictor.probabilities(np.stack([exposed(image) for image in images]))


@dataclass(frozen=True)
class Balanced(_Wrapped):
    """A network whose classes are weighed as the node's parameter `class_balance` does."""

    weights: tuple[float, ...]
    """Of the classes, see :func:`fer_ros.perception.class_balance.prior_weights`."""
    balance: float

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"{self.predictor.name}, balance {self.balance:g}"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return shape (N, labels) for images of shape (N, H, W) or (N, H, W, 3)."""
        raw = self.predictor.probabilities(images)
        return reweighted(raw, self.weights) if self.weights else raw


def threshold_of(predictor: Predictor) -> float:
    """Return the probability from which a network names a face; where none is fitted, 0.35."""
    fitted = None
    if isinstance(predictor, OnnxPredictor):
        fitted = predictor.network.metadata.uncertain_threshold
    elif isinstance(predictor, CheckpointPredictor):
        fitted = predictor.calibration.uncertain_threshold
    return ModelMetadata.uncertain_threshold if fitted is None else fitted
