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

"""Optimisation: optimizer, learning rate schedule, weight averaging."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fer_training.recipes.recipe import Recipe
from fer_training.records.progress import Progress


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer; weight decay acts on matrices and kernels, not on norms or biases.

    Fused, because passes over the weights are a quarter of a step of networks with large dense
    layers and batches of eight.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    config = recipe.optimizer
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.name == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=True, fused=True
        )
    if config.name == "adam":
        return torch.optim.Adam(groups, lr=config.lr, fused=True)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    raise ValueError(f"unknown optimizer {config.name!r}: sgd, adam or adamw")


def learning_rate(recipe: Recipe, progress: Progress, step: int, steps: int) -> float:
    """Return the rate at a step of an epoch of ``steps`` steps."""
    schedule, base = recipe.schedule, recipe.optimizer.lr
    done = progress.epoch + step / steps
    if done < schedule.warmup_epochs:
        return base * (done + 1 / steps) / schedule.warmup_epochs
    if schedule.name == "cosine":
        share = (done - schedule.warmup_epochs) / (recipe.epochs - schedule.warmup_epochs)
        return base * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    return base * progress.lr_factor


def averaging(decay: float) -> Callable[[Any, Any, Any], None]:
    """Return an exponential average whose memory grows from ten steps to the full decay.

    The first weights, and the first running variances, would otherwise linger for epochs.
    """

    @torch.no_grad()
    def update(averaged: Any, current: Any, steps: Any) -> None:
        share = 1 - min(decay, (1 + int(steps)) / (10 + int(steps)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, share)
        else:
            torch._foreach_copy_(averaged, current)

    return update
