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

"""Attention over separable features: Yengikand, Farrokhi Afsharyan, Nejati, IJICTR (2023).

The paper leaves widths open. Chosen here: 32, 64 and 128 channels, one separable and one
ordinary block each; the two joined outputs are those of the last separable and the last
ordinary block, brought to the same 6x6 grid, and attention runs over its 36 positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fer_training.architectures import register
from fer_training.architectures.layers import Residual, SeparableConv2d, shortcut


def _separable_block(inputs: int, outputs: int) -> nn.Module:
    main = nn.Sequential(SeparableConv2d(inputs, outputs), nn.BatchNorm2d(outputs))
    return nn.Sequential(Residual(main, shortcut(inputs, outputs, 1)), nn.ReLU(inplace=True))


def _pooling_block(width: int) -> nn.Module:
    main = nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.MaxPool2d(2)
    )
    return nn.Sequential(Residual(main, shortcut(width, width, 2)), nn.ReLU(inplace=True))


class AdditiveAttention(nn.Module):
    """Bahdanau et al. 2015: score f = v^T tanh(W [h; s]) at every position."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(2 * width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, h: Tensor, s: Tensor) -> Tensor:
        """Return the weighted sum of s, shape (N, width), from h and s (N, positions, width)."""
        scores = self.score(torch.tanh(self.project(torch.cat([h, s], dim=2))))
        return (torch.softmax(scores, dim=1) * s).sum(1)


class MultiplicativeAttention(nn.Module):
    """Luong et al. 2015: score f = h^T W s at every position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width, bias=False)

    def forward(self, h: Tensor, s: Tensor) -> Tensor:
        """Return the weighted sum of s, shape (N, width), from h and s (N, positions, width)."""
        scores = (h * self.project(s)).sum(2, keepdim=True) / s.shape[2] ** 0.5
        return (torch.softmax(scores, dim=1) * s).sum(1)


class SeparableAttention(nn.Module):
    """Six residual blocks, two attentions, a multi-layer perceptron."""

    def __init__(self, classes: int, widths: tuple[int, int, int], dropout: float) -> None:
        super().__init__()
        first, second, third = widths
        self.early = nn.Sequential(
            _separable_block(1, first),
            _pooling_block(first),
            _separable_block(first, second),
            _pooling_block(second),
        )
        self.separable = _separable_block(second, third)
        self.pooling = _pooling_block(third)
        self.match = nn.MaxPool2d(2)
        self.additive = AdditiveAttention(third, third // 2)
        self.multiplicative = MultiplicativeAttention(third)
        self.mlp = nn.Sequential(
            nn.Linear(2 * third, third),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(third, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, classes), of grey crops (N, 1, 48, 48)."""
        separable = self.separable(self.early(x))
        s = self.pooling(separable).flatten(2).transpose(1, 2)
        h = self.match(separable).flatten(2).transpose(1, 2)
        both = torch.cat([self.additive(h, s), self.multiplicative(h, s)], dim=1)
        logits: Tensor = self.mlp(both)
        return logits


@register("yengikand-attention", size=48, channels=1, paper="Yengikand et al. 2023")
def yengikand(
    classes: int, widths: tuple[int, int, int] = (32, 64, 128), dropout: float = 0.2
) -> nn.Module:
    """Separable and ordinary blocks joined by additive and multiplicative attention."""
    return SeparableAttention(classes, widths, dropout)
