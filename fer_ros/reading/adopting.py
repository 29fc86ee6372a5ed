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

"""Import of foreign emotion networks: checks, calibration and metadata."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception import emotions
from fer_ros.perception.alignment import FER2013_TEMPLATE, align
from fer_ros.perception.calibration import as_logits, softmax
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.errors import ModelError
from fer_ros.perception.known_answer import as_stored, known_crops
from fer_ros.perception.model_metadata import (
    TEMPERATURES,
    CropTemplate,
    InputSpec,
    ModelMetadata,
)
from fer_ros.perception.types import Image
from fer_ros.reading.finding import Kind, find_sources
from fer_ros.reading.foreign_network import ForeignNetwork
from fer_ros.reading.whole import WholeFile
from fer_ros.sources.pictures import read_picture

LOGITS, PROBABILITIES = "logits", "probabilities"

_ENOUGH = 30
"""Labelled faces from which a temperature is fitted, and the order of the classes judged."""

_FAR_BETTER = 0.2
"""By how much more of the faces another order of classes must fit to count as the true one."""


def tight_template() -> CropTemplate:
    """Return the crop of networks that were trained on the boxes of a detector, as they are."""
    size = FER2013_TEMPLATE.box_size
    center = FER2013_TEMPLATE.box_center
    points = [
        ((x - center[0]) / size + 0.5, (y - center[1]) / size + 0.5)
        for x, y in FER2013_TEMPLATE.landmarks
    ]
    return CropTemplate(tuple(points), (0.5, 0.5), 1.0)


CROPS = {"fer2013": FER2013_TEMPLATE, "box": tight_template()}
"""Where faces lie in the crops that a network was trained on."""


@dataclass(frozen=True)
class Description:
    """Description of a file that it does not contain itself."""

    labels: tuple[str, ...]
    """Classes in the order of the output."""
    mean: tuple[float, ...]
    """Per channel in the order of the file, in pixel units 0..255."""
    scale: tuple[float, ...]
    """``(pixel - mean) * scale`` enters the network."""
    colours: str = ""
    """``rgb`` or ``bgr`` of a network with three channels."""
    size: tuple[int, int] | None = None
    """Width and height [pixels]; None where the file says it."""
    crop: str = "fer2013"
    """One of :data:`CROPS`."""
    output: str = ""
    """Name of the output with the classes; empty where there is one."""
    columns: slice | None = None
    """Which of its values are the classes; None: all."""
    name: str = ""
    """Of the network; empty: that of the file."""


@dataclass(frozen=True)
class Labelled:
    """Crops of faces with their labels."""

    crops: list[Image]
    truths: NDArray[np.int64]
    """Indices of classes, shape (N,)."""


@dataclass(frozen=True)
class Adopted:
    """An imported network."""

    path: Path
    metadata: ModelMetadata
    remarks: tuple[str, ...]
    """Findings, as sentences."""


class Adoption:
    """The steps from a file to a network that the node takes."""

    def __init__(self, path: Path, about: Description) -> None:
        """Load a file and compare it with its description.

        Raises:
            ModelError: It is no network of pictures, or the description lacks something or does not
                fit; the message says what to add.
        """
        self._network = ForeignNetwork(path)
        self._about = about
        self._labels = _canonical(about.labels)
        given = self._network.input
        width, height = about.size or (given.width or 0, given.height or 0)
        if not (width and height):
            raise ModelError(
                f"{path} takes pictures of any size: say with --size which, as 224x224"
            )
        if (given.width or width, given.height or height) != (width, height):
            raise ModelError(
                f"{path} takes {given.width}x{given.height} pixels, not {width}x{height}"
            )
        if given.channels == 3 and about.colours not in ("rgb", "bgr"):
            raise ModelError(f"{path} takes colours: say with --colours whether rgb or bgr")
        for name, values in (("mean", about.mean), ("scale", about.scale)):
            if len(values) not in (1, given.channels):
                raise ModelError(f"--{name} has {len(values)} values for {given.channels} channels")
        self._size = (width, height)
        self._model = self._adopted_model()

    def describe(self, labelled: Labelled | None = None) -> tuple[ModelMetadata, list[str]]:
        """Return the metadata, and what was found, from what the network gives for faces.

        Args:
            labelled: Faces of the user; without them only averaged faces are looked at.

        Raises:
            ModelError: The output holds no values of classes, or in another order.
        """
        spec = self._input_spec()
        known = self._scores(known_crops(spec), spec)
        kind = _kind(known)
        remarks = [f"its output holds {kind}", self._known_faces(known)]
        metadata = ModelMetadata(
            model_id=self._about.name or self._network.path.stem,
            version="adopted",
            labels=self._labels,
            input=spec,
            crop=CROPS[self._about.crop],
            output=kind,
            dataset={"name": "not known: a network of somebody else"},
        )
        if labelled is None or len(labelled.truths) < _ENOUGH:
            count = 0 if labelled is None else len(labelled.truths)
            remarks.append(
                f"probabilities are not calibrated: {count} labelled faces, at least {_ENOUGH} are "
                "needed to fit a temperature and to judge the order of the classes"
            )
            return metadata, remarks
        scores = self._scores(labelled.crops, spec)
        logits = scores if kind == LOGITS else as_logits(scores)
        self._check_order(logits, labelled.truths)
        temperature = fitted_temperature(logits, labelled.truths)
        right = float((logits.argmax(axis=1) == labelled.truths).mean())
        before, after = (
            negative_log_likelihood(logits, labelled.truths, t) for t in (1.0, temperature)
        )
        remarks.append(
            f"{right:.0%} of {len(labelled.truths)} labelled faces right; temperature "
            f"{temperature:.3g} (negative log-likelihood {before:.3f}, fitted {after:.3f})"
        )
        return replace(
            metadata,
            temperature=temperature,
            metrics={"adopted": {"faces": len(labelled.truths), "accuracy": round(right, 4)}},
        ), remarks

    def crops_of(self, pictures: Path, detector: FaceDetector) -> Labelled:
        """Return the largest face of each picture, with the name of its folder as its label.

        Args:
            pictures: A folder of folders that are named after classes.
            detector: Finds the faces.

        Raises:
            ModelError: There are none, or a folder is named after no class of the network.
            ReadError: The folder cannot be read.
            CameraError: A picture cannot be read.
        """
        crops, truths = [], []
        spec, template = self._input_spec(), CROPS[self._about.crop]
        for source in find_sources([str(pictures)]):
            if source.kind is not Kind.PICTURE:
                continue
            label = _class_of(source.path, self._labels)
            image = read_picture(source.path)
            faces = detector.detect(image)
            if faces:
                face = max(faces, key=lambda face: face.box.area)
                crops.append(align(image, face, template, spec.width, spec.height, spec.channels))
                truths.append(label)
        if not crops:
            raise ModelError(f"no face was found in the pictures of {pictures}")
        return Labelled(crops, np.array(truths))

    def write(self, out: Path, metadata: ModelMetadata) -> ModelMetadata:
        """Write the file that the node takes, and load it as the node does.

        Returns:
            The metadata as it was written, with what the network gives for known faces.

        Raises:
            ModelError: The node would refuse it.
            ReadError: It cannot be written.
        """
        with TemporaryDirectory() as folder:
            trial = Path(folder) / out.name
            trial.write_bytes(self._serialized(metadata))
            network = EmotionNetwork(trial)
            stored = as_stored(network.known_answer(), metadata.labels)
        described = replace(metadata, known_answer=stored)
        with WholeFile(out) as file:
            try:
                file.partial.write_bytes(self._serialized(described))
            except OSError as error:
                raise ModelError(f"cannot write {out}: {error.strerror}") from error
            EmotionNetwork(file.partial)
        return described

    def _serialized(self, metadata: ModelMetadata) -> bytes:
        del self._model.metadata_props[:]
        for key, value in metadata.to_props().items():
            entry = self._model.metadata_props.add()
            entry.key, entry.value = key, value
        return bytes(self._model.SerializeToString())

    def _adopted_model(self) -> Any:
        about, network = self._about, self._network
        names = network.outputs
        output = about.output or (names[0] if len(names) == 1 else "")
        if output not in names:
            raise ModelError(
                f"{network.path} has the outputs {', '.join(names)}: say with --output which holds "
                "the classes"
            )
        count = len(self._labels)
        columns = about.columns or slice(0, 1 << 30)
        model = network.adopted(self._size, output, columns, about.colours == "rgb")
        sides = (1, network.input.channels, self._size[1], self._size[0])
        found = network.run(model, np.zeros(sides, np.float32)).shape
        if found != (1, count):
            what = f"{found[1]} values" if len(found) == 2 else f"values of shape {found}"
            more = (
                f"; say with --columns which are the classes, as 0:{count}"
                if len(found) == 2 and found[1] > count
                else ""
            )
            raise ModelError(f"{network.path} gives {what} a face for {count} labels{more}")
        return network.adopted(self._size, output, slice(columns.start or 0, (columns.start or 0)
                               + count), about.colours == "rgb")  # fmt: skip

    def _input_spec(self) -> InputSpec:
        channels = self._network.input.channels
        mean, scale = (
            tuple(values) * (channels if len(values) == 1 else 1)
            for values in (self._about.mean, self._about.scale)
        )
        if self._about.colours == "rgb":
            mean, scale = mean[::-1], scale[::-1]  # ours are those of BGR
        return InputSpec(*self._size, channels, mean, scale)

    def _scores(self, crops: Sequence[Image], spec: InputSpec) -> NDArray[np.float32]:
        shape = (-1, 1, 1)
        mean = np.asarray(spec.mean, np.float32).reshape(shape)
        scale = np.asarray(spec.scale, np.float32).reshape(shape)
        batch = [crop[None] if crop.ndim == 2 else crop.transpose(2, 0, 1) for crop in crops]
        values = (np.stack(batch).astype(np.float32) - mean) * scale
        found = self._network.run(self._model, values)
        if not np.isfinite(found).all():
            raise ModelError(f"{self._network.path} gives values that are not finite")
        return found

    def _known_faces(self, scores: NDArray[np.float32]) -> str:
        found = [self._labels[index] for index in scores.argmax(axis=1)]
        if len(set(found)) == 1:
            return (
                f"all averaged faces of FER2013 give {found[0]}: --mean, --scale or --colours "
                "may be wrong"
            )
        right = sum(one == truth for one, truth in zip(found, FER2013))
        return f"{right} of the 7 averaged faces of FER2013 right ({', '.join(found)})"

    def _check_order(self, logits: NDArray[np.float32], truths: NDArray[np.int64]) -> None:
        counts = np.zeros((len(self._labels), len(self._labels)))
        np.add.at(counts, (logits.argmax(axis=1), truths), 1)
        # Among equals, as for classes that are never predicted, the more probable one.
        likely = np.zeros_like(counts)
        np.add.at(likely.T, truths, softmax(logits))
        best = _best_order(counts + 1e-3 * likely)
        gained = (sum(counts[i, j] for i, j in enumerate(best)) - counts.trace()) / len(truths)
        if gained > _FAR_BETTER:
            order = ",".join(self._labels[j] for j in best)
            raise ModelError(
                f"{self._network.path}: another order of the classes fits {gained:.0%} more of the "
                f"labelled faces; is it --labels {order}?"
            )


def fitted_temperature(logits: NDArray[np.float32], truths: NDArray[np.int64]) -> float:
    """Return the temperature of the least negative log-likelihood (Guo et al. 2017).

    Args:
        logits: Shape (N, labels).
        truths: Indices of the true classes, shape (N,).
    """
    low, high = (float(np.log(limit)) for limit in TEMPERATURES)
    for _ in range(60):  # the loss has one minimum in log temperature's range
        third = (high - low) / 3
        inner = [low + third, high - third]
        losses = [negative_log_likelihood(logits, truths, float(np.exp(t))) for t in inner]
        low, high = (low, inner[1]) if losses[0] < losses[1] else (inner[0], high)
    return round(float(np.exp((low + high) / 2)), 4)


def negative_log_likelihood(
    logits: NDArray[np.float32], truths: NDArray[np.int64], temperature: float
) -> float:
    """Return the mean negative log-likelihood of true classes at a temperature."""
    probabilities = softmax(logits.astype(np.float64) / temperature)  # type: ignore[arg-type]
    right = probabilities[np.arange(len(truths)), truths]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def _kind(scores: NDArray[np.float32]) -> str:
    sums = scores.sum(axis=1)
    return PROBABILITIES if scores.min() >= 0 and np.abs(sums - 1).max() < 1e-3 else LOGITS


def _canonical(labels: Sequence[str]) -> tuple[str, ...]:
    try:
        found = tuple(emotions.canonical(label) for label in labels)
    except ValueError as error:
        raise ModelError(f"--labels: {error}") from error
    if len(found) < 2 or len(set(found)) < len(found):
        raise ModelError(
            f"--labels must name two or more different classes, not {', '.join(found)}"
        )
    return found


def _class_of(path: Path, labels: Sequence[str]) -> int:
    name = path.parent.name
    try:
        return labels.index(emotions.canonical(name))
    except ValueError:
        raise ModelError(
            f"{path}: pictures lie in folders named after their class, and {name!r} is none of "
            f"{', '.join(labels)}"
        ) from None


def _best_order(counts: NDArray[np.float64]) -> tuple[int, ...]:
    """Return for each output the class that fits, so that most faces are right in all."""
    size = len(counts)
    # Over subsets of classes: 2^n n steps instead of n! orders.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for row in range(size):
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        for (taken, (total, order)), column in itertools.product(best.items(), range(size)):
            bit = 1 << column
            if not taken & bit:
                entry = (total + float(counts[row, column]), (*order, column))
                if taken | bit not in grown or entry[0] > grown[taken | bit][0]:
                    grown[taken | bit] = entry
        best = grown
    return best[(1 << size) - 1][1]
