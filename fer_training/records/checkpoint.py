"""Checkpoints that are replaced atomically and read without running code from them."""

from __future__ import annotations

import contextlib
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

UNFINISHED = (
    "{folder} has no metrics.json: the run is not finished. fer-train train --resume goes on; "
    "fer-train finish {folder} ends it here with its best weights"
)
"""What to say of a run folder without figures."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read, or does not belong to the network."""


def save(state: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values; the old file stays whole until the new one is.

    Raises:
        CheckpointError: The disk is full or not writable; the old file is untouched.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise CheckpointError(
            f"cannot write {path}: {error}; free some space and resume the run"
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint with ``weights_only=True``.

    Raises:
        CheckpointError: The file is missing, truncated or no checkpoint.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is no readable checkpoint: {first}") from None
    if not isinstance(state, dict) or "architecture" not in state or "model" not in state:
        raise CheckpointError(f"{path} is no checkpoint of fer-train")
    return state


def amend(path: Path, **entries: Any) -> None:
    """Add entries to a checkpoint, or replace those of the same name.

    Raises:
        CheckpointError: The file cannot be read or written; it stays as it was.
    """
    save({**load(path), **entries}, path)


def load_weights(network: nn.Module, state: dict[str, Any], architecture: str) -> None:
    """Put a checkpoint's weights into a network.

    Raises:
        CheckpointError: It holds another architecture or other shapes.
    """
    if state["architecture"] != architecture:
        raise CheckpointError(
            f"the checkpoint holds {state['architecture']!r}, not {architecture!r}"
        )
    try:
        network.load_state_dict(state["weights"])
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint does not fit {architecture!r}: {error}") from None


def load_start(network: nn.Module, state: dict[str, Any], architecture: str) -> None:
    """Put the weights of another task into a network; layers of other shapes stay fresh.

    Raises:
        CheckpointError: It holds another architecture.
    """
    if state["architecture"] != architecture:
        raise CheckpointError(
            f"the checkpoint holds {state['architecture']!r}, not {architecture!r}"
        )
    own = network.state_dict()
    fitting = {k: v for k, v in state["weights"].items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
