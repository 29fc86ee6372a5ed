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

"""Random changes of the verifier's training crops."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fer_ros.perception.detection.verifier import CONTEXT, SIDE
from fer_training.detector.verifier_examples import CONTEXT as STORED

_TURN, _ZOOM, _SHIFT = 0.25, 0.15, 0.08
"""Largest turn [radians], logarithm of the scale, and shift [half crop sides]."""
_SMALL, _SMALL_SIDES, _BLUR = 0.2, (10, 14, 18, 24), 0.1
"""Share of the batches that are brought to one of these sides and back; that are blurred."""
_CONTRAST, _OFFSET, _GAMMA, _NOISE = 0.4, 30.0, 0.4, 10.0
_HIDDEN, _HIDDEN_SIDES = 0.1, (5, 20)
"""Share of the crops with a rectangle hidden, and its sides [pixels]."""
_DOUBT, _WITHOUT = 0.15, 0.15
"""Noise of the score's fact, and the share of crops without it."""


def centred(crops: NDArray[np.uint8]) -> Tensor:
    """Return the middles of stored crops as the network takes them, (N, 1, SIDE, SIDE)."""
    still = torch.eye(2, 3)[None].expand(len(crops), 2, 3) * (CONTEXT / STORED)
    return _sampled(crops, still)


def changed(
    crops: NDArray[np.uint8], facts: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return crops and facts of a batch, changed at random; torch's generator is used too."""
    count = len(crops)
    turn = _symmetric(count) * _TURN
    scale = torch.exp(_symmetric(count) * _ZOOM) * (CONTEXT / STORED)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cosine, sine = turn.cos() * scale, turn.sin() * scale
    shift = (torch.rand(count, 2) * 2 - 1) * _SHIFT
    rows = [
        torch.stack([cosine * mirror, -sine, shift[:, 0]], 1),
        torch.stack([sine * mirror, cosine, shift[:, 1]], 1),
    ]
    seen = _hidden(_lit(_blurred(_sampled(crops, torch.stack(rows, 1)), rng)), rng)
    facts = facts.copy()
    facts[:, 0] += rng.normal(0, _DOUBT, count)
    facts[rng.random(count) < _WITHOUT, 0] = 0.0
    return seen.contiguous(memory_format=torch.channels_last), torch.from_numpy(facts)


def _symmetric(*shape: int) -> Tensor:
    return torch.rand(*shape) * 2 - 1


def _sampled(crops: NDArray[np.uint8], maps: Tensor) -> Tensor:
    stored = torch.from_numpy(crops)[:, None].float()
    grid = functional.affine_grid(maps, [len(crops), 1, SIDE, SIDE], align_corners=False)
    return functional.grid_sample(stored, grid, align_corners=False)


def _blurred(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Bring a whole batch to few pixels and back, or blur it, at times."""
    chance = rng.random()
    if chance < _SMALL:
        side = int(rng.choice(_SMALL_SIDES))
        few = functional.interpolate(seen, size=(side, side), mode="area")
        return functional.interpolate(few, size=(SIDE, SIDE), mode="bilinear")
    if chance < _SMALL + _BLUR:
        return functional.avg_pool2d(functional.pad(seen, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return seen


def _lit(seen: Tensor) -> Tensor:
    """Change contrast, brightness and gamma, and add noise."""
    one = (len(seen), 1, 1, 1)
    mean = seen.mean((1, 2, 3), keepdim=True)
    seen = (seen - mean) * torch.exp(_symmetric(*one) * _CONTRAST) + mean
    seen = (seen + _symmetric(*one) * _OFFSET).clamp(0, 255) / 255
    seen = 255 * seen ** torch.exp(_symmetric(*one) * _GAMMA)
    return seen + torch.randn(seen.shape) * torch.rand(one).square() * _NOISE


def _hidden(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Hide a rectangle of some crops behind one grey level."""
    for k in np.flatnonzero(rng.random(len(seen)) < _HIDDEN):
        height, width = rng.integers(*_HIDDEN_SIDES, 2)
        top, left = rng.integers(0, SIDE - height), rng.integers(0, SIDE - width)
        seen[k, 0, top : top + height, left : left + width] = float(rng.uniform(0, 255))
    return seen
