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

"""Assignment of cells to faces, and the loss.

A few cells near a face's middle, on levels that suit its size, are chosen by how well they already
fit it (task alignment: Feng et al. 2021, arXiv:2108.07755); their score is to follow that order
(quality focal loss: Li et al. 2020, arXiv:2006.04388). Boxes learn by generalised IoU
(Rezatofighi et al. 2019, arXiv:1902.09630), landmarks by a smooth absolute error.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fer_training.detector.network import STRIDES

_CELLS_A_FACE = 6
_LEAST_CELLS, _MOST_CELLS = 0.9, 9.0
"""Side of the faces that a level may be assigned [cells]; open at the two ends."""
_BEST_CELLS = 3.6


@dataclass(frozen=True)
class Batch:
    """Images and the faces in them, padded to the same count."""

    images: Tensor
    """uint8 (N, 1, S, S)."""
    boxes: Tensor
    """float (N, G, 4): middle x, y, width, height [pixels]."""
    points: Tensor
    """float (N, G, 5, 2) [pixels]; NaN where unknown."""
    weight: Tensor
    """float (N, G): score to reach; 0 no face, -1 a region without loss."""


@dataclass(frozen=True)
class Losses:
    """Parts of the loss; `total` is what is minimised."""

    total: Tensor
    score: Tensor
    box: Tensor
    points: Tensor


@dataclass(frozen=True)
class Cells:
    """All cells of all levels for one size of the input."""

    centers: Tensor
    """(C, 2) [pixels]."""
    strides: Tensor
    """(C,) [pixels]."""


def cells(shapes: list[tuple[int, int]]) -> Cells:
    """Return the cells of levels of these (rows, columns), in the order of the outputs."""
    centers, strides = [], []
    for (rows, columns), stride in zip(shapes, STRIDES, strict=True):
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centers.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((rows * columns,), float(stride)))
    return Cells(torch.cat(centers), torch.cat(strides))


def flatten(outputs: list[Tensor]) -> Tensor:
    """Return (N, C, 16) of the levels' (N, 16, rows, columns)."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in outputs], 1)


def boxes_of(raw: Tensor, grid: Cells) -> Tensor:
    """Return (N, C, 4) middle x, y, width, height [pixels] of raw outputs (N, C, 16)."""
    step = grid.strides[:, None]
    middle = grid.centers + raw[..., 1:3] * step
    return torch.cat([middle, raw[..., 3:5].clamp(-4.0, 6.0).exp() * step], -1)


def losses(outputs: list[Tensor], batch: Batch) -> Losses:
    """Return the loss of the network's outputs on a batch."""
    grid = cells([(level.shape[2], level.shape[3]) for level in outputs])
    raw = flatten(outputs)
    boxes = boxes_of(raw, grid)
    with torch.no_grad():
        wanted, owner, counts = _assign(raw[..., 0].sigmoid(), boxes.detach(), grid, batch)
    logits = raw[..., 0]
    # Squared, as published, the gap left the scores of faces and of clutter too close together.
    gap = (wanted - logits.sigmoid()).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    mass = wanted.sum().clamp(min=4.0)
    score = (gap * entropy * counts).sum() / mass

    image, cell = torch.nonzero(wanted > 0, as_tuple=True)
    weight = wanted[image, cell]
    face = owner[image, cell]
    truth = batch.boxes[image, face]
    box = (weight * (1 - _generalised_iou(boxes[image, cell], truth))).sum() / mass
    points = _point_loss(raw[image, cell], grid, cell, truth, batch.points[image, face], weight)
    points = points / mass
    return Losses(score + 2.0 * box + points, score.detach(), box.detach(), points.detach())


def _point_loss(
    raw: Tensor, grid: Cells, cell: Tensor, truth: Tensor, points: Tensor, weight: Tensor
) -> Tensor:
    """Landmark error in sides of the face, and negative log-likelihood of the predicted spread."""
    known = torch.isfinite(points).all(-1).all(-1)
    raw, cell, points = raw[known], cell[known], points[known]
    side = truth[known, 2:].prod(-1).sqrt()
    found = raw[:, 5:15].reshape(-1, 5, 2) * grid.strides[cell, None, None]
    found = found + grid.centers[cell, None]
    error = (found - points) / side[:, None, None]
    smooth = functional.smooth_l1_loss(
        error, torch.zeros_like(error), reduction="none", beta=0.02
    ).mean((1, 2))
    size = error.detach().norm(dim=-1).mean(-1)
    spread = raw[:, 15].clamp(-6.0, 3.0)
    likelihood = size * torch.exp(-spread) + spread
    total: Tensor = (weight[known] * (8.0 * smooth + 0.05 * likelihood)).sum()
    return total


def _assign(
    score: Tensor, boxes: Tensor, grid: Cells, batch: Batch
) -> tuple[Tensor, Tensor, Tensor]:
    """Return, each (N, C), the score wanted, the face of a cell, and whether the cell counts."""
    count = score.shape[0]
    wanted = torch.zeros_like(score)
    owner = torch.zeros_like(score, dtype=torch.long)
    counts = torch.ones_like(score)
    levels = torch.unique(grid.strides)
    for n in range(count):
        weight = batch.weight[n]
        for ignored in batch.boxes[n][weight < 0]:
            inside = (grid.centers - ignored[:2]).abs() < ignored[2:] * 0.5
            counts[n][inside.all(-1)] = 0
        faces = torch.nonzero(weight > 0)[:, 0]
        if len(faces) == 0:
            continue
        truth = batch.boxes[n][faces]
        side = truth[:, 2:].prod(-1).sqrt()
        ratio = side[:, None] / grid.strides
        low = torch.where(grid.strides == levels[0], 0.0, _LEAST_CELLS * 2)
        high = torch.where(grid.strides == levels[-1], torch.inf, _MOST_CELLS)
        offset = (grid.centers - truth[:, None, :2]).abs()
        reach = torch.maximum(0.22 * truth[:, None, 2:], 0.75 * grid.strides[:, None])
        candidate = (ratio >= low) & (ratio <= high) & (offset < reach).all(-1)
        near = torch.exp(-0.5 * (offset / (0.22 * truth[:, None, 2:] + 2.0)).square().sum(-1))
        fit = torch.exp(-0.5 * (torch.log2(ratio / _BEST_CELLS) / 0.8).square())
        overlap = _iou(truth[:, None], boxes[n][None])
        align = (score[n] + 0.03).sqrt() * (overlap + 0.05).square() * (0.2 + near * fit)
        align = torch.where(candidate, align, 0.0)
        best, where = align.topk(_CELLS_A_FACE, dim=1)
        chosen = torch.zeros_like(align).scatter_(1, where, best)
        top, face = chosen.max(0)
        positive = top > 0
        share = top / best[:, 0].clamp(min=1e-9)[face]
        wanted[n] = torch.where(positive, share * weight[faces][face], 0.0)
        owner[n] = faces[face]
        counts[n] = torch.where(positive, 1.0, counts[n])
    return wanted, owner, counts


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    half = boxes[..., 2:] / 2
    return boxes[..., :2] - half, boxes[..., :2] + half


def _iou(a: Tensor, b: Tensor) -> Tensor:
    low_a, high_a = _corners(a)
    low_b, high_b = _corners(b)
    shared = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0).prod(-1)
    return shared / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared)


def _generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    low_a, high_a = _corners(a)
    low_b, high_b = _corners(b)
    shared = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    hull = (torch.maximum(high_a, high_b) - torch.minimum(low_a, low_b)).prod(-1)
    return shared / union - (hull - union) / hull
