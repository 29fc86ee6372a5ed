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

"""Building blocks that more than one publication uses."""

from __future__ import annotations

from torch import Tensor, nn


class SeparableConv2d(nn.Sequential):
    """Depthwise 3x3 convolution, then a pointwise one (Chollet 2017); no activation between."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=bias),
        )


def conv_bn_relu(inputs: int, outputs: int, *, bias: bool) -> nn.Sequential:
    """Return a 3x3 convolution that keeps the size, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return the 1x1 convolution and batch norm of a residual's projection."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
    )


class Residual(nn.Module):
    """The sum of a main branch and a shortcut of the same output shape."""

    def __init__(self, main: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Add the two branches."""
        total: Tensor = self.main(x) + self.shortcut(x)
        return total
