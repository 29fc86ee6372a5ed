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

"""Training objective: loss on labels, teachers and votes, and weight decay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fer_training.architectures.fer import HeadLogits
from fer_training.recipes.recipe import Recipe
from fer_training.train import losses
from fer_training.train.batches import Targets
from fer_training.train.distill import Teachers, distillation


class Objective:
    """The recipe's loss."""

    def __init__(self, recipe: Recipe, labels: tuple[str, ...], device: torch.device) -> None:
        """Load the teachers, where the recipe names some.

        Raises:
            ValueError: The loss is unknown.
            CheckpointError, RecipeError: A teacher cannot be used.
        """
        self._recipe = recipe
        self._loss = losses.get(recipe.loss)
        config = recipe.distill
        live = config.teachers and not config.stored
        self._teachers = Teachers(config, labels, device) if live else None

    def taught(self, images: Tensor) -> Tensor | None:
        """Return the teachers' softened prediction for augmented crops, shape (N, classes)."""
        return self._teachers.probabilities(images) if self._teachers else None

    def loss(self, logits: HeadLogits, targets: Targets, taught: Tensor | None) -> Tensor:
        """Return the mean loss of a batch.

        Args:
            logits: The network's, float32.
            targets: Of the batch.
            taught: From :meth:`taught`.
        """
        recipe = self._recipe
        loss = self._loss(logits.labels, targets.labels)
        if taught is not None:
            share, temperature = recipe.distill.share, recipe.distill.temperature
            loss = (1 - share) * loss + share * distillation(logits.labels, taught, temperature)
        if logits.votes is not None and targets.votes is not None:
            loss = loss + recipe.votes_weight * losses.cross_entropy(logits.votes, targets.votes)
        return loss

    def penalty(self, network: nn.Module) -> Tensor | float:
        """Return the L2 term on the kernels of the layers that the recipe names."""
        config = self._recipe.optimizer
        if not config.l2:
            return 0.0
        wanted = [
            parameter.square().sum()
            for name, parameter in network.named_parameters()
            if parameter.ndim > 1 and name.startswith(tuple(config.l2_layers) or "")
        ]
        return config.l2 * torch.stack(wanted).sum()
