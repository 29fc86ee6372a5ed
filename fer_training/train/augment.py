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

"""Every random change of training crops, on whole batches of tensors and on their device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own custom)
from torch import Tensor

from fer_training.recipes.recipe import Augment
from fer_training.train.batches import Batch
from fer_training.train.filters import gaussian_blur, random_filter


def augment(images: Tensor, config: Augment) -> Tensor:
    """Change a batch at random, drawing from the global generator of its device.

    Args:
        images: Shape (N, C, H, W), float32, pixel values 0..255.
        config: Which changes and how strong.

    Returns:
        A new batch of the same shape and range.
    """
    if config.filters > 0:
        images = random_filter(images, config.filters)
    images = warp(images, config)
    images = adjust(images, config)
    images = degrade(images, config)
    if config.erase > 0:
        images = erase(images, config.erase, config.erase_area)
    return images


def _uniform(shape: tuple[int, ...], limit: float, like: Tensor) -> Tensor:
    return (torch.rand(shape, device=like.device) * 2 - 1) * limit


def warp(images: Tensor, config: Augment) -> Tensor:
    """Flip, rotate, shear, zoom, shift and distort in a single interpolation."""
    count, _, height, width = images.shape
    angle = _uniform((count,), math.radians(config.rotation), images)
    zoom = 1 + _uniform((count,), config.zoom, images)
    shear = _uniform((count,), config.shear, images)
    shift = _uniform((count, 2), 2 * config.shift, images)
    flipped = torch.rand(count, device=images.device) < config.flip
    flip = 1 - 2 * flipped.float()
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Output coordinates to input coordinates, so a zoom above 1 shows less of the face.
    first = torch.stack([flip * cos / zoom, flip * (shear * cos - sin) / zoom, shift[:, 0]], dim=1)
    second = torch.stack([sin / zoom, (shear * sin + cos) / zoom, shift[:, 1]], dim=1)
    grid = F.affine_grid(
        torch.stack([first, second], dim=1), [count, 1, height, width], align_corners=False
    )
    if config.distortion > 0:
        knots = _uniform((count, 2, 4, 4), 2 * config.distortion, images)
        field = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True)
        grid = grid + field.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def adjust(images: Tensor, config: Augment) -> Tensor:
    """Change contrast about each image's mean, and brightness."""
    if config.contrast == 0 and config.brightness == 0:
        return images
    shape = (len(images), 1, 1, 1)
    gain = 1 + _uniform(shape, config.contrast, images)
    offset = _uniform(shape, 255 * config.brightness, images)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * gain + mean + offset).clamp(0, 255)


def degrade(images: Tensor, config: Augment) -> Tensor:
    """Do to some crops what cameras do: sharpening, poor light, few pixels, blur and noise.

    Side and blur are drawn once for all chosen crops of a batch, light and noise for each.
    """
    count, device = len(images), images.device
    if config.sharpen > 0:
        chosen = torch.rand(count, device=device) < config.sharpen
        amount = 1.5 * torch.rand((count, 1, 1, 1), device=device)
        edges = images - gaussian_blur(images, 0.8)
        images = _where(chosen, (images + amount * edges).clamp(0, 255), images)
    if config.gain > 0:
        factor = torch.exp2(_uniform((count, 1, 1, 1), config.gain, images))
        images = (images * factor).clamp(0, 255)
    if config.gamma > 0:
        exponent = torch.exp2(_uniform((count, 1, 1, 1), config.gamma, images))
        images = 255 * (images / 255).pow(exponent)
    if config.shrink > 0:
        chosen = torch.rand(count, device=device) < config.shrink
        side = int(torch.randint(config.shrink_side, images.shape[2], ()))
        images = _where(chosen, _shrink(images, side), images)
    if config.blur > 0:
        chosen = torch.rand(count, device=device) < config.blur
        sigma = 0.3 + (config.blur_sigma - 0.3) * float(torch.rand(()))
        images = _where(chosen, gaussian_blur(images, sigma), images)
    if config.noise > 0:
        chosen = torch.rand(count, device=device) < config.noise
        sigmas = 255 * config.noise_sigma * torch.rand((count, 1, 1, 1), device=device)
        noisy = (images + sigmas * torch.randn_like(images)).clamp(0, 255)
        images = _where(chosen, noisy, images)
    return images


def _shrink(images: Tensor, side: int) -> Tensor:
    """Resample to a smaller side and back."""
    small = F.interpolate(
        images, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)


def _where(chosen: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(chosen[:, None, None, None], changed, images)


def erase(images: Tensor, probability: float, largest: float) -> Tensor:
    """Replace one rectangle by the image's mean (random erasing, Zhong et al. 2020)."""
    count, _, height, width = images.shape

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, device=images.device)

    area = draw(0.02, largest) * height * width
    aspect = torch.exp(draw(-math.log(3), math.log(3)))
    half_h = (area * aspect).sqrt().clamp(max=height) / 2
    half_w = (area / aspect).sqrt().clamp(max=width) / 2
    rows = torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    in_rows = (rows - (draw(0, 1) * height)[:, None]).abs() <= half_h[:, None]
    in_columns = (columns - (draw(0, 1) * width)[:, None]).abs() <= half_w[:, None]
    chosen = draw(0, 1) < probability
    mask = in_rows[:, None, :, None] & in_columns[:, None, None, :] & chosen[:, None, None, None]
    return torch.where(mask, images.mean(dim=(1, 2, 3), keepdim=True), images)


def mixup(batch: Batch, alpha: float) -> Batch:
    """Blend every row with another of the batch, images and targets alike.

    One factor per row, drawn from Beta(alpha, alpha).
    """
    images, count = batch.images, len(batch.images)
    share = torch.distributions.Beta(alpha, alpha).sample((count,)).to(images.device)
    partner = torch.randperm(count, device=images.device)
    wide = share[:, None, None, None]
    mixed = wide * images + (1 - wide) * images[partner]
    return Batch(mixed, batch.targets.blend(share, partner))
