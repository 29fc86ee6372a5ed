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

"""The detector's network: one grey channel in, sixteen numbers a cell at four strides out.

A stem of two stride-2 steps, depthwise-separable blocks (Howard et al. 2017, arXiv:1704.04861) at
strides 8 to 64, a light top-down path (Lin et al. 2017, arXiv:1612.03144) and one small head a
level. Channels come in multiples of 16, which ONNX Runtime's blocked convolutions want.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32, 64)
"""Pixels between two cells of each level."""

CHANNELS = 16
"""Numbers a cell: score, box (4), landmarks (10), spread of the landmarks."""


@dataclass(frozen=True)
class Widths:
    """Channels and blocks of the network."""

    stem: tuple[int, int] = (16, 32)
    """Channels at strides 2 and 4."""
    stages: tuple[int, ...] = (32, 64, 96, 96)
    """Channels at :data:`STRIDES`."""
    blocks: tuple[int, ...] = (2, 3, 2, 1)
    """Blocks after the one that halves the size."""
    kernels: tuple[int, ...] = (3, 5, 5, 3)
    """Sides of the depthwise kernels of these blocks."""
    heads: tuple[int, ...] = (32, 48, 64, 64)
    """Channels of the head of each level."""


class FaceNet(nn.Module):
    """Anchor-free face detector with landmarks.

    Takes float (N, 1, H, W) of 0 to 255, sides in multiples of 32; returns one tensor
    (N, 16, H / s, W / s, rounded up) for each of :data:`STRIDES`.
    """

    def __init__(self, widths: Widths | None = None) -> None:
        """Make an untrained network."""
        super().__init__()
        w = widths or Widths()
        self.widths = w
        self.stem = nn.Sequential(_convolve(1, w.stem[0], 3, 2), _Separable(*w.stem, step=2))
        inner = (w.stem[1], *w.stages)
        self.stages = nn.ModuleList(
            nn.Sequential(
                _Separable(inner[i], inner[i + 1], step=2),
                *[
                    _Separable(inner[i + 1], inner[i + 1], kernel=w.kernels[i])
                    for _ in range(w.blocks[i])
                ],
            )
            for i in range(len(w.stages))
        )
        self.lateral = nn.ModuleList(
            _convolve(stage, head, 1) for stage, head in zip(w.stages, w.heads, strict=True)
        )
        self.down = nn.ModuleList(_convolve(w.heads[i + 1], w.heads[i], 1) for i in range(2))
        self.heads = nn.ModuleList(
            nn.Sequential(_Separable(head, head), nn.Conv2d(head, CHANNELS, 1)) for head in w.heads
        )
        self._start_quiet()

    def _start_quiet(self) -> None:
        """Let every cell begin as background, with a box of some four cells."""
        for last in self.last_layers():
            nn.init.normal_(last.weight, std=0.01)
            bias = torch.zeros(CHANNELS)
            bias[0] = -4.5
            bias[3:5] = 1.4
            last.bias = nn.Parameter(bias)

    def last_layers(self) -> list[nn.Conv2d]:
        """Return the convolution of each level that puts out the numbers of a cell."""
        found = [layer for layer in self.heads.modules() if isinstance(layer, nn.Conv2d)]
        return [layer for layer in found if layer.bias is not None]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the raw outputs of every level."""
        x = self.stem(image * (1 / 255))
        features = []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            features.append(lateral(x))
        for i in (1, 0):
            above = functional.interpolate(self.down[i](features[i + 1]), scale_factor=2.0)
            features[i] = features[i] + above
        return [head(feature) for head, feature in zip(self.heads, features, strict=True)]


def _convolve(
    inputs: int, outputs: int, kernel: int, step: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, step, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class _Separable(nn.Module):
    """Depthwise then pointwise convolution; adds its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, step: int = 1, kernel: int = 3) -> None:
        super().__init__()
        self.depthwise = _convolve(inputs, inputs, kernel, step, inputs, active=False)
        self.pointwise = _convolve(inputs, outputs, 1)
        self.adds = step == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise(self.depthwise(x))
        return x + y if self.adds else y
