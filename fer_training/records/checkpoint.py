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

"""Checkpoints that are replaced atomically and read without running code from them."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_ros.perception.calibration import calibrated
from fer_ros.records import RecordError, build, to_plain
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records.progress import Epoch, Progress


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read, or does not belong to the network."""


@dataclass(frozen=True)
class Fitted:
    """What was fitted after training, stored with the weights."""

    temperature: float = 1.0
    uncertain_threshold: float | None = None
    """None keeps the node's own."""
    undecided_temperature: float | None = None
    """None divides the logits of all faces by ``temperature``."""

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities, shape (N, classes), rows sum to 1."""
        return calibrated(logits, self.temperature, self.undecided_temperature)


@dataclass
class Checkpoint:
    """``best.pt``: the weights that are reported, and what belongs to them."""

    architecture: str
    labels: list[str]
    recipe: str
    """YAML of the resolved recipe."""
    weights: dict[str, Tensor]
    """Averaged where the recipe says so."""
    epoch: int = -1
    """Of the weights, counted from 0."""
    offset: list[float] | None = None
    """Added to the logits (``calibration: classes``)."""
    calibration: Fitted | None = None
    ferplus_calibration: Fitted | None = None
    model: dict[str, Tensor] = field(default_factory=dict)
    """The weights that go on training."""

    @property
    def config(self) -> Recipe:
        """The recipe.

        Raises:
            CheckpointError: It is no YAML.
            RecipeError: It is of another version of this package.
        """
        try:
            return recipe.from_dict(yaml.safe_load(self.recipe))
        except yaml.YAMLError as error:
            raise CheckpointError(f"the checkpoint's recipe is unreadable: {error}") from None


@dataclass
class TrainingState(Checkpoint):
    """``last.pt``: everything that ``--resume`` needs besides."""

    data: str = ""
    """Digest of the data set."""
    ema: dict[str, Tensor] | None = None
    optimizer: dict[str, Any] = field(default_factory=dict)
    """State of PyTorch's optimizer."""
    progress: Progress = field(default_factory=Progress)
    history: list[Epoch] = field(default_factory=list)
    rng: Tensor | None = None
    """State of the CPU's generator."""
    revision: str = "unknown"
    precisions: list[str] = field(default_factory=list)
    """In which the run multiplied, in their order."""


C = TypeVar("C", bound=Checkpoint)


def save(state: Checkpoint, path: Path) -> None:
    """Write tensors and plain values; the old file stays whole until the new one is.

    Raises:
        CheckpointError: The disk is full or not writable; the old file is untouched.
    """
    values = {entry.name: _plain(getattr(state, entry.name)) for entry in fields(state)}
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save(values, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise CheckpointError(
            f"cannot write {path}: {error}; free some space and resume the run"
        ) from error


def _plain(value: Any) -> Any:
    own = is_dataclass(value) or (isinstance(value, list) and value and is_dataclass(value[0]))
    return to_plain(value) if own else value


def load(path: Path) -> Checkpoint:
    """Read the weights of ``best.pt`` or ``last.pt``, or of the former in a run folder.

    Raises:
        CheckpointError: The file is missing, truncated, no checkpoint, or lacks a field.
    """
    path = path / "best.pt" if path.is_dir() else path
    values = _read(path)
    return _build(TrainingState if "rng" in values else Checkpoint, values, path)


def load_state(path: Path) -> TrainingState:
    """Read ``last.pt``.

    Raises:
        CheckpointError: As :func:`load`, or the file holds weights alone.
    """
    values = _read(path)
    if "rng" not in values:
        raise CheckpointError(f"{path} holds weights alone; resume from last.pt of a run folder")
    return _build(TrainingState, values, path)


def _read(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # PyTorch compares no checksums
        if damaged is not None:
            raise CheckpointError(f"{path} is damaged; take another copy or train again")
        values = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # a dozen kinds, from zip, pickle and PyTorch
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is no readable checkpoint: {first}") from None
    if not isinstance(values, dict) or "architecture" not in values:
        raise CheckpointError(f"{path} is no checkpoint of fer-train")
    return values


def _build(kind: type[C], values: Mapping[str, object], path: Path) -> C:
    try:
        return build(kind, values)
    except RecordError as error:
        raise CheckpointError(f"{path}: {error}") from None


def load_weights(network: nn.Module, state: Checkpoint, architecture: str) -> None:
    """Put a checkpoint's weights into a network.

    Raises:
        CheckpointError: It holds another architecture or other shapes.
    """
    _expect(state, architecture)
    try:
        network.load_state_dict(state.weights)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint does not fit {architecture!r}: {error}") from None


def load_start(network: nn.Module, state: Checkpoint, architecture: str) -> None:
    """Put the weights of another task into a network; layers of other shapes stay fresh.

    Raises:
        CheckpointError: It holds another architecture.
    """
    _expect(state, architecture)
    own = network.state_dict()
    fitting = {k: v for k, v in state.weights.items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)


def _expect(state: Checkpoint, architecture: str) -> None:
    if state.architecture != architecture:
        raise CheckpointError(f"the checkpoint holds {state.architecture!r}, not {architecture!r}")
