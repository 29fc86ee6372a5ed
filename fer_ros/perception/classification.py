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

"""From face crops to calibrated probabilities: ONNX networks, temperature and score fusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import ProviderReport, create_session
from fer_ros.perception.known_answer import difference, known_crops
from fer_ros.perception.model_metadata import MetadataError, ModelMetadata
from fer_ros.perception.model_store import digest_of
from fer_ros.perception.types import Image

FUSION_RULES = ("sum", "product")
"""Rules of score fusion (Umer et al. 2022, section 3.3)."""


_SLACK = 0.01
"""How far outputs that are promised to be probabilities may miss."""


class EmotionNetwork:
    """One emotion network on ONNX Runtime."""

    def __init__(self, path: Path, providers: Sequence[str] = ("cpu",), threads: int = 1) -> None:
        """Load a file and check that what it says about itself can be honoured.

        Raises:
            ModelError: The file is missing, damaged, no ONNX model, or its metadata is missing
                or does not fit its tensors, or it does not answer as when it was exported.
        """
        self._session, self.providers = create_session(path, providers, threads)
        self.path = path
        self.digest = digest_of(path)
        try:
            props = self._session.get_modelmeta().custom_metadata_map
            self.metadata = ModelMetadata.from_props(props)
        except MetadataError as error:
            raise ModelError(f"{path} is no emotion network of this package: {error}") from error
        self._input = self._check_tensors()
        spec = self.metadata.input
        self._mean = np.asarray(spec.mean, np.float32).reshape(-1, 1, 1)
        self._scale = np.asarray(spec.scale, np.float32).reshape(-1, 1, 1)
        self._check_known_answer()

    def _check_tensors(self) -> str:
        """Compare the tensors with the metadata and run once; return the name of the input."""
        spec, inputs = self.metadata.input, self._session.get_inputs()
        expected = [spec.channels, spec.height, spec.width]
        if len(inputs) != 1 or list(inputs[0].shape[1:]) != expected:
            shapes = [node.shape for node in inputs]
            raise ModelError(f"{self.path}: metadata promises input {expected}, file has {shapes}")
        name = str(inputs[0].name)
        try:
            out = self._session.run(None, {name: np.zeros((2, *expected), np.float32)})[0]
        except Exception as error:  # its exception classes differ between versions
            raise ModelError(f"{self.path} does not run with a batch of two: {error}") from error
        if out.shape != (2, len(self.metadata.labels)):
            raise ModelError(
                f"{self.path}: {len(self.metadata.labels)} labels do not fit output {out.shape}"
            )
        return name

    def _check_known_answer(self) -> None:
        """Have the known faces answered as they were when the file was exported."""
        stored = self.metadata.known_answer
        if stored:
            different = difference(self.known_answer(), self.metadata.labels, stored)
            if different:
                raise ModelError(
                    f"{self.path} does not answer as it did when it was exported: {different}. It "
                    "is damaged, has been altered, or does not fit this execution provider"
                )

    def known_answer(self) -> NDArray[np.float32]:
        """Return the probabilities of the known faces, shape (7, labels)."""
        return self.classify(known_crops(self.metadata.input))

    def preprocess(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """Return uint8 crops, each (height, width) or (height, width, 3), as one NCHW batch."""
        spec = self.metadata.input
        if spec.equalize:
            crops = [np.asarray(cv2.equalizeHist(crop), np.uint8) for crop in crops]
        batch = np.empty((len(crops), spec.channels, spec.height, spec.width), np.float32)
        for planes, crop in zip(batch, crops):
            planes[:] = crop if crop.ndim == 2 else crop.transpose(2, 0, 1)
        batch -= self._mean
        batch *= self._scale
        return batch

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the raw network output, shape (N, labels), of an NCHW batch."""
        return np.asarray(self._session.run(None, {self._input: batch})[0], np.float32)

    def classify(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, labels), rows summing to 1."""
        if not crops:
            return np.zeros((0, len(self.metadata.labels)), np.float32)
        return self.probabilities(self.run(self.preprocess(crops)))

    def probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply temperature and softmax to raw outputs, shape (N, labels).

        Raises:
            ModelError: The network put out something that is not finite, or promised
                probabilities and put out none; or its temperature does not make any.
        """
        if not np.isfinite(output).all():
            raise ModelError(f"{self.path} put out values that are not finite")
        if self.metadata.output == "probabilities":
            if output.min(initial=0.0) < -_SLACK or np.abs(output.sum(axis=-1) - 1).max() > _SLACK:
                raise ModelError(f"{self.path} put out values that are no probabilities")
            output = np.log(np.maximum(output, 1e-12))
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is checked
            found = softmax(output / np.float32(self.metadata.temperature))
        if not np.isfinite(found).all():
            raise ModelError(
                f"{self.path}: outputs up to {np.abs(output).max():g} give no probabilities at "
                f"temperature {self.metadata.temperature:g}"
            )
        return found


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax over the last axis."""
    exponential = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True), np.float32)


def fuse(scores: Sequence[NDArray[np.float32]], rule: str) -> NDArray[np.float32]:
    """Join the probabilities of several networks for the same faces.

    Args:
        scores: One array of shape (N, labels) per network, rows summing to 1.
        rule: ``sum`` for their mean, ``product`` for their normalised product.

    Source: score-level fusion of Umer et al. 2022, section 3.3.
    """
    if len(scores) == 1:
        return scores[0]
    stacked = np.stack(scores)
    if rule == "sum":
        return np.asarray(stacked.mean(axis=0), np.float32)
    if rule == "product":
        return softmax(np.log(np.maximum(stacked, 1e-12)).sum(axis=0))
    raise ValueError(f"fusion rule must be one of {', '.join(FUSION_RULES)}, not {rule!r}")


@dataclass(frozen=True)
class EmotionClassifier:
    """One or several networks whose scores are fused."""

    networks: tuple[EmotionNetwork, ...]
    fusion: str = "sum"

    @classmethod
    def from_files(
        cls,
        paths: Sequence[Path],
        fusion: str = "sum",
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
    ) -> EmotionClassifier:
        """Load the networks.

        Raises:
            ModelError: A file cannot be used, or the networks do not know the same classes.
        """
        if not paths:
            raise ModelError("no emotion network given")
        networks = tuple(EmotionNetwork(path, providers, threads) for path in paths)
        first = set(networks[0].metadata.labels)
        for network in networks[1:]:
            if set(network.metadata.labels) != first:
                raise ModelError(
                    f"{network.path} and {networks[0].path} do not know the same classes, so "
                    "their scores cannot be fused"
                )
        return cls(networks, fusion)

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order of every probability list."""
        return self.networks[0].metadata.labels

    @property
    def model_id(self) -> str:
        """Identity of the network, or of all of them joined by the fusion rule."""
        joint = "*" if self.fusion == "product" else "+"
        return joint.join(
            f"{network.metadata.model_id}-{network.metadata.version}" for network in self.networks
        )

    @property
    def model_digest(self) -> str:
        """SHA-256 of the file, or of all files separated by commas."""
        return ",".join(network.digest for network in self.networks)

    @property
    def uncertain_threshold(self) -> float:
        """The networks' own threshold, averaged."""
        thresholds = [network.metadata.uncertain_threshold for network in self.networks]
        return sum(thresholds) / len(thresholds)

    @property
    def providers(self) -> ProviderReport:
        """Providers asked for and used; of several networks, one that had to fall back."""
        reports = [network.providers for network in self.networks]
        return next((report for report in reports if report.fell_back), reports[0])

    def classify(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.float32]:
        """Classify faces.

        Args:
            crops: For each network the uint8 crops of all N faces, made by
                :func:`fer_ros.perception.alignment.align_all` with that network's template.

        Returns:
            Fused probabilities, shape (N, labels), in the order of :attr:`labels`.
        """
        scores: list[Any] = []
        for network, own in zip(self.networks, crops, strict=True):
            found, labels = network.classify(own), network.metadata.labels
            if labels != self.labels:
                found = found[:, [labels.index(label) for label in self.labels]]
            scores.append(found)
        return fuse(scores, self.fusion)
