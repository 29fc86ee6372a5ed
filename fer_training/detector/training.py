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

"""The training loop: batches from a worker process, averaged weights, resume at any step."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from fer_training.data.base import DatasetError
from fer_training.detector import hard
from fer_training.detector.compose import Composer, Field, Mixture
from fer_training.detector.crops import Crops
from fer_training.detector.disturb import disturb
from fer_training.detector.network import FaceNet, Widths
from fer_training.detector.photos import Photos
from fer_training.detector.single_faces import disturb_faces
from fer_training.detector.targets import Batch, losses
from fer_training.detector.validation import measure
from fer_training.detector.warm_start import from_file

CHECKPOINT = "checkpoint.pt"
"""Of a run folder: weights, averaged weights and state of the optimiser."""

_STATISTICS, _STATISTICS_BATCHES = 900_000, 24
"""First step, beyond those of any training, and number of the batches from which statistics of
batch normalisation are taken where a training begins with a file's weights."""


@dataclass(frozen=True)
class Plan:
    """How the network is trained.

    Raises:
        ValueError: A number of steps or a rate is not positive.
    """

    cache: Path
    """Folder with the decoded photos and the measured crops."""
    out: Path
    """Folder of the run: checkpoint, log."""
    validation: Path | None = None
    """npz with boxes drawn by people, looked at now and then."""
    steps: int = 12000
    cool_from: int = 9000
    """Step from which the learning rate falls, to nothing at `steps`."""
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.998
    """Weight of the past in the averaged weights."""
    seed: int = 0
    sides: tuple[tuple[int, int, float], ...] = ((256, 32, 0.45), (320, 20, 0.3), (448, 11, 0.25))
    """Side of the fields [pixels], fields in a batch, share of the batches."""
    start: Path | None = None
    """Exported file whose weights the training begins with."""
    mixture: Mixture = field(default_factory=Mixture)
    """What the fields show."""
    mine_at: tuple[int, ...] = ()
    """Steps before which what is hard is looked for anew in all photos."""
    workers: int = 1
    """Processes that compose fields beside the training; 0: it composes them itself."""
    every: int = 2000
    """Steps between two validations."""
    save_seconds: float = 300.0

    def __post_init__(self) -> None:
        for name in ("steps", "rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


class _Batches(IterableDataset[Batch]):
    """Batches of some steps; each depends on the seed, its step and what was mined alone."""

    def __init__(self, plan: Plan, first: int, end: int) -> None:
        self._plan, self._steps = plan, range(first, end)

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        composer = composer_of(self._plan)
        for step in self._steps:
            yield batch_of(self._plan, composer, step)


def composer_of(plan: Plan) -> Composer:
    """Return the composer of a plan's data and of the examples mined for its run.

    Raises:
        DatasetError: The folder holds no photos.
        OSError: It holds no crops.
    """
    mined = plan.out / hard.FILE
    found = hard.Hard.load(mined) if mined.is_file() else None
    photos = Photos(plan.cache)  # the first to say that a folder is none of data
    return Composer(photos, Crops.load(plan.cache / "crops.npz"), plan.mixture, found)


def batch_of(plan: Plan, composer: Composer, step: int) -> Batch:
    """Return the batch of one step."""
    rng = np.random.default_rng((plan.seed, step))
    shares = [share for _, _, share in plan.sides]
    side, count, _ = plan.sides[int(rng.choice(len(shares), p=np.array(shares) / sum(shares)))]
    fields: list[Field] = []
    images = np.empty((count, 1, side, side), np.uint8)
    for i in range(count):
        fields.append(composer.field(side, rng))
        disturb_faces(fields[-1], plan.mixture, rng)
        images[i, 0] = disturb(fields[-1], rng)
    most = max(1, *(len(made.boxes) for made in fields))
    boxes = torch.ones(count, most, 4)
    points = torch.full((count, most, 5, 2), math.nan)
    weight = torch.zeros(count, most)
    for i, made in enumerate(fields):
        for j in range(len(made.boxes)):
            boxes[i, j] = torch.tensor(made.boxes[j])
            points[i, j] = torch.from_numpy(made.points[j])
            weight[i, j] = made.weight[j]
    return Batch(torch.from_numpy(images), boxes, points, weight)


def rate_at(plan: Plan, step: int) -> float:
    """Return the learning rate: warm-up, level, then a fall to nothing."""
    warm = min(1.0, (step + 1) / 300)
    span = max(plan.steps - plan.cool_from, 1)
    left = min(1.0, max(0.0, (plan.steps - step) / span))
    return plan.rate * warm * (1 - math.sqrt(1 - left) if left < 1 else 1.0)


def train(plan: Plan) -> FaceNet:
    """Train from the folder's checkpoint, or from the beginning, to the plan's last step.

    Returns:
        The network with averaged weights.

    Raises:
        DatasetError: Photos to train or to validate with are not there.
        OSError: Crops are not there.
    """
    composer_of(plan)  # says what is missing before the worker process would
    for what, named in (("validation photos", plan.validation), ("file to start from", plan.start)):
        if named is not None and not named.is_file():
            raise DatasetError(f"no {what} {named}")
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "plan.json").write_text(json.dumps(_facts(plan)) + "\n", encoding="utf-8")
    torch.manual_seed(plan.seed)
    file = plan.out / CHECKPOINT
    state = torch.load(file, weights_only=True) if file.exists() else None
    network = _beginning(plan) if state is None else FaceNet(Widths())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(network)
    optimizer = make_optimizer(network, plan.decay, plan.rate)
    first = 0
    if state is not None:
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
        if first >= plan.steps:
            print(f"{plan.out} has had its {first} steps; more of them (--steps) go on")
    while first < plan.steps:
        if first in plan.mine_at:
            hard.find(averaged, Photos(plan.cache)).save(plan.out / hard.FILE)
        end = min((step for step in plan.mine_at if first < step < plan.steps), default=plan.steps)
        _stretch(plan, network, averaged, optimizer, first, end)
        first = end
    return averaged


def _facts(plan: Plan) -> dict[str, object]:
    """Return what a run folder keeps of a plan: no places of this machine but a file's name."""
    facts = {key: value for key, value in asdict(plan).items() if not isinstance(value, Path)}
    return facts | {"start": plan.start.name if plan.start else None}


def _beginning(plan: Plan) -> FaceNet:
    """Return the network as the training begins: drawn, or with the weights of a file."""
    if plan.start is None:
        return FaceNet(Widths())
    composer = composer_of(plan)
    steps = range(_STATISTICS, _STATISTICS + _STATISTICS_BATCHES)
    return from_file(plan.start, (batch_of(plan, composer, step).images for step in steps))


def _stretch(
    plan: Plan,
    network: FaceNet,
    averaged: FaceNet,
    optimizer: torch.optim.Optimizer,
    first: int,
    end: int,
) -> None:
    """Train from a step to another; save, log and validate on the way."""
    batches = DataLoader(
        _Batches(plan, first, end),
        batch_size=None,
        num_workers=plan.workers,
        prefetch_factor=6 if plan.workers else None,
    )
    means = np.zeros(4)
    since, saved, began = first, time.monotonic(), time.monotonic()
    for step, batch in enumerate(batches, first):
        means += _step(network, optimizer, batch, rate_at(plan, step))
        _average(averaged, network, min(plan.average, (step + 1) / (step + 20)))
        done = step + 1
        if done % 100 == 0:
            figures = (means / (done - since)).round(4).tolist()
            pace = (time.monotonic() - began) / (done - first)
            _log(plan, step=done, losses=figures, rate=rate_at(plan, step), seconds_a_step=pace)
            means[:], since = 0, done
        if time.monotonic() - saved > plan.save_seconds or done == end:
            _save(plan.out / CHECKPOINT, network, averaged, optimizer, done)
            saved = time.monotonic()
        if plan.validation and (done % plan.every == 0 or done == plan.steps):
            for longest in (640, 320):
                found = measure(averaged, plan.validation, longest)
                recalls = {str(rate): found.recall_at(rate)[0] for rate in (0.1, 0.01)}
                _log(plan, step=done, longest=longest, recall_at_false_faces=recalls)


def _step(
    network: FaceNet, optimizer: torch.optim.Optimizer, batch: Batch, rate: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    network.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    images = batch.images.float().contiguous(memory_format=torch.channels_last)
    parts = losses(network(images), batch)
    optimizer.zero_grad(set_to_none=True)
    parts.total.backward()  # type: ignore[no-untyped-call] # PyTorch's own
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    figures = (parts.total.detach(), parts.score, parts.box, parts.points)
    return np.array([float(figure) for figure in figures])


def make_optimizer(network: nn.Module, decay: float, rate: float) -> torch.optim.Optimizer:
    """Return the optimizer of a training, at its first rate; fused, one pass over the weights."""
    return torch.optim.AdamW(_groups(network, decay), lr=rate, betas=(0.9, 0.99), fused=True)


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, past: float) -> None:
    new = network.state_dict()
    for name, kept in averaged.state_dict().items():
        _blend(kept, new[name], past)


def _blend(kept: Tensor, new: Tensor, past: float) -> None:
    if kept.is_floating_point():
        kept.lerp_(new, 1 - past)
    else:
        kept.copy_(new)


def _save(
    file: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, step: int
) -> None:
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    partial = file.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(file)


def _log(plan: Plan, **figures: Any) -> None:
    line = json.dumps(figures)
    print(line, flush=True)
    with (plan.out / "log.jsonl").open("a") as log:
        log.write(line + "\n")
