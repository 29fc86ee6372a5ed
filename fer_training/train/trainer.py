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

"""The one training loop: every recipe, every data set, resumable to the bit on the CPU."""

from __future__ import annotations

import csv
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fer_training import architectures
from fer_training.architectures import networks
from fer_training.architectures.fer import HeadLogits
from fer_training.architectures.networks import predict
from fer_training.data import load_dataset, splits
from fer_training.data.base import FaceDataset
from fer_training.data.tensors import to_network
from fer_training.measure.calibration import KINDS
from fer_training.recipes import limits
from fer_training.recipes.comparison import difference
from fer_training.recipes.recipe import Recipe, RecipeError, to_yaml
from fer_training.records import checkpoint, provenance
from fer_training.records.checkpoint import Checkpoint, CheckpointError, TrainingState
from fer_training.records.progress import Epoch, Progress
from fer_training.train import precision, warm_start
from fer_training.train.augment import augment, mixup
from fer_training.train.batches import Batch, MeasuredRows, TrainingSet
from fer_training.train.objective import Objective
from fer_training.train.optimization import averaging, learning_rate, make_optimizer
from fer_training.train.steps import steps

STATISTICS = 2_000
"""Training crops for the statistics of an exported start."""


class Trainer:
    """One run in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, data: FaceDataset | None = None) -> None:
        """Build everything that the run needs; nothing is written yet.

        Args:
            recipe: What to do.
            folder: Run folder.
            data: The recipe's data set, where it is at hand already.

        Raises:
            DatasetError: The data are missing, or the split has no such fold.
            RecipeError: The recipe contradicts itself, the data or the network.
            CheckpointError: The start or a teacher cannot be used.
        """
        limits.check(recipe)
        self.recipe = recipe
        self.folder = folder
        self.device, self.rank, self.world = _device()
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.data = data or load_dataset(recipe.data.dataset, recipe.data.path, recipe.data)
        self.split = splits.choose(self.data, recipe.data.split, recipe.data.fold)
        kept = folder / "teachers.npz"
        self.rows = TrainingSet.of(self.data, self.split, recipe, self.device, kept)
        self.test = MeasuredRows.of(self.data, self.split.test, self.device)
        self.validation = (
            None
            if self.split.validation is None
            else MeasuredRows.of(self.data, self.split.validation, self.device)
        )
        self.objective = Objective(recipe, self.data.label_names, self.device)
        classes = len(self.data.label_names)
        self.network = _network(recipe, classes, self.rows.images).to(self.device)
        _check_calibration(recipe, self.network)
        self.optimizer = make_optimizer(self.network, recipe)
        self.ema = (
            AveragedModel(self.network, multi_avg_fn=averaging(recipe.ema), use_buffers=True)
            if recipe.ema
            else None
        )
        self.stepper: nn.Module = self.network
        if self.world > 1:
            self.stepper = nn.parallel.DistributedDataParallel(self.network)
        self.precision = precision.choose(recipe.amp, self.device)
        self.precisions = [self.precision]
        self.revision = provenance.revision()
        self.progress = Progress()
        self.history: list[Epoch] = []

    @property
    def evaluated(self) -> nn.Module:
        """The network whose results count: the averaged one where there is one."""
        return self.ema.module if self.ema is not None else self.network

    @precision.subnormal_is_zero()
    def fit(self, resume: bool = False, epochs: int | None = None) -> None:
        """Train to the recipe's end, or up to ``epochs`` epochs in all.

        Raises:
            CheckpointError: The folder holds another run's checkpoint, or cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        last = self.folder / "last.pt"
        if resume and last.is_file():
            self._restore(checkpoint.load_state(last), last)
        if self.rank == 0:  # after a refused resumption the folder still tells its own recipe
            (self.folder / "recipe.yaml").write_text(to_yaml(self.recipe), encoding="utf-8")
        end = self.recipe.epochs if epochs is None else min(epochs, self.recipe.epochs)
        while self.progress.epoch < end and not self.progress.stopped:
            start = time.perf_counter()
            train_loss = self._train_epoch()
            entry = self._measure_epoch(train_loss, start)
            best = self._decide(entry)
            if self.rank == 0:
                self._save(best)
                self._write_summary()
                self._tell(entry)

    def _train_epoch(self) -> float:
        """Take every step of an epoch and return the mean loss."""
        recipe, epoch = self.recipe, self.progress.epoch
        # A fresh seed per epoch and process: a resumed run draws what an unbroken one would.
        torch.manual_seed(recipe.seed * 1_000_003 + epoch)
        order = self.rows.order(recipe.data.oversample, recipe.epoch_rows)
        # Every process must take the same number of steps.
        order = order[self.rank : len(order) // self.world * self.world : self.world]
        torch.manual_seed((recipe.seed * 1_000_003 + epoch) * 1_009 + self.rank)
        parts = torch.split(order, recipe.batch_size // self.world)
        batches = [rows for rows in parts if len(rows) > 1]
        if not batches:
            raise RecipeError("an epoch trains on less than two rows; take more of them")
        size = self._size(epoch)
        self.stepper.train()
        total = torch.zeros((), device=self.device)
        title = f"{recipe.name} epoch {epoch + 1}/{recipe.epochs}"
        for step, rows in enumerate(batches if self.rank else steps(batches, title)):
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(recipe, self.progress, step, len(batches))
            total += self._step(self.rows.batch(rows.to(self.device)), size)
        return float(total) / len(batches)

    def _size(self, epoch: int) -> int:
        """Return the side of the input in an epoch [pixels]."""
        sizes = self.recipe.sizes or [architectures.get(self.recipe.architecture).size]
        return sizes[epoch * len(sizes) // self.recipe.epochs]

    def _step(self, batch: Batch, size: int) -> Tensor:
        """Take one optimiser step and return the loss before it."""
        recipe = self.recipe
        batch = Batch(augment(batch.images, recipe.augment), batch.targets)
        if recipe.augment.mixup and torch.rand(()) < recipe.augment.mixup:
            batch = mixup(batch, recipe.augment.mixup_alpha)
        half = self.precision == precision.BFLOAT16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self._logits(batch.images, size)
            taught = batch.targets.taught
            if taught is None:
                taught = self.objective.taught(batch.images)
        loss = self.objective.loss(logits.float(), batch.targets, taught)
        loss = loss + self.objective.penalty(self.network)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # PyTorch's own
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update_parameters(self.network)
        return loss.detach()

    def _logits(self, images: Tensor, size: int) -> HeadLogits:
        channels = architectures.get(self.recipe.architecture).channels
        x = to_network(images, size, channels, self.recipe.mean, self.recipe.scale)
        logits = self.stepper(x.contiguous(memory_format=torch.channels_last))
        return logits if isinstance(logits, HeadLogits) else HeadLogits(logits)

    def _measure_epoch(self, train_loss: float, start: float) -> Epoch:
        """Return the epoch's figures, the same in every process: decisions depend on them."""
        test_loss, test_accuracy = self._measure(self.test)
        loss, accuracy = self._measure(self.validation) if self.validation else (None, None)
        entry = Epoch(
            epoch=self.progress.epoch,
            lr=self.optimizer.param_groups[0]["lr"],
            train_loss=train_loss,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            seconds=time.perf_counter() - start,
            validation_loss=loss,
            validation_accuracy=accuracy,
        )
        if self.world > 1:
            shared = [entry]
            torch.distributed.broadcast_object_list(shared, src=0)
            entry = shared[0]
        return entry

    def _measure(self, rows: MeasuredRows) -> tuple[float, float]:
        """Return mean cross-entropy and accuracy, 0..1, of the evaluated network."""
        logits = torch.from_numpy(predict(self.evaluated, rows.images, self.recipe))
        loss = nn.functional.cross_entropy(logits, rows.labels)
        return float(loss), float((logits.argmax(1) == rows.labels).float().mean())

    def _decide(self, entry: Epoch) -> bool:
        """Take in an epoch's figures; return whether its weights are now the reported ones."""
        self.history.append(entry)
        loss, score = entry.train_loss, entry.test_accuracy
        if self.split.selects:
            loss = entry.test_loss
        elif entry.validation_loss is not None and entry.validation_accuracy is not None:
            loss, score = entry.validation_loss, entry.validation_accuracy
        self.progress.observe(loss, self.recipe.schedule)
        if not math.isfinite(entry.train_loss):
            self.progress.stopped = True  # such weights never recover
        kept = self.split.choosing is None or self.recipe.keep == "last"
        return self.progress.advance(score, kept)

    def _save(self, best: bool) -> None:
        """Write the checkpoints, so that a kill from here on loses nothing of the epoch."""
        if best:  # first, for a resumed run repeats what last.pt lacks, but never looks back
            kept = Checkpoint(
                architecture=self.recipe.architecture,
                labels=list(self.data.label_names),
                recipe=to_yaml(self.recipe),
                weights=self.evaluated.state_dict(),
                epoch=self.progress.best_epoch,
            )
            checkpoint.save(kept, self.folder / "best.pt")
        checkpoint.save(self._state(), self.folder / "last.pt")

    def _write_summary(self) -> None:
        lines = [asdict(entry) for entry in self.history]
        partial = self.folder / ".summary.csv.partial"  # somebody may read the other one now
        with partial.open("w", newline="", encoding="utf-8") as file:
            names = [name for name, value in lines[0].items() if value is not None]
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(lines)
        partial.replace(self.folder / "summary.csv")

    def _tell(self, entry: Epoch) -> None:
        print(
            f"{time.strftime('%H:%M:%S')} {self.recipe.name} epoch {entry.epoch + 1}"
            f"/{self.recipe.epochs} train {entry.train_loss:.4f} test {entry.test_loss:.4f}"
            f" accuracy {entry.test_accuracy:.4f} ({entry.seconds:.0f} s)",
            flush=True,
        )

    def _state(self) -> TrainingState:
        return TrainingState(
            architecture=self.recipe.architecture,
            labels=list(self.data.label_names),
            recipe=to_yaml(self.recipe),
            weights=self.evaluated.state_dict(),
            epoch=self.progress.epoch - 1,
            model=self.network.state_dict(),
            data=self.data.digest,
            ema=None if self.ema is None else self.ema.state_dict(),
            optimizer=self.optimizer.state_dict(),
            progress=self.progress,
            history=self.history,
            rng=torch.get_rng_state(),
            revision=self.revision,
            precisions=self.precisions,
        )

    def _restore(self, state: TrainingState, path: Path) -> None:
        checkpoint.load_weights(self.network, state, self.recipe.architecture)
        if state.data != self.data.digest:
            raise CheckpointError(
                f"{path} was trained on other data ({state.data[:12]}, not "
                f"{self.data.digest[:12]}); use another folder"
            )
        saved = state.config
        if self.recipe.epochs > saved.epochs:
            self._say_longer(saved.epochs)
            saved.epochs = self.recipe.epochs
        other = difference(saved, self.recipe)
        if other:
            raise CheckpointError(f"{path} was trained with {other}; use another folder")
        self.network.load_state_dict(state.model)
        if self.ema is not None and state.ema is not None:
            self.ema.load_state_dict(state.ema)
        self.optimizer.load_state_dict(state.optimizer)
        self.progress = state.progress
        self.history = state.history
        self.revision = state.revision
        before = state.precisions or self.precisions
        self.precision = precision.choose(self.recipe.amp, self.device, begun=before[-1])
        self.precisions = [*before, *([self.precision] if self.precision != before[-1] else [])]
        if state.rng is not None:
            torch.set_rng_state(state.rng)

    def _say_longer(self, before: int) -> None:
        schedule = (
            ""
            if self.recipe.schedule.name != "cosine"
            else (
                "; its cosine is drawn out to the new end, so the rate goes up again here, and the "
                "result is not that of a run of this length"
            )
        )
        print(f"{self.recipe.name} was to end after {before} epochs{schedule}", flush=True)


def _network(recipe: Recipe, classes: int, crops: Tensor) -> nn.Module:
    """Return the network with its start and frozen layers, in the layout that convolves fastest."""
    network = networks.build(recipe, classes)
    if recipe.init:
        step = max(1, len(crops) // STATISTICS)
        checkpoint.load_start(
            network, warm_start.read(recipe.init, crops[::step].cpu()), recipe.architecture
        )
    _check_layers(network, "freeze", recipe.freeze)
    _check_layers(network, "optimizer.l2_layers", recipe.optimizer.l2_layers)
    for name, parameter in network.named_parameters():
        if any(name.startswith(prefix) for prefix in recipe.freeze):
            parameter.requires_grad_(False)
    # PyTorch's stubs lack this argument of Module.to.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _check_layers(network: nn.Module, key: str, prefixes: list[str]) -> None:
    """Refuse beginnings of parameter names that no parameter has."""
    names = [name for name, _ in network.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            layers = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise RecipeError(f"{key} names {prefix!r}; the network has the layers {layers}")


def _check_calibration(recipe: Recipe, network: nn.Module) -> None:
    """Refuse, before any training, what could not be calibrated after it."""
    if recipe.calibration not in KINDS:
        raise RecipeError(f"calibration must be one of {', '.join(KINDS)}")
    if recipe.calibration == "classes":
        networks.last_linear(networks.one_head(network, "labels"))


def _device() -> tuple[torch.device, int, int]:
    """Return the device of this process, its rank and the number of processes (torchrun)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    return torch.device("cuda", local) if cuda else torch.device("cpu"), rank, world
