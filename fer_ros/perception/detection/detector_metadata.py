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

"""Metadata of a face detector of `fer-train` inside its ONNX file.

The keys start with ``fer.`` and hold JSON, as those of the emotion networks; ``fer.kind`` tells
the two apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fer_ros.perception.model_metadata import DETECTOR_KIND, KIND_KEY, MetadataError

SCHEMA = 1
"""Version of the layout; a file with another one is refused."""

_PREFIX = "fer."


@dataclass(frozen=True)
class DetectorMetadata:
    """Identity, form and origin of one face detector."""

    model_id: str
    version: str
    strides: tuple[int, ...]
    """Network pixels between two cells, one entry an output."""
    channels: int = 1
    """Of the input; 1: grey."""
    multiple: int = 32
    """The sides of the input are multiples of this [pixels]."""
    smallest_face: float = 12.0
    """Mean side of the smallest face that is found reliably [network pixels]."""
    threshold: float = 0.7
    """Score at which false faces are as rare as `metrics` says."""
    dataset: Mapping[str, Any] = field(default_factory=dict)
    """Sources of the training data with their terms."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The training's settings."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, with its protocol."""

    def to_props(self) -> dict[str, str]:
        """Return the string pairs that go into ``metadata_props``."""
        props = {KIND_KEY: DETECTOR_KIND, _PREFIX + "schema": json.dumps(SCHEMA)}
        for name, value in asdict(self).items():
            props[_PREFIX + name] = json.dumps(value, sort_keys=True)
        return props

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> DetectorMetadata:
        """Read and check the ``metadata_props`` of an ONNX file.

        Raises:
            MetadataError: It is no such detector, or of a form that this version cannot serve.
        """
        if props.get(KIND_KEY) != DETECTOR_KIND:
            found = "an emotion network" if _PREFIX + "labels" in props else "of another origin"
            raise MetadataError(f"it is {found}: its metadata has no {KIND_KEY}={DETECTOR_KIND}")
        values = {}
        for name in ("schema", *(f.name for f in fields(cls))):
            entry = props.get(_PREFIX + name)
            if entry is None:
                raise MetadataError(f"its metadata lacks {_PREFIX + name!r}")
            try:
                values[name] = json.loads(entry)
            except json.JSONDecodeError as error:
                raise MetadataError(f"{_PREFIX + name!r} is no JSON: {error}") from None
        if values.pop("schema") != SCHEMA:
            raise MetadataError(
                f"its metadata schema is {props[_PREFIX + 'schema']}; this version serves {SCHEMA}"
            )
        strides = values["strides"]
        if not isinstance(strides, list) or not all(_is_power(s) for s in strides) or not strides:
            raise MetadataError(f"its strides must be powers of two, not {strides!r}")
        values["strides"] = tuple(strides)
        if values["channels"] != 1 or values["multiple"] != 32:
            raise MetadataError(
                f"its input has {values['channels']} channels and sides in multiples of "
                f"{values['multiple']}; this version serves 1 and 32"
            )
        return cls(**values)


def _is_power(number: object) -> bool:
    return isinstance(number, int) and 4 <= number <= 128 and number & (number - 1) == 0
