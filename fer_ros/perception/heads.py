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

"""Heads of a network: the meaning of each output and its conversion to usable values.

A network file names its heads and their kinds in its metadata. The one that all shipped files have
gives class probabilities; a head of a further kind is a class here, in :data:`KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.calibration import as_logits, calibrated
from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_metadata import CLASSES, HeadSpec, ModelMetadata

_SLACK = 0.01
"""How far outputs that are promised to be probabilities may miss."""


class Head(Protocol):
    """One output of a network."""

    @property
    def spec(self) -> HeadSpec:
        """Its entry in the metadata."""
        ...

    def fits(self, shape: Sequence[int]) -> bool:
        """Return whether the output of one face may have this shape."""
        ...

    def values(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return usable values, shape (N, ...), from the raw output of N faces.

        Raises:
            ModelError: The output is not valid for such a head.
        """
        ...


@dataclass(frozen=True)
class ClassHead:
    """Calibrated probabilities of classes, from logits or probabilities."""

    spec: HeadSpec
    labels: tuple[str, ...]
    output: str
    """``logits`` or ``probabilities``."""
    temperature: float
    undecided_temperature: float | None = None

    @classmethod
    def of(cls, spec: HeadSpec, metadata: ModelMetadata) -> ClassHead:
        """Return the head as the metadata describes it."""
        return cls(
            spec,
            metadata.labels,
            metadata.output,
            metadata.temperature,
            metadata.undecided_temperature,
        )

    def fits(self, shape: Sequence[int]) -> bool:
        """See :meth:`Head.fits`."""
        return tuple(shape) == (len(self.labels),)

    def values(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply temperatures and softmax to raw outputs, shape (N, labels); rows sum to 1.

        Raises:
            ModelError: The output is not finite, or is not the probabilities that the metadata
                declares; or the temperature gives none.
        """
        if not np.isfinite(output).all():
            raise ModelError("put out values that are not finite")
        if self.output == "probabilities":
            if output.min(initial=0.0) < -_SLACK or np.abs(output.sum(axis=-1) - 1).max() > _SLACK:
                raise ModelError("put out values that are no probabilities")
            output = as_logits(output)
        with np.errstate(over="ignore", invalid="ignore"):  # the result is checked
            found = calibrated(output, self.temperature, self.undecided_temperature)
        if not np.isfinite(found).all():
            raise ModelError(
                f"put out values up to {np.abs(output).max():g}, which give no probabilities at "
                f"temperature {self.temperature:g}"
            )
        return found


KINDS: Mapping[str, Callable[[HeadSpec, ModelMetadata], Head]] = {CLASSES: ClassHead.of}
"""How a head of each kind is made."""


def heads_of(metadata: ModelMetadata) -> tuple[Head, ...]:
    """Return a network's heads; the first is the one that gives class probabilities.

    Raises:
        ModelError: A head is of a kind that this version does not serve.
    """
    unknown = sorted({spec.kind for spec in metadata.heads} - KINDS.keys())
    if unknown:
        raise ModelError(
            f"has a head of kind {', '.join(unknown)}; this version serves {', '.join(KINDS)}"
        )
    made = [KINDS[spec.kind](spec, metadata) for spec in metadata.heads]
    return tuple(sorted(made, key=lambda head: head.spec.kind != CLASSES))
