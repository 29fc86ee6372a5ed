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

"""The image filters of Algorithm 1 of Umer et al. 2022, as batched tensor operations.

Eleven of the paper's seventeen augmentations are filters: bilateral, unsharp and nine
sharpening masks. The other six (rotation, scaling, shearing, zooming, filling of the border,
horizontal flip) are part of :func:`fer_training.train.augment.warp`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_EDGES = (
    ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    ((1, -2, 1), (-2, 4, -2), (1, -2, 1)),
)
_STRENGTHS = (0.25, 0.5, 1.0)
SHARPENING = tuple((edge, strength) for edge in _EDGES for strength in _STRENGTHS)
"""Nine masks: three Laplacians, each added at three strengths. The paper prints no values."""
FILTERS = 2 + len(SHARPENING)


def bilateral(images: Tensor, radius: int = 2, space: float = 2.0, tone: float = 25.0) -> Tensor:
    """Smooth while keeping edges (Tomasi and Manduchi 1998).

    Args:
        images: Shape (N, C, H, W), pixel values 0..255.
        radius: Half side of the window [pixels].
        space: Deviation of the spatial weight [pixels].
        tone: Deviation of the tonal weight [pixel values].
    """
    height, width = images.shape[2:]
    padded = F.pad(images, [radius] * 4, mode="replicate")
    total, weights = torch.zeros_like(images), torch.zeros_like(images)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            y, x = radius + dy, radius + dx
            shifted = padded[:, :, y : y + height, x : x + width]
            near = math.exp(-(dx * dx + dy * dy) / (2 * space * space))
            weight = near * torch.exp(-((shifted - images) ** 2) / (2 * tone * tone))
            total += weight * shifted
            weights += weight
    return total / weights


def unsharp(images: Tensor, amount: float = 1.0) -> Tensor:
    """Add the difference to a 3x3 binomial blur."""
    line = torch.tensor([1.0, 2.0, 1.0], device=images.device) / 4
    return (images + amount * (images - _convolve(images, torch.outer(line, line)))).clamp(0, 255)


def sharpen(images: Tensor, mask: int) -> Tensor:
    """Add the response of one of the nine sharpening masks."""
    edge, strength = SHARPENING[mask]
    kernel = torch.tensor(edge, dtype=torch.float32, device=images.device)
    return (images + strength * _convolve(images, kernel)).clamp(0, 255)


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Smooth by a Gaussian of ``sigma`` pixels, cut at three of them."""
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    line = torch.exp(-(offsets**2) / (2 * sigma * sigma))
    line = line / line.sum()
    return _convolve(_convolve(images, line[None, :]), line[:, None])


def _convolve(images: Tensor, kernel: Tensor) -> Tensor:
    channels, (height, width) = images.shape[1], kernel.shape
    weight = kernel.expand(channels, 1, height, width)
    border = [width // 2, width // 2, height // 2, height // 2]
    return F.conv2d(F.pad(images, border, mode="replicate"), weight, groups=channels)


def apply_filter(images: Tensor, number: int) -> Tensor:
    """Apply one of the eleven filters: 0 bilateral, 1 unsharp, 2 to 10 sharpening."""
    if number == 0:
        return bilateral(images)
    if number == 1:
        return unsharp(images)
    return sharpen(images, number - 2)


def random_filter(images: Tensor, probability: float) -> Tensor:
    """Apply, with some probability, one filter drawn for each image."""
    out = images.clone()
    chosen = torch.rand(len(images), device=images.device) < probability
    numbers = torch.randint(FILTERS, (len(images),), device=images.device)
    for number in range(FILTERS):
        rows = chosen & (numbers == number)
        if rows.any():
            out[rows] = apply_filter(images[rows], number)
    return out
