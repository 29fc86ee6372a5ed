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

"""Teachers: finished runs whose answers a smaller network learns (Hinton et al. 2015)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from fer_training import architectures
from fer_training.data.tensors import to_network
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes.recipe import Distill, RecipeError


class Teachers:
    """The mean answer of finished runs to the very crops that the student sees."""

    def __init__(self, config: Distill, labels: tuple[str, ...], device: torch.device) -> None:
        """Load the checkpoints.

        Where the teacher's recipe says ``calibration: classes``, its offsets count; they come from
        the training rows. What rows that select have fitted has no part in the answers.

        Raises:
            CheckpointError: One is missing or not readable.
            RecipeError: One knows other classes, or has them in another order.
        """
        self.temperature = config.temperature
        self.members = [CheckpointPredictor.load(Path(path)) for path in config.teachers]
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
        """Return the mean softened answer, shape (N, classes), rows sum to 1.

        Args:
            images: Shape (N, C, H, W), pixel values 0..255, as augmented for the student.
        """
        answers = []
        for member in self.members:
            recipe = member.recipe
            entry = architectures.get(recipe.architecture)
            x = to_network(images, entry.size, entry.channels, recipe.mean, recipe.scale)
            x = x.contiguous(memory_format=torch.channels_last)
            answers.append(torch.softmax(member.network(x).float() / self.temperature, dim=1))
        return torch.stack(answers).mean(0)


def distillation(student: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Return the cross-entropy of the softened answers, scaled by the squared temperature.

    Args:
        student: Logits, shape (N, classes).
        teachers: Softened probabilities, shape (N, classes).
        temperature: The one that softened them.
    """
    loss = nn.functional.cross_entropy(student / temperature, teachers)
    return loss * temperature**2
