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

"""Metadata of an emotion network: the contract between training and serving.

Everything that shapes an input or gives an output its meaning travels inside the ONNX file,
as ``metadata_props`` whose keys start with ``fer.`` and whose values are JSON. The exporter of
``fer_training`` writes it with :meth:`ModelMetadata.to_props`; the node reads it with
:meth:`ModelMetadata.from_props` and refuses a file it does not support.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fer_ros.perception import emotions
from fer_ros.perception.strings import shortened

SCHEMA = 1
"""Version of the metadata layout; a file with another one is refused."""

KIND_KEY, DETECTOR_KIND = "fer.kind", "face-detector"
"""Key and value by which a face detector's file is known."""

TEMPERATURES = (0.01, 100.0)
"""Least and largest temperature; beyond them probabilities are 0 and 1, or all equal."""

LEAST_SHARE = 1e-5
"""Of a class among the training rows."""

_PREFIX = "fer."


class MetadataError(ValueError):
    """The metadata of a model is missing, malformed or not supported."""


@dataclass(frozen=True)
class InputSpec:
    """The tensor a network expects: NCHW float32, ``(pixel - mean) * scale`` per channel."""

    width: int
    height: int
    channels: int
    """1 for grey, 3 for BGR."""
    mean: tuple[float, ...]
    """Per channel, in pixel units 0..255."""
    scale: tuple[float, ...]
    """Per channel; 1/255 maps pixels to 0..1."""
    equalize: bool = False
    """Whether the histogram of the crop is equalised first."""


@dataclass(frozen=True)
class CropTemplate:
    """Where a face lies in a crop, in crop widths: (0, 0) top left, (1, 1) bottom right."""

    landmarks: tuple[tuple[float, float], ...]
    """Five (x, y) in the order of :data:`fer_ros.perception.types.LANDMARK_NAMES`."""
    box_center: tuple[float, float]
    """Where the centre of the detector's box lies (x, y)."""
    box_size: float
    """Mean side of the detector's box, ``sqrt(width * height)``, as a share of the crop's side."""


CLASSES = "classes"
"""Kind of the head that gives class probabilities; labels, output and temperature describe it."""


@dataclass(frozen=True)
class HeadSpec:
    """One output of a network."""

    name: str
    """Under which its values are kept with a face."""
    kind: str
    """One of :data:`fer_ros.perception.heads.KINDS`."""
    output: str = ""
    """Name of the output tensor; empty: the first."""


@dataclass(frozen=True)
class ModelMetadata:
    """Identity, input, output, calibration and origin of one network."""

    model_id: str
    """Short name, e.g. ``arch1``."""
    version: str
    labels: tuple[str, ...]
    """Classes in the order of the output."""
    input: InputSpec
    crop: CropTemplate
    output: str = "logits"
    """``logits`` (a softmax follows) or ``probabilities`` (rows sum to 1)."""
    temperature: float = 1.0
    """Logits, or log-probabilities, are divided by it before the softmax (Guo et al. 2017)."""
    undecided_temperature: float | None = None
    """What divides them where every class is equally likely; between, the temperature rises with
    the entropy (:mod:`fer_ros.perception.calibration`). None: ``temperature`` for all faces."""
    uncertain_threshold: float = 0.35
    """Smoothed probability below which the best class is called uncertain."""
    dataset: Mapping[str, Any] = field(default_factory=dict)
    """Name, SHA-256, rows and terms of the training data."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The resolved training configuration, seed and command among it."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, with its protocol."""
    known_answer: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Probability of each class for each known face, as measured at export
    (:mod:`fer_ros.perception.known_answer`); empty in files that have none."""
    class_shares: tuple[float, ...] = ()
    """Share of each class among the training rows, in the order of the labels; empty in files that
    do not tell (:mod:`fer_ros.perception.class_balance`)."""
    heads: tuple[HeadSpec, ...] = (HeadSpec("expression", CLASSES),)
    """The network's outputs; a file that names none has this one."""

    def to_props(self) -> dict[str, str]:
        """Return the metadata as the string pairs that go into ``metadata_props``."""
        props = {_PREFIX + "schema": json.dumps(SCHEMA)}
        for name, value in asdict(self).items():
            props[_PREFIX + name] = json.dumps(value, sort_keys=True)
        return props

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> ModelMetadata:
        """Read and check the ``metadata_props`` of an ONNX file.

        Raises:
            MetadataError: A key is missing, is not JSON, or has an unsupported value;
                the message names it.
        """
        if props.get(KIND_KEY) == DETECTOR_KIND:
            raise MetadataError("it is a face detector; name it in detector_model")
        values = {name: _load(props, name) for name in ("schema", *_REQUIRED)}
        if values.pop("schema") != SCHEMA:
            raise MetadataError(
                f"metadata schema {props[_PREFIX + 'schema']} is not supported, only {SCHEMA}"
            )
        for name in _OPTIONAL:
            if _PREFIX + name in props:
                values[name] = _load(props, name)
        values["labels"] = _labels(values["labels"])
        values["input"] = _input_spec(values["input"])
        values["crop"] = _crop_template(values["crop"])
        if "heads" in values:
            values["heads"] = _heads(values["heads"])
        if "known_answer" in values:
            values["known_answer"] = _known_answer(values["known_answer"])
        if "class_shares" in values:
            values["class_shares"] = _class_shares(values["class_shares"])
        for name in ("temperature", "uncertain_threshold"):
            if name in values:
                values[name] = _number(values[name], name)
        if values.get("undecided_temperature") is not None:
            name = "undecided_temperature"
            values[name] = _number(values[name], name)
        metadata = cls(**values)
        _check(metadata)
        return metadata


_REQUIRED = ("model_id", "version", "labels", "input", "crop", "output", "temperature")
_OPTIONAL = tuple(f.name for f in fields(ModelMetadata) if f.name not in _REQUIRED)


def _load(props: Mapping[str, str], name: str) -> Any:
    key = _PREFIX + name
    if key not in props:
        raise MetadataError(f"the model carries no {key!r}; export it with fer-train export")
    try:
        return json.loads(props[key])
    except ValueError as error:
        raise MetadataError(f"{key!r} is no JSON: {error}") from None
    except RecursionError:
        raise MetadataError(f"{key!r} is nested too deeply") from None


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise MetadataError(f"{name} must be a finite number, not {shortened(repr(value))}")
    return float(value)


def _numbers(value: Any, name: str, length: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != length:
        raise MetadataError(
            f"{name} must be a list of {length} numbers, not {shortened(repr(value))}"
        )
    return tuple(_number(item, name) for item in value)


def _labels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MetadataError(f"labels must be a list of names, not {shortened(repr(value))}")
    try:
        return tuple(emotions.canonical(item) for item in value)
    except ValueError as error:
        raise MetadataError(f"labels: {error}") from None


def _heads(value: Any) -> tuple[HeadSpec, ...]:
    if not isinstance(value, list) or not value:
        raise MetadataError(f"heads must be a list of heads, not {shortened(repr(value))}")
    found = []
    for entry in value:
        entries = _entries(entry, "heads", ("name", "kind"))
        values = [entries["name"], entries["kind"], entries.get("output", "")]
        if not all(isinstance(value, str) for value in values):
            raise MetadataError(f"a head's name, kind and output must be strings, not {values}")
        found.append(HeadSpec(*values))
    if len({head.name for head in found}) < len(found):
        raise MetadataError("two heads have one name")
    if sum(head.kind == CLASSES for head in found) != 1:
        raise MetadataError(f"exactly one head must be of kind {CLASSES!r}")
    return tuple(found)


def _known_answer(value: Any) -> dict[str, tuple[float, ...]]:
    if not isinstance(value, dict) or not all(isinstance(row, list) for row in value.values()):
        raise MetadataError("known_answer must hold a list of probabilities for each label")
    return {label: _numbers(row, f"known_answer.{label}", len(row)) for label, row in value.items()}


def _class_shares(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise MetadataError(f"class_shares must be a list, not {shortened(repr(value))}")
    shares = _numbers(value, "class_shares", len(value))
    usual = bool(shares) and min(shares) >= LEAST_SHARE
    if shares and not (usual and math.isclose(sum(shares), 1, abs_tol=1e-3)):
        raise MetadataError(f"class_shares must be {LEAST_SHARE:g} or more and sum to 1: {shares}")
    return shares


def _entries(value: Any, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MetadataError(f"{name} must be an object, not {shortened(repr(value))}")
    missing = [key for key in keys if key not in value]
    if missing:
        raise MetadataError(f"{name} lacks {', '.join(missing)}")
    return value


def _input_spec(value: Any) -> InputSpec:
    entries = _entries(value, "input", ("width", "height", "channels", "mean", "scale"))
    sizes = [entries[key] for key in ("width", "height", "channels")]
    if not all(isinstance(size, int) and not isinstance(size, bool) for size in sizes):
        raise MetadataError(f"input sizes must be whole numbers, not {sizes}")
    width, height, channels = sizes
    if channels not in (1, 3):
        raise MetadataError(f"input.channels must be 1 or 3, not {channels}")
    if not (8 <= width <= 1024 and 8 <= height <= 1024):
        raise MetadataError(f"input size {width}x{height} is outside 8..1024")
    if entries.get("equalize") and channels != 1:
        raise MetadataError("input.equalize needs a grey input, not one of 3 channels")
    return InputSpec(
        width=width,
        height=height,
        channels=channels,
        mean=_numbers(entries["mean"], "input.mean", channels),
        scale=_numbers(entries["scale"], "input.scale", channels),
        equalize=bool(entries.get("equalize", False)),
    )


def _crop_template(value: Any) -> CropTemplate:
    entries = _entries(value, "crop", ("landmarks", "box_center", "box_size"))
    points = entries["landmarks"]
    if not isinstance(points, list) or len(points) != 5:
        raise MetadataError("crop.landmarks must be five points")
    xy = [_numbers(point, "crop.landmarks", 2) for point in points]
    center = _numbers(entries["box_center"], "crop.box_center", 2)
    size = _number(entries["box_size"], "crop.box_size")
    if not 0.1 <= size <= 3.0:
        raise MetadataError(f"crop.box_size {size} is outside 0.1..3")
    return CropTemplate(tuple((x, y) for x, y in xy), (center[0], center[1]), size)


def _check(metadata: ModelMetadata) -> None:
    if len(metadata.labels) < 2 or len(set(metadata.labels)) != len(metadata.labels):
        raise MetadataError(f"labels must be two or more different names, not {metadata.labels}")
    for name in ("model_id", "version"):
        value = getattr(metadata, name)
        if not isinstance(value, str) or not value or shortened(value) != value:
            raise MetadataError(f"{name} must be a short string, not {shortened(repr(value))}")
    if metadata.output not in ("logits", "probabilities"):
        raise MetadataError(
            f"output must be logits or probabilities, not {shortened(repr(metadata.output))}"
        )
    if metadata.class_shares and len(metadata.class_shares) != len(metadata.labels):
        raise MetadataError(f"class_shares must be {len(metadata.labels)} numbers, one a label")
    low, high = TEMPERATURES
    for name in ("temperature", "undecided_temperature"):
        value = getattr(metadata, name)
        if value is not None and not low <= value <= high:
            raise MetadataError(f"{name} must lie in {low}..{high}, not {value}")
    if not 0 <= metadata.uncertain_threshold <= 1:
        raise MetadataError(
            f"uncertain_threshold must lie in 0..1, not {metadata.uncertain_threshold}"
        )
