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

"""Deep-Emotion, whose attention is a spatial transformer.

Minaee, Minaei, Abdolrashidi, "Deep-Emotion: Facial Expression Recognition Using Attentional
Convolutional Network", Sensors 21:3046 (2021).

The paper draws the layers without stating widths; 32 filters a convolution and 50 hidden units
are chosen here. Section 3 also names a network like it with more than 50 layers, and nothing else
of it: here each of the four convolutions is followed by six residual pairs, 58 layers in all.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fer_training.architectures import register
from fer_training.architectures.layers import Residual

_DEVIATION = 0.05
"""Of the Gaussian initial weights, as in the paper."""


class SpatialTransformer(nn.Module):
    """Warps its input by an affine map that it reads from the input (Jaderberg et al. 2015)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.localization = nn.Sequential(
            nn.Conv2d(1, 8, 7),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 10, 5),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Flatten(),
        )
        side = ((size - 6) // 2 - 4) // 2
        self.affine = nn.Sequential(
            nn.Linear(10 * side * side, 32), nn.ReLU(inplace=True), nn.Linear(32, 6)
        )
        axis = (torch.arange(size) + 0.5) * 2 / size - 1
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        # A fixed grid instead of affine_grid, which ONNX knows only from opset 20 on.
        grid = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
        self.register_buffer("grid", grid, persistent=False)
        self.size = size

    def start_as_identity(self) -> None:
        """Make the first warp leave the image as it is."""
        last = self.affine[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the warped batch, of the same shape."""
        theta = self.affine(self.localization(x)).float().reshape(-1, 2, 3)
        grid = self.get_buffer("grid") @ theta.transpose(1, 2)
        grid = grid.reshape(-1, self.size, self.size, 2)
        return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)


def _pair(width: int) -> nn.Module:
    """Two convolutions around which their input is added; nothing without such a way learns."""
    main = nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.BatchNorm2d(width),
    )
    return Residual(main, nn.Identity())


class DeepEmotion(nn.Module):
    """A spatial transformer, four convolutions and two fully connected layers."""

    def __init__(
        self, classes: int, width: int, hidden: int, dropout: float, pairs: int = 0
    ) -> None:
        super().__init__()
        self.transformer = SpatialTransformer(48)
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3),
            *(_pair(width) for _ in range(pairs)),
            nn.Conv2d(width, width, 3),
            *(_pair(width) for _ in range(pairs)),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3),
            *(_pair(width) for _ in range(pairs)),
            nn.Conv2d(width, width, 3),
            *(_pair(width) for _ in range(pairs)),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Flatten(),
        )
        self.fc1 = nn.Linear(9 * 9 * width, hidden)
        self.fc2 = nn.Linear(hidden, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=_DEVIATION)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        self.transformer.start_as_identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, classes), of grey crops (N, 1, 48, 48)."""
        hidden = F.relu(self.fc1(self.features(self.transformer(x))))
        logits: Tensor = self.fc2(hidden)
        return logits


@register("deep-emotion", size=48, channels=1, paper="Minaee et al. 2021")
def deep_emotion(
    classes: int, width: int = 32, hidden: int = 50, dropout: float = 0.5
) -> nn.Module:
    """Attention by a spatial transformer that warps the input."""
    return DeepEmotion(classes, width, hidden, dropout)


@register("deep-emotion-50", size=48, channels=1, paper="Minaee et al. 2021")
def deep_emotion_50(
    classes: int, width: int = 32, hidden: int = 50, dropout: float = 0.5
) -> nn.Module:
    """The same with more than 50 layers, which the paper tried without gain."""
    return DeepEmotion(classes, width, hidden, dropout, pairs=6)
