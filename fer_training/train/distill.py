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

"""Teachers: finished runs whose predictions a smaller network learns (Hinton et al. 2015)."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_training import architectures
from fer_training.data.tensors import to_network
from fer_training.measure import metrics, predictors
from fer_training.measure.predictors import CheckpointPredictor, Predictor
from fer_training.recipes.recipe import Distill, RecipeError
from fer_training.train import warm_start


class Teachers:
    """The mean prediction of finished runs for the very crops that the student sees."""

    def __init__(self, config: Distill, labels: tuple[str, ...], device: torch.device) -> None:
        """Load the checkpoints.

        Where the teacher's recipe says ``calibration: classes``, its offsets count; they come from
        the training rows. What rows that select have fitted has no part in the predictions.

        Raises:
            CheckpointError, ModelError: One is missing or not readable.
            RecipeError: One knows other classes, or has them in another order.
        """
        self.temperature = config.temperature
        states = [warm_start.read(path) for path in config.teachers]
        self.members = [CheckpointPredictor.of(state) for state in states]
        for path, member in zip(config.teachers, self.members, strict=True):
            if member.labels != labels:
                raise RecipeError(
                    f"distill.teachers: {path} knows {', '.join(member.labels)}; the data set has "
                    f"{', '.join(labels)}"
                )
            member.network.to(device)
            # PyTorch's stubs lack this argument of Module.to.
            member.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return the mean softened prediction, shape (N, classes), rows sum to 1.

        Args:
            images: Shape (N, C, H, W), pixel values 0..255, as augmented for the student.
        """
        found = []
        for member in self.members:
            recipe = member.recipe
            entry = architectures.get(recipe.architecture)
            x = to_network(images, entry.size, entry.channels, recipe.mean, recipe.scale)
            x = x.contiguous(memory_format=torch.channels_last)
            found.append(torch.softmax(member.network(x).float() / self.temperature, dim=1))
        return torch.stack(found).mean(0)


def distillation(student: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Return the cross-entropy of the softened predictions, scaled by the squared temperature.

    Args:
        student: Logits, shape (N, classes).
        teachers: Softened probabilities, shape (N, classes).
        temperature: The one that softened them.
    """
    loss = nn.functional.cross_entropy(student / temperature, teachers)
    return loss * temperature**2


def stored(
    config: Distill, images: Tensor, names: tuple[str, ...], store: Path | None = None
) -> tuple[Tensor, Tensor]:
    """Return what the teachers predict for crops and their mirror images, in the mean.

    Args:
        config: Names the teachers: run folders, checkpoints, ONNX files or shipped networks.
        images: uint8, shape (N, 1, H, W).
        names: Classes of the data.
        store: File that holds the predictions of an earlier call with the same teachers and
            crops, or is to hold them.

    Returns:
        Probabilities and softened ones, each of shape (N, classes), rows sum to 1.

    Raises:
        RecipeError: No teacher is named, or one knows other classes.
        ModelError, CheckpointError: One cannot be used.
    """
    if not config.teachers:
        raise RecipeError("distill.stored wants distill.teachers")
    crops = images[:, 0].cpu().numpy()
    key = hashlib.sha256(f"{config.teachers}{names}".encode() + crops.tobytes()).hexdigest()
    kept = None if store is None else _read(store, key)
    if kept is None:
        kept = [
            _predicted(predictors.load(Path(place)), place, seen, names)
            for place in config.teachers
            for seen in (crops, np.ascontiguousarray(crops[:, :, ::-1]))
        ]
        if store is not None:
            store.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(store, key=key, predictions=np.stack(kept))
    plain = torch.from_numpy(np.stack(kept)).clamp(min=1e-8)
    softened = torch.softmax(plain.log() / config.temperature, dim=2)
    return plain.mean(0).to(images.device), softened.mean(0).to(images.device)


def _predicted(
    member: Predictor, place: str, crops: NDArray[np.uint8], names: tuple[str, ...]
) -> NDArray[np.float32]:
    if set(member.labels) != set(names):
        raise RecipeError(f"distill.teachers: {place} knows {', '.join(member.labels)}")
    return metrics.align_columns(member.probabilities(crops), member.labels, names)


def _read(store: Path, key: str) -> Sequence[NDArray[np.float32]] | None:
    """Return stored predictions, None where the file is missing or of other teachers or crops."""
    try:
        with np.load(store) as arrays:
            return list(arrays["predictions"]) if str(arrays["key"]) == key else None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
