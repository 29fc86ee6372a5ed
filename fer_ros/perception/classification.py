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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.calibration import as_logits, softmax
from fer_ros.perception.class_balance import prior_weights
from fer_ros.perception.errors import ModelError
from fer_ros.perception.heads import Head, heads_of
from fer_ros.perception.inference import ProviderReport, create_session
from fer_ros.perception.known_answer import difference, known_crops
from fer_ros.perception.model_metadata import CLASSES, MetadataError, ModelMetadata
from fer_ros.perception.onnx_file import network_digest, read_properties
from fer_ros.perception.types import Image

FUSION_RULES = ("sum", "product")
"""Rules of score fusion (Umer et al. 2022, section 3.3)."""


@dataclass(frozen=True)
class Predictions:
    """What networks predict for N faces."""

    probabilities: NDArray[np.float32]
    """Shape (N, labels), rows summing to 1."""
    data: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Values of further heads by name, each of shape (N, ...)."""


class EmotionNetwork:
    """One emotion network on ONNX Runtime."""

    def __init__(
        self, path: str | Path, providers: Sequence[str] = ("cpu",), threads: int = 1
    ) -> None:
        """Load a file and check that its metadata is supported and fits its tensors.

        Raises:
            ModelError: The file is missing, damaged, no ONNX model, or its metadata is missing
                or does not fit its tensors, or its predictions differ from those at export.
        """
        self.path = path = Path(path)
        self._session, self.providers = create_session(path, providers, threads)
        self.digest = network_digest(path)
        try:
            self.metadata = ModelMetadata.from_props(read_properties(path))
        except MetadataError as error:
            raise ModelError(f"{path} is no emotion network of this package: {error}") from error
        try:
            self.heads = heads_of(self.metadata)
        except ModelError as error:
            raise ModelError(f"{path} {error}") from error
        self._input, self._outputs = self._check_tensors()
        spec = self.metadata.input
        self._mean = np.asarray(spec.mean, np.float32).reshape(-1, 1, 1)
        self._scale = np.asarray(spec.scale, np.float32).reshape(-1, 1, 1)
        self._check_known_answer()

    def _check_tensors(self) -> tuple[str, list[str]]:
        """Compare the tensors with the metadata and run once.

        Returns:
            Name of the input, and of the heads' outputs in the order of the heads.
        """
        spec, inputs = self.metadata.input, self._session.get_inputs()
        expected = [spec.channels, spec.height, spec.width]
        if len(inputs) != 1 or list(inputs[0].shape[1:]) != expected:
            shapes = [node.shape for node in inputs]
            raise ModelError(f"{self.path}: metadata promises input {expected}, file has {shapes}")
        name = str(inputs[0].name)
        there = [str(node.name) for node in self._session.get_outputs()]
        names = [head.spec.output or there[0] for head in self.heads]
        missing = sorted(set(names) - set(there))
        if missing:
            raise ModelError(f"{self.path}: metadata names output {missing[0]!r}, file has {there}")
        try:
            found = self._session.run(names, {name: np.zeros((2, *expected), np.float32)})
        except Exception as error:  # its exception classes differ between versions
            raise ModelError(f"{self.path} does not run with a batch of two: {error}") from error
        for head, output in zip(self.heads, found):
            if output.shape[0] != 2 or not head.fits(output.shape[1:]):
                what = f"head {head.spec.name!r}"
                if head.spec.kind == CLASSES:
                    what = f"{len(self.metadata.labels)} labels"
                raise ModelError(f"{self.path}: {what} do not fit output {output.shape}")
        return name, names

    def _check_known_answer(self) -> None:
        """Check that the predictions for the known faces are those stored at export."""
        stored = self.metadata.known_answer
        if stored:
            different = difference(self.known_answer(), self.metadata.labels, stored)
            if different:
                raise ModelError(
                    f"{self.path} predicts otherwise than at export: {different}. It "
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
        """Return the raw output of the class head, shape (N, labels), of an NCHW batch."""
        return self._run(batch, self._outputs[:1])[0]

    def _run(self, batch: NDArray[np.float32], names: list[str]) -> list[NDArray[np.float32]]:
        count = len(batch)
        if self.providers.compiles:
            # For few sizes, so that engines are not built for every number of faces.
            batch = np.pad(batch, ((0, _next_power(count) - count), (0, 0), (0, 0), (0, 0)))
        found = self._session.run(names, {self._input: batch})
        return [np.asarray(output, np.float32)[:count] for output in found]

    def classify(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, labels), rows summing to 1."""
        return self.predict(crops).probabilities

    def predict(self, crops: Sequence[Image]) -> Predictions:
        """Return the values of all heads for uint8 crops as :meth:`preprocess` takes them."""
        if not crops:
            return Predictions(np.zeros((0, len(self.metadata.labels)), np.float32))
        outputs = self._run(self.preprocess(crops), self._outputs)
        probabilities, *further = map(self._values, self.heads, outputs)
        names = [head.spec.name for head in self.heads[1:]]
        return Predictions(probabilities, dict(zip(names, further)))

    def probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities from raw outputs of the class head, shape (N, labels).

        Raises:
            ModelError: The output gives no probabilities.
        """
        return self._values(self.heads[0], output)

    def _values(self, head: Head, output: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return head.values(output)
        except ModelError as error:
            raise ModelError(f"{self.path} {error}") from error


def _next_power(count: int) -> int:
    """Return the least power of two that is not below a number."""
    return 1 << (count - 1).bit_length()


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
        return softmax(as_logits(stacked).sum(axis=0))
    raise ValueError(f"fusion rule must be one of {', '.join(FUSION_RULES)}, not {rule!r}")


@dataclass(frozen=True)
class EmotionClassifier:
    """One or several networks whose scores are fused."""

    networks: tuple[EmotionNetwork, ...]
    fusion: str = "sum"
    mirror: bool = False
    """Whether each crop is predicted mirrored too and the mean counts; doubles the cost."""

    @classmethod
    def from_files(
        cls,
        paths: Sequence[str | Path],
        fusion: str = "sum",
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
        mirror: bool = False,
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
        return cls(networks, fusion, mirror)

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order of every probability list."""
        return self.networks[0].metadata.labels

    @property
    def model_id(self) -> str:
        """Identity of the network, or of all of them joined by the fusion rule; and ``+mirror``."""
        joint = "*" if self.fusion == "product" else "+"
        names = joint.join(
            f"{network.metadata.model_id}-{network.metadata.version}" for network in self.networks
        )
        return names + "+mirror" * self.mirror

    @property
    def model_digest(self) -> str:
        """SHA-256 of the file, or of all files separated by commas."""
        return ",".join(network.digest for network in self.networks)

    @property
    def uncertain_threshold(self) -> float:
        """The networks' own threshold, averaged."""
        thresholds = [network.metadata.uncertain_threshold for network in self.networks]
        return sum(thresholds) / len(thresholds)

    def prior_weights(self, balance: float) -> tuple[float, ...]:
        """Return what fused probabilities are multiplied with, see :mod:`.class_balance`.

        A product of networks holds the shares of each once, their sum the mean of them. Empty where
        nothing changes: a balance of 0, or a network that does not tell its shares.
        """
        known = [network.metadata for network in self.networks if network.metadata.class_shares]
        if len(known) < len(self.networks) or not balance:
            return ()
        by_name = [dict(zip(about.labels, about.class_shares)) for about in known]
        shares = np.array([[own[label] for label in self.labels] for own in by_name])
        joint = shares.prod(axis=0) if self.fusion == "product" else shares.mean(axis=0)
        return prior_weights(joint.tolist(), balance)

    @property
    def providers(self) -> ProviderReport:
        """Providers asked for and used; of several networks, one that falls short of it."""
        reports = [network.providers for network in self.networks]
        return next((report for report in reports if report.warning), reports[0])

    def classify(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.float32]:
        """Return fused probabilities, shape (N, labels); arguments as for :meth:`predict`."""
        return self.predict(crops).probabilities

    def predict(self, crops: Sequence[Sequence[Image]]) -> Predictions:
        """Predict for faces.

        Args:
            crops: For each network the uint8 crops of all N faces, made by
                :func:`fer_ros.perception.alignment.align_all` with that network's template.

        Returns:
            Fused probabilities in the order of :attr:`labels`, and the values of further heads; of
            several networks that have a head of one name, the first one's.
        """
        scores: list[NDArray[np.float32]] = []
        data: dict[str, NDArray[np.float32]] = {}
        for network, own in zip(self.networks, crops, strict=True):
            found, labels = self._predict(network, own), network.metadata.labels
            values = found.probabilities
            if labels != self.labels:
                values = values[:, [labels.index(label) for label in self.labels]]
            scores.append(values)
            data = {**found.data, **data}
        return Predictions(fuse(scores, self.fusion), data)

    def _predict(self, network: EmotionNetwork, crops: Sequence[Image]) -> Predictions:
        """Return one network's values; further heads are those of the crops as they are."""
        if not self.mirror or not crops:
            return network.predict(crops)
        found = network.predict([*crops, *(crop[:, ::-1] for crop in crops)])
        count = len(crops)
        both = np.asarray(
            (found.probabilities[:count] + found.probabilities[count:]) / 2, np.float32
        )
        return Predictions(both, {name: values[:count] for name, values in found.data.items()})
