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

"""The convolutional networks of Patil's thesis (2023), layer by layer as its figures print them.

D. D. Patil, "Facial emotion recognition using deep learning", California State University,
Northridge (2023), figures 3.7 and 3.8. Kernels are not printed: 3x1 and 1x3 give every count.
Between the two convolutions of a block the figures have no activation. Dropout shares are not
printed.
"""

from __future__ import annotations

from torch import nn

from fer_training.architectures import register

_PAPER = "Patil 2023"


def _block(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, (3, 1), padding=(1, 0)),
        nn.Conv2d(outputs, outputs, (1, 3), padding=(0, 1)),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
    ]


def _dense(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [
        nn.Linear(inputs, outputs),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    ]


def _network(classes: int, hidden: tuple[int, ...], dropout: float) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = 1
    for outputs in (64, 128, 256, 512):
        layers += _block(inputs, outputs, dropout)
        inputs = outputs
    layers.append(nn.Flatten())
    inputs *= 3 * 3
    for outputs in hidden:
        layers += _dense(inputs, outputs, dropout)
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


@register("patil-fer2013", size=48, channels=1, paper=_PAPER, parameters=3_931_975)
def patil_fer2013(classes: int, dropout: float = 0.25) -> nn.Module:
    """Four factorised blocks and one hidden dense layer."""
    return _network(classes, (512,), dropout)


@register("patil-ckplus", size=48, channels=1, paper=_PAPER, parameters=4_062_535)
def patil_ckplus(classes: int, dropout: float = 0.25) -> nn.Module:
    """Four factorised blocks and two hidden dense layers."""
    return _network(classes, (512, 256), dropout)
