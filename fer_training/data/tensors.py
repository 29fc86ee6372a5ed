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

"""From stored crops to a network's input, for training, evaluation and export."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fer_training.data.base import FaceDataset


def image_tensor(data: FaceDataset) -> Tensor:
    """Return all images as one uint8 tensor (N, C, H, W)."""
    images = torch.from_numpy(data.images)
    return images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def to_network(images: Tensor, size: int, channels: int, mean: float, scale: float) -> Tensor:
    """Bring pixel values to a network's input.

    Args:
        images: Shape (N, 1 or 3, H, W), pixel values 0..255, any number type.
        size: Side of the output [pixels].
        channels: 1 (3-channel input is averaged to grey) or 3 (grey is repeated).
        mean: Subtracted from the pixels.
        scale: Factor after that.

    Returns:
        Shape (N, channels, size, size), float32.
    """
    images = images.float()
    if images.shape[1] != channels:
        images = images.mean(1, keepdim=True) if channels == 1 else images.repeat(1, 3, 1, 1)
    if images.shape[2:] != (size, size):
        images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
    return (images - mean) * scale


def vote_shares(data: FaceDataset) -> Tensor | None:
    """Return FER+ votes for the data set's classes as shares, or None without votes.

    Rows where fewer than half of the voters chose one of these classes get zeros: their votes
    say contempt, unknown or no face.
    """
    if data.votes is None:
        return None
    from fer_training.data.base import FERPLUS_COLUMNS

    columns = [FERPLUS_COLUMNS.index(name) for name in data.label_names]
    votes = torch.from_numpy(data.votes).float()
    chosen = votes[:, columns]
    known = chosen.sum(1, keepdim=True)
    keep = known >= 0.5 * votes.sum(1, keepdim=True).clamp(min=1)
    return torch.where(keep, chosen / known.clamp(min=1), 0)
