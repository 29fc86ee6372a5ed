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

"""Batches of a training step: crops and their targets, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fer_training.data import ferplus, splits
from fer_training.data.base import FERPLUS_COLUMNS, FaceDataset
from fer_training.data.tensors import image_tensor, vote_shares
from fer_training.recipes.recipe import Recipe, RecipeError
from fer_training.train import distill, losses


@dataclass(frozen=True)
class Targets:
    """Targets of a batch's predictions."""

    labels: Tensor
    """Distribution over the data set's classes, shape (N, classes), rows sum to 1."""
    votes: Tensor | None = None
    """Shares of the FER+ votes, shape (N, 8), rows sum to 1 or 0; None without a second head."""
    taught: Tensor | None = None
    """Stored, softened predictions of the teachers, shape (N, classes), rows sum to 1."""

    def take(self, rows: Tensor) -> Targets:
        """Return the targets of some rows."""
        return self._each(lambda column: column[rows])

    def blend(self, share: Tensor, partner: Tensor) -> Targets:
        """Return ``share`` (N,) of each row and the rest of its partner's."""
        own = share[:, None]

        def mix(column: Tensor) -> Tensor:
            return own * column + (1 - own) * column[partner]

        return self._each(mix)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Targets:
        further = [None if own is None else change(own) for own in (self.votes, self.taught)]
        return Targets(change(self.labels), *further)


@dataclass(frozen=True)
class Batch:
    """Crops with their targets."""

    images: Tensor
    """Shape (N, C, H, W), pixel values 0..255."""
    targets: Targets


@dataclass(frozen=True)
class MeasuredRows:
    """Crops that a network is measured on after each epoch."""

    images: Tensor
    """Uint8, shape (N, C, H, W), on the device."""
    labels: Tensor
    """Classes, shape (N,), in main memory."""

    @classmethod
    def of(cls, data: FaceDataset, rows: splits.Rows, device: torch.device) -> MeasuredRows:
        """Put some rows of a data set on the device."""
        images = image_tensor(data.select(rows)).to(device)
        return cls(images, torch.from_numpy(data.labels[rows]))


@dataclass(frozen=True)
class TrainingSet:
    """All training rows on the device, so that no loader is needed."""

    images: Tensor
    """Uint8, shape (N, C, H, W)."""
    labels: Tensor
    """Classes, shape (N,)."""
    targets: Targets

    @classmethod
    def of(
        cls,
        data: FaceDataset,
        split: splits.Split,
        recipe: Recipe,
        device: torch.device,
        store: Path | None = None,
    ) -> TrainingSet:
        """Clean the split's training rows and make their targets.

        Args:
            data: All rows.
            split: Says which are for training.
            recipe: Says how they are cleaned, and what they are compared with.
            device: Where the tensors lie.
            store: File that keeps the teachers' stored predictions for the next start of the run.

        Raises:
            RecipeError: The recipe wants a head for votes, and the data set has none.
        """
        own = data.select(training_rows(data, split, recipe))
        labels = torch.from_numpy(own.labels).to(device)
        votes = vote_shares(own)
        soft = losses.soft_targets(
            labels,
            len(data.label_names),
            None if votes is None else votes.to(device),
            recipe.data.vote_share,
        )
        targets = Targets(losses.smooth(soft, recipe.label_smoothing), _votes(own, recipe, device))
        images = image_tensor(own).to(device)
        if recipe.distill.stored:
            further = further_crops(recipe, images)
            images, targets = taught(images, further, targets, recipe, data.label_names, store)
            labels = torch.cat([labels, targets.labels[len(labels) :].argmax(1)])
        return cls(images, labels, targets)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor) -> Batch:
        """Return some rows as floating-point crops with their targets."""
        return Batch(self.images[rows].float(), self.targets.take(rows))

    def order(self, oversample: float, count: int = 0) -> Tensor:
        """Draw the rows of an epoch.

        Args:
            oversample: 0 takes every row once, 1 draws every class equally often.
            count: Rows drawn; 0 for as many as there are.
        """
        count = count or len(self)
        if oversample <= 0:
            return torch.randperm(len(self))[:count]
        classes = self.targets.labels.shape[1]
        counts = torch.bincount(self.labels, minlength=classes).clamp(min=1).float()
        weights = counts.pow(-oversample)[self.labels]
        return torch.multinomial(weights.cpu(), count, replacement=True)


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


def class_rows(data: FaceDataset) -> dict[str, int]:
    """Return how many rows each class has."""
    return {name: int((data.labels == code).sum()) for code, name in enumerate(data.label_names)}


def _votes(data: FaceDataset, recipe: Recipe, device: torch.device) -> Tensor | None:
    """Return what the second head learns, None where the recipe builds no such head."""
    if not recipe.votes_weight:
        return None
    if data.votes is None:
        raise RecipeError(
            f"votes_weight: {data.name} comes without FER+ votes; put fer2013new.csv "
            "of microsoft/FERPlus beside the csv, or set votes_weight to 0"
        )
    return torch.from_numpy(ferplus.distribution(data.votes)).to(device)


def further_crops(recipe: Recipe, like: Tensor) -> Tensor:
    """Return the recipe's unlabelled crops, shape (N, C, H, W) as the training crops; none: N 0.

    Raises:
        RecipeError: The file has no images, or of another size.
    """
    if not recipe.data.unlabelled:
        return like[:0]
    with np.load(recipe.data.unlabelled) as arrays:
        images = torch.from_numpy(arrays["images"]) if "images" in arrays else like[:0, 0, :0]
    if images.ndim != 3 or like.shape[1] != 1 or images.shape[1:] != like.shape[2:]:
        raise RecipeError(
            f"data.unlabelled: {recipe.data.unlabelled} must hold grey images of "
            f"{tuple(like.shape[2:])}, not {tuple(images.shape)}"
        )
    return images[:, None].to(like.device)


def taught(
    images: Tensor,
    further: Tensor,
    targets: Targets,
    recipe: Recipe,
    names: tuple[str, ...],
    store: Path | None,
) -> tuple[Tensor, Targets]:
    """Join labelled and unlabelled crops, and store what the teachers predict.

    Args:
        images: Labelled crops, uint8, shape (N, C, H, W).
        further: Unlabelled ones; their targets are the teachers' mean probabilities.
        targets: Of the labelled ones.
        recipe: Names the teachers.
        names: Classes of the data.
        store: As in :meth:`TrainingSet.of`.

    Raises:
        RecipeError: There is no teacher, there are votes to learn beside unlabelled crops, or a
            teacher knows other classes.
    """
    if targets.votes is not None and len(further):
        raise RecipeError("votes_weight: unlabelled crops have no votes; set it to 0")
    images = torch.cat([images, further])
    plain, softened = distill.stored(recipe.distill, images, names, store)
    labels = torch.cat([targets.labels, plain[len(targets.labels) :]])
    return images, replace(targets, labels=labels, taught=softened)
