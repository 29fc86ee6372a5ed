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

"""CNN_1 and CNN_2, whose scores are fused, layer by layer as tables 1 and 2 print them.

Umer, Rout, Tiwari, AlZubi, Alanazi, Yurii, "Human-Computer Interaction Using Deep Fusion
Model-Based Facial Expression Recognition System" (2022).

The tables print shapes for 96x96 crops and leave the side open as n; table 4 reports 48, 64 and
96. Nothing pools adaptively, so a network's first dense layer is as wide as its crop asks for and
each side is a network of its own here.

What the tables leave open or contradict, and how it is read here: CNN_1's dense layers print no
activation (ReLU here, or three would be one); CNN_2's last row prints ReLU where the text and
CNN_1 have softmax (logits here); its dense layers of 512 and 256 print no count for their batch
norms, which the total holds; block 4 of CNN_1 prints 96 channels once (128, as beside it); dropout
shares are not printed.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from fer_training.architectures import register

_PAPER = "Umer et al. 2022"


def _cnn1(size: int) -> Callable[..., nn.Module]:
    def build(classes: int, dropout: float = 0.3) -> nn.Module:
        """Table 1: five blocks of convolution, ReLU, pooling and batch norm; two dense layers."""
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in (32, 64, 96, 128, 64):
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(outputs),
            ]
            inputs = outputs
        side = size // 2**5
        return nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(side * side * 64, 256),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(256, 256),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(256, classes),
        )

    return build


def _dense(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [
        nn.Linear(inputs, outputs),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(outputs),
        nn.Dropout(dropout),
    ]


def _cnn2(size: int) -> Callable[..., nn.Module]:
    def build(classes: int, dropout: float = 0.3) -> nn.Module:
        """Table 2: six convolutions with a batch norm each; dense layers of 1024, 512 and 256."""
        layers: list[nn.Module] = []
        inputs = 3
        for number, outputs in enumerate((32, 32, 64, 64, 128, 128)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.BatchNorm2d(outputs),
            ]
            if number % 2:
                layers.append(nn.MaxPool2d(2))
            if number in (3, 5):
                layers.append(nn.Dropout(dropout))
            inputs = outputs
        side = size // 2**3
        return nn.Sequential(
            *layers,
            nn.Flatten(),
            *_dense(side * side * 128, 1024, dropout),
            *_dense(1024, 512, dropout),
            *_dense(512, 256, dropout),
            nn.Linear(256, classes),
        )

    return build


for _size in (48, 64, 96):
    _suffix = "" if _size == 96 else f"-{_size}"
    for _name, _make, _total in (("cnn1", _cnn1, 476_135), ("cnn2", _cnn2, 19_829_287)):
        register(
            f"umer-{_name}{_suffix}",
            size=_size,
            channels=3,
            paper=_PAPER,
            parameters=_total if _size == 96 else None,
        )(_make(_size))
