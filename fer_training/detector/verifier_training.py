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

"""The verifier's network and its training on candidates of the detector."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_training.data.base import DatasetError
from fer_training.detector import verifier_examples
from fer_training.detector.verifier_changes import centred, changed
from fer_training.detector.verifier_examples import SCENE, Examples

CHECKPOINT = "verifier.pt"
_CONVOLUTIONS = ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1), (96, 2), (96, 1))
"""Channels and stride of each 3x3 convolution."""
_HIDDEN = 48
_BATCH = 256
_RATE, _DECAY, _WARM = 3e-3, 2e-2, 0.1
_SCENE_WEIGHT = 0.5
_CONTRAST_FLOOR = 8.0
"""Added to a crop's deviation, so that the noise of a plain one stays small [grey levels]."""


class VerifierNet(nn.Module):
    """From crops, (N, 1, 48, 48) of 0 to 255, and facts, (N, 2), to logits, (N,)."""

    def __init__(self) -> None:
        """Make it with random weights."""
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for channels, stride in _CONVOLUTIONS:
            layers += [
                nn.Conv2d(before, channels, 3, stride, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
            before = channels
        self.body = nn.Sequential(*layers)
        self.hidden = nn.Linear(2 * before + 2, _HIDDEN)
        self.last = nn.Linear(_HIDDEN, 1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, crops: Tensor, facts: Tensor) -> Tensor:
        """Return the logit of each crop being a face."""
        crops = crops - crops.mean((1, 2, 3), keepdim=True)
        deviation = crops.square().mean((1, 2, 3), keepdim=True).sqrt()
        seen = self.body(crops / (deviation + _CONTRAST_FLOOR))
        pooled = torch.cat([seen.mean((2, 3)), seen.amax((2, 3)), facts], 1)
        logits: Tensor = self.last(self.dropout(torch.relu(self.hidden(pooled))))
        return logits[:, 0]


@dataclass(frozen=True)
class Plan:
    """What a training does."""

    examples: Path
    """npz of :class:`Examples`."""
    out: Path
    """Run folder."""
    epochs: int = 12
    seed: int = 0


def train(plan: Plan) -> None:
    """Train, or go on from the folder's checkpoint, one an epoch.

    Raises:
        DatasetError: The examples are not there, or all of one kind.
    """
    torch.manual_seed(plan.seed)
    examples = Examples.load(plan.examples)
    rows, measured = verifier_examples.divided(examples)
    if len(set(examples.label[rows].tolist())) < 2:
        raise DatasetError(f"{plan.examples} needs candidates that are faces and others")
    network = VerifierNet()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    steps = plan.epochs * (len(rows) // min(_BATCH, len(rows)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, steps, pct_start=_WARM)
    plan.out.mkdir(parents=True, exist_ok=True)
    file, first = plan.out / CHECKPOINT, 0
    if file.is_file():
        state = torch.load(file, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = int(state["epoch"])
    start = time.monotonic()
    for epoch in range(first, plan.epochs):
        loss = _epoch(network, examples, rows, optimizer, schedule, (plan.seed, epoch))
        score = _measured(network, examples, measured)
        print(
            f"epoch {epoch + 1}/{plan.epochs} train {loss:.4f} test {score:.4f} "
            f"({time.monotonic() - start:.0f} s)",
            flush=True,
        )
        state = {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "epoch": epoch + 1,
            "plan": {"epochs": plan.epochs, "seed": plan.seed, "examples": len(examples.label)},
        }
        draft = file.with_suffix(".new")
        torch.save(state, draft)
        draft.replace(file)


def _epoch(
    network: VerifierNet,
    examples: Examples,
    rows: NDArray[np.int64],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    seed: tuple[int, int],
) -> float:
    """Train on every row once; return the mean loss."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(1 << 31)))
    weight = np.where(examples.source == SCENE, _SCENE_WEIGHT, 1.0).astype(np.float32)
    order = rng.permutation(rows)
    network.train()
    size = min(_BATCH, len(order))
    total, batches = 0.0, len(order) // size
    for k in range(batches):
        chosen = order[k * size : (k + 1) * size]
        crops, facts = changed(examples.crops[chosen], examples.facts[chosen], rng)
        loss = functional.binary_cross_entropy_with_logits(
            network(crops, facts),
            torch.from_numpy(examples.label[chosen].astype(np.float32)),
            torch.from_numpy(weight[chosen]),
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
    return total / batches


def _measured(network: VerifierNet, examples: Examples, rows: NDArray[np.int64]) -> float:
    """Return the mean loss on rows as they are."""
    network.eval()
    total = 0.0
    with torch.no_grad():
        for k in range(0, len(rows), _BATCH):
            chosen = rows[k : k + _BATCH]
            logits = network(
                centred(examples.crops[chosen]), torch.from_numpy(examples.facts[chosen])
            )
            label = torch.from_numpy(examples.label[chosen].astype(np.float32))
            total += float(
                functional.binary_cross_entropy_with_logits(logits, label, reduction="sum")
            )
    return total / max(len(rows), 1)
