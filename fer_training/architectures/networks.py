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

"""A recipe's network, built and run the same way by training, evaluation and export."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_ros.perception.emotions import FERPLUS
from fer_training import architectures
from fer_training.architectures.fer import TwoHeads
from fer_training.data.tensors import to_network
from fer_training.recipes.recipe import Recipe, RecipeError

HEADS = ("labels", "votes")
"""What predicts: the head for the data set's labels, or the second one for the FER+ votes."""

_BATCH = 128


def build(recipe: Recipe, classes: int) -> nn.Module:
    """Return the recipe's network with fresh weights.

    Raises:
        RecipeError: The recipe wants a head for votes from an architecture that has none.
        ValueError: The architecture is unknown or does not take one of the options.
    """
    options = dict(recipe.options)
    if recipe.votes_weight:
        if not has_votes_head(recipe.architecture):
            raise RecipeError(
                f"votes_weight: {recipe.architecture} has no second head for votes; set "
                "votes_weight to 0 or choose an architecture that has one, e.g. fer-lite"
            )
        options["votes"] = len(FERPLUS)
    return architectures.create(recipe.architecture, classes, **options)


def has_votes_head(architecture: str) -> bool:
    """Return whether an architecture can learn FER+ votes in a second head."""
    return "votes" in inspect.signature(architectures.get(architecture).build).parameters


def one_head(network: nn.Module, head: str) -> nn.Module:
    """Return the network with one head only, as it is measured, counted and exported.

    Raises:
        RecipeError: The votes are asked of a network that has not learnt them.
    """
    if isinstance(network, TwoHeads):
        return network.single(head)
    if head != "labels":
        raise RecipeError(
            "this network has no head for FER+ votes; train one with votes_weight above 0"
        )
    return network


def last_linear(network: nn.Module) -> nn.Linear:
    """Return the layer that gives the logits of a network of one head.

    Raises:
        RecipeError: The network ends otherwise.
    """
    last = list(network.modules())[-1]
    if not isinstance(last, nn.Linear) or last.bias is None:
        raise RecipeError(
            "calibration: classes wants a network that ends in a linear layer with a bias, e.g. "
            "fer-lite; use temperature"
        )
    return last


@torch.no_grad()
def shift(network: nn.Module, offset: Sequence[float]) -> nn.Module:
    """Add an offset to each logit, inside the network's last layer.

    Raises:
        RecipeError: The network does not end in a linear layer.
    """
    last = last_linear(network)
    last.bias.copy_(last.bias.double() + torch.tensor(offset, dtype=torch.float64))
    return network


@torch.no_grad()
def predict(network: nn.Module, images: Tensor, recipe: Recipe) -> NDArray[np.float32]:
    """Return logits, shape (N, classes), in float32.

    Args:
        network: The network, on any device.
        images: uint8, shape (N, C, H, W), on any device.
        recipe: For input size, mean and scale.
    """
    entry = architectures.get(recipe.architecture)
    device = next(network.parameters()).device
    network.eval()
    parts = []
    for batch in torch.split(images, _BATCH):
        x = to_network(batch.to(device), entry.size, entry.channels, recipe.mean, recipe.scale)
        parts.append(network(x).float().cpu())
    return torch.cat(parts).numpy()
