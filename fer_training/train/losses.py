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

"""The losses that the papers compare; all of them take soft targets."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy; logits and targets of shape (N, classes)."""
    return F.cross_entropy(logits, targets)


def mse(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of the softmax."""
    return F.mse_loss(torch.softmax(logits, dim=1), targets)


def bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of one sigmoid per class."""
    return F.binary_cross_entropy_with_logits(logits, targets)


def hinge(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean hinge loss of one margin per class; a target of t asks for the sign of 2t - 1."""
    return F.relu(1 - (2 * targets - 1) * logits).mean()


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "mse": mse,
    "bce": bce,
    "hinge": hinge,
}


def get(name: str) -> Loss:
    """Return a loss by name.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}; known: {', '.join(LOSSES)}")
    return LOSSES[name]


def soft_targets(labels: Tensor, classes: int, votes: Tensor | None, vote_share: float) -> Tensor:
    """Return the target distribution of every row, shape (N, classes), rows sum to 1.

    Args:
        labels: Class of each row, shape (N,).
        classes: Number of classes.
        votes: Vote share of each class, shape (N, classes), rows that sum to 0 have none.
        vote_share: Share of the votes in the target, 0..1.
    """
    targets = F.one_hot(labels, classes).float()
    if votes is not None and vote_share > 0:
        share = vote_share * (votes.sum(1, keepdim=True) > 0)
        targets = (1 - share) * targets + share * votes
    return targets


def smooth(targets: Tensor, amount: float) -> Tensor:
    """Move a share of every target to the uniform distribution (label smoothing)."""
    return targets * (1 - amount) + amount / targets.shape[1] if amount else targets
