"""The one training loop: every recipe, every data set, resumable to the bit on the CPU."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from fer_training import architectures
from fer_training.architectures import networks
from fer_training.architectures.networks import predict
from fer_training.data import ferplus, load_dataset, splits
from fer_training.data.base import FERPLUS_COLUMNS, FaceDataset
from fer_training.data.tensors import image_tensor, to_network, vote_shares
from fer_training.measure.calibration import KINDS
from fer_training.recipes.recipe import Recipe, RecipeError, difference, from_dict, to_yaml
from fer_training.records import checkpoint, provenance
from fer_training.train import losses, precision
from fer_training.train.augment import augment, mixup
from fer_training.train.distill import Teachers, distillation
from fer_training.train.optimization import Progress, averaging, learning_rate, make_optimizer


def training_rows(data: FaceDataset, split: splits.Split, recipe: Recipe) -> splits.Rows:
    """Return the training rows that the recipe's cleaning leaves."""
    rows = split.train
    flat = data.images[rows].reshape(len(rows), -1)
    keep = np.ones(len(rows), bool)
    if recipe.data.drop_black:
        keep &= flat.min(1) != flat.max(1)
    if recipe.data.drop_not_a_face and data.votes is not None:
        keep &= data.votes[rows].argmax(1) != FERPLUS_COLUMNS.index("not_a_face")
    if recipe.data.drop_duplicates:
        keep &= ~np.isin(data.duplicate_groups[rows], data.duplicate_groups[split.test])
    return rows[keep]


class Trainer:
    """One run in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, data: FaceDataset | None = None) -> None:
        self.recipe = recipe
        self.folder = folder
        self.device, self.rank, self.world = _device()
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.data = data or load_dataset(recipe.data.dataset, recipe.data.path, recipe.data)
        self.split = splits.choose(self.data, recipe.data.split, recipe.data.fold)
        self.classes = len(self.data.label_names)
        self._place_data()
        self.loss = losses.get(recipe.loss)
        self.teachers = (
            Teachers(recipe.distill, self.data.label_names, self.device)
            if recipe.distill.teachers
            else None
        )
        self.network = self._network()
        if recipe.calibration not in KINDS:
            raise RecipeError(f"calibration must be one of {', '.join(KINDS)}")
        if recipe.calibration == "classes":
            networks.last_linear(networks.one_head(self.network, "labels"))
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
        self.history: list[dict[str, float]] = []

    def _place_data(self) -> None:
        """Put the whole set on the device, so that no loader stands in the way."""
        recipe, device = self.recipe, self.device
        rows = training_rows(self.data, self.split, recipe)
        images = image_tensor(self.data)
        self.images = images[rows].to(device)
        self.labels = torch.from_numpy(self.data.labels[rows]).to(device)
        self.test_images = images[self.split.test].to(device)
        self.test_labels = torch.from_numpy(self.data.labels[self.split.test])
        validation = self.split.validation
        self.validation = (
            None
            if validation is None
            else (images[validation].to(device), torch.from_numpy(self.data.labels[validation]))
        )
        votes = vote_shares(self.data)
        own_votes = None if votes is None else votes[rows].to(device)
        self.targets = losses.soft_targets(
            self.labels, self.classes, own_votes, recipe.data.vote_share
        )
        self.targets = losses.smooth(self.targets, recipe.label_smoothing)
        if recipe.votes_weight:
            if self.data.votes is None:
                raise RecipeError(
                    f"votes_weight: {self.data.name} comes without FER+ votes; put fer2013new.csv "
                    "of microsoft/FERPlus beside the csv, or set votes_weight to 0"
                )
            shares = torch.from_numpy(ferplus.distribution(self.data.votes[rows])).to(device)
            self.targets = torch.cat([self.targets, shares], dim=1)

    def _network(self) -> nn.Module:
        recipe = self.recipe
        network = networks.build(recipe, self.classes)
        if recipe.init:
            start = Path(recipe.init)
            state = checkpoint.load(start / "best.pt" if start.is_dir() else start)
            checkpoint.load_start(network, state, recipe.architecture)
        for name, parameter in network.named_parameters():
            if any(name.startswith(prefix) for prefix in recipe.freeze):
                parameter.requires_grad_(False)
        network.to(self.device)
        # PyTorch's stubs lack this argument of Module.to.
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def evaluated(self) -> nn.Module:
        """The network whose results count: the averaged one where there is one."""
        return self.ema.module if self.ema is not None else self.network

    def fit(self, resume: bool = False, epochs: int | None = None) -> None:
        """Train to the recipe's end, or up to ``epochs`` epochs in all.

        Raises:
            CheckpointError: The folder holds another run's checkpoint, or cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        last = self.folder / "last.pt"
        if resume and last.is_file():
            self._restore(last)
        if self.rank == 0:  # after a refused resumption the folder still tells its own recipe
            (self.folder / "recipe.yaml").write_text(to_yaml(self.recipe), encoding="utf-8")
        end = self.recipe.epochs if epochs is None else min(epochs, self.recipe.epochs)
        while self.progress.epoch < end and not self.progress.stopped:
            start = time.perf_counter()
            train_loss = self._epoch()
            entry = self._test(train_loss)
            entry["seconds"] = time.perf_counter() - start
            self._finish_epoch(entry)

    def _order(self) -> Tensor:
        """Return the shuffled rows of this process for one epoch."""
        if self.recipe.data.oversample > 0:
            counts = torch.bincount(self.labels, minlength=self.classes).clamp(min=1).float()
            weights = counts.pow(-self.recipe.data.oversample)[self.labels]
            order = torch.multinomial(weights.cpu(), len(self.labels), replacement=True)
        else:
            order = torch.randperm(len(self.labels))
        # Every process must take the same number of steps.
        return order[self.rank : len(order) // self.world * self.world : self.world]

    def _epoch(self) -> float:
        recipe, epoch = self.recipe, self.progress.epoch
        # A fresh seed per epoch and process: a resumed run draws what an unbroken one would.
        torch.manual_seed(recipe.seed * 1_000_003 + epoch)
        order = self._order()
        torch.manual_seed((recipe.seed * 1_000_003 + epoch) * 1_009 + self.rank)
        batches = [b for b in order.split(recipe.batch_size // self.world) if len(b) > 1]
        size = architectures.get(recipe.architecture).size
        if recipe.sizes:
            size = recipe.sizes[epoch * len(recipe.sizes) // recipe.epochs]
        self.stepper.train()
        total = torch.zeros((), device=self.device)
        quiet = self.rank > 0 or not os.isatty(2)
        for step, batch in enumerate(tqdm(batches, f"epoch {epoch}", leave=False, disable=quiet)):
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(recipe, self.progress, step, len(batches))
            total += self._step(batch.to(self.device), size)
        return float(total) / len(batches)

    def _step(self, batch: Tensor, size: int) -> Tensor:
        recipe = self.recipe
        channels = architectures.get(recipe.architecture).channels
        images, targets = self.images[batch].float(), self.targets[batch]
        images = augment(images, recipe.augment)
        if recipe.augment.mixup and torch.rand(()) < recipe.augment.mixup:
            images, targets = mixup(images, targets, recipe.augment.mixup_alpha)
        x = to_network(images, size, channels, recipe.mean, recipe.scale)
        x = x.contiguous(memory_format=torch.channels_last)
        half = self.precision == precision.BFLOAT16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.stepper(x)
            taught = self.teachers.probabilities(images) if self.teachers else None
        loss = self._loss(logits.float(), targets, taught) + self._l2()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update_parameters(self.network)
        return loss.detach()

    def _loss(self, logits: Tensor, targets: Tensor, taught: Tensor | None) -> Tensor:
        """Return the loss of the labels' columns, of the teachers' answer and of the votes."""
        recipe, own = self.recipe, logits[:, : self.classes]
        loss = self.loss(own, targets[:, : self.classes])
        if taught is not None:
            share, temperature = recipe.distill.share, recipe.distill.temperature
            loss = (1 - share) * loss + share * distillation(own, taught, temperature)
        if recipe.votes_weight:
            votes = losses.cross_entropy(logits[:, self.classes :], targets[:, self.classes :])
            loss = loss + recipe.votes_weight * votes
        return loss

    def _l2(self) -> Tensor | float:
        config = self.recipe.optimizer
        if not config.l2:
            return 0.0
        wanted = [
            parameter.square().sum()
            for name, parameter in self.network.named_parameters()
            if parameter.ndim > 1 and name.startswith(tuple(config.l2_layers) or "")
        ]
        return config.l2 * torch.stack(wanted).sum()

    def _test(self, train_loss: float) -> dict[str, float]:
        loss, accuracy = self._measure(self.test_images, self.test_labels)
        entry = {
            "epoch": self.progress.epoch,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": train_loss,
            "test_loss": loss,
            "test_accuracy": accuracy,
        }
        if self.validation is not None:
            loss, accuracy = self._measure(*self.validation)
            entry |= {"validation_loss": loss, "validation_accuracy": accuracy}
        if self.world > 1:  # the decisions that hang on it must be the same everywhere
            shared = [entry]
            torch.distributed.broadcast_object_list(shared, src=0)
            entry = shared[0]
        return entry

    def _measure(self, images: Tensor, labels: Tensor) -> tuple[float, float]:
        """Return mean cross-entropy and accuracy, 0..1."""
        logits = torch.from_numpy(predict(self.evaluated, images, self.recipe))
        loss = nn.functional.cross_entropy(logits, labels)
        return float(loss), float((logits.argmax(1) == labels).float().mean())

    def _finish_epoch(self, entry: dict[str, float]) -> None:
        """Save, so that a kill from here on loses nothing of the epoch."""
        chooser = "test" if self.split.selects else "validation"
        chosen = self.split.choosing is not None
        self.progress.observe(entry[f"{chooser if chosen else 'train'}_loss"], self.recipe)
        score = entry[f"{chooser if chosen else 'test'}_accuracy"]
        best = not chosen or self.recipe.keep == "last"
        if best or score > self.progress.best_score:
            self.progress.best_score = score
            self.progress.best_epoch = self.progress.epoch
            best = True
        self.progress.epoch += 1
        self.history.append(entry)
        if self.rank > 0:
            return
        state = self._state()
        if best:  # first, for a resumed run repeats what last.pt lacks, but never looks back
            kept = {key: state[key] for key in ("architecture", "labels", "recipe", "weights")}
            kept["model"], kept["epoch"] = {}, self.progress.best_epoch
            checkpoint.save(kept, self.folder / "best.pt")
        checkpoint.save(state, self.folder / "last.pt")
        self._write_summary()
        print(
            f"{time.strftime('%H:%M:%S')} {self.recipe.name} epoch {self.progress.epoch}"
            f"/{self.recipe.epochs} train {entry['train_loss']:.4f} test {entry['test_loss']:.4f}"
            f" accuracy {entry['test_accuracy']:.4f} ({entry['seconds']:.0f} s)",
            flush=True,
        )

    def _write_summary(self) -> None:
        with (self.folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.history[0]))
            writer.writeheader()
            writer.writerows(self.history)

    def _state(self) -> dict[str, Any]:
        return {
            "architecture": self.recipe.architecture,
            "labels": list(self.data.label_names),
            "recipe": to_yaml(self.recipe),
            "data": self.data.digest,
            "revision": self.revision,
            "precisions": self.precisions,
            "weights": self.evaluated.state_dict(),
            "model": self.network.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": dict(vars(self.progress)),
            "history": self.history,
            "rng": torch.get_rng_state(),
        }

    def _restore(self, path: Path) -> None:
        state = checkpoint.load(path)
        checkpoint.load_weights(self.network, state, self.recipe.architecture)
        if state["data"] != self.data.digest:
            raise checkpoint.CheckpointError(
                f"{path} was trained on other data ({state['data'][:12]}, not "
                f"{self.data.digest[:12]}); use another folder"
            )
        saved = from_dict(yaml.safe_load(state["recipe"]))
        if self.recipe.epochs > saved.epochs:
            self._say_longer(saved.epochs)
            saved.epochs = self.recipe.epochs
        other = difference(saved, self.recipe)
        if other:
            raise checkpoint.CheckpointError(f"{path} was trained with {other}; use another folder")
        self.network.load_state_dict(state["model"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        self.history = state["history"]
        self.revision = state.get("revision", self.revision)
        before = state.get("precisions", self.precisions)
        self.precisions = [*before, *(own for own in self.precisions if own != before[-1])]
        torch.set_rng_state(state["rng"])

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


def _device() -> tuple[torch.device, int, int]:
    """Return the device of this process, its rank and the number of processes (torchrun)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    return torch.device("cuda", local) if cuda else torch.device("cpu"), rank, world
