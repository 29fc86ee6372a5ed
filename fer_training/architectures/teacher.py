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

"""fer-teacher: the large network that fer-base and fer-lite learn from; never shipped.

A residual network of ordinary 3x3 convolutions (He et al. 2016). Nothing in it is separable,
because it is trained, not run on robots: in bfloat16 on a CPU a step of its 178 million
multiply-accumulates an image costs about as much as one of fer-base's, whose depthwise
convolutions and gates wait for memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from fer_training.architectures import register
from fer_training.architectures.fer import TwoHeads
from fer_training.architectures.layers import Residual, conv_bn_relu, shortcut


def _block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return two convolutions and a shortcut."""
    main = nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    )
    keeps = stride == 1 and inputs == outputs
    way = nn.Identity() if keeps else shortcut(inputs, outputs, stride)
    return nn.Sequential(Residual(main, way), nn.ReLU(inplace=True))


@register("fer-teacher", size=48, channels=1, paper="fer_ros")
def teacher(
    classes: int,
    stem: int = 16,
    widths: Sequence[int] = (64, 128, 256),
    depths: Sequence[int] = (1, 2, 2),
    dropout: float = 0.3,
    votes: int = 0,
) -> nn.Module:
    """Return stem, residual stages at 24x24, 12x12 and 6x6, mean and classifier.

    Args:
        classes: Number of classes.
        stem: Channels at full size.
        widths: Channels of the stages.
        depths: Blocks of the stages.
        dropout: Of the mean features.
        votes: Columns of a second head for the FER+ votes; 0 for none.
    """
    layers: list[nn.Module] = [conv_bn_relu(1, stem, bias=False)]
    inputs = stem
    for width, depth in zip(widths, depths, strict=True):
        for index in range(depth):
            layers.append(_block(inputs, width, 1 if index else 2))
            inputs = width
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
    if votes:
        return TwoHeads(trunk, inputs, classes, votes)
    return nn.Sequential(trunk, nn.Linear(inputs, classes))
