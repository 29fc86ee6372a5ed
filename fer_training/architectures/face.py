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

"""face-resnet: dlib's network of face recognition, to be taught expressions; never shipped.

The residual network of 29 convolutions that dlib's example ``dnn_face_recognition_ex.cpp`` gives
(King 2017, after He et al. 2016), with batch normalisation and a classifier of its own. Its
weights, learned from three million faces, are in the public domain (CC0 1.0):
``init: dlib_face_recognition_resnet_model_v1.dat`` reads them (fer_training.train.dlib_file).
It is a teacher that errs elsewhere than networks that have seen FER2013 alone.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fer_training.architectures import register
from fer_training.architectures.fer import TwoHeads

_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Width, number of blocks, and whether the first block halves the map."""


class _Block(nn.Module):
    """Two convolutions and a shortcut without weights; channels that it lacks are zeros."""

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        first: list[nn.Module] = (
            # One row and column behind the map, so that both branches halve an even side alike.
            [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, 3, stride=2, bias=False)]
            if halves
            else [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
        )
        self.main = nn.Sequential(
            *first,
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.pool = nn.AvgPool2d(2) if halves else nn.Identity()
        self.added = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the block's width."""
        shortcut = F.pad(self.pool(x), (0, 0, 0, 0, 0, self.added))
        return F.relu(self.main(x) + shortcut)


@register("face-resnet", size=112, channels=1, paper="fer_ros")
def face_resnet(classes: int, dropout: float = 0.3, votes: int = 0) -> nn.Module:
    """Return the stem, five stages of blocks, mean and classifier.

    dlib's own input has 150 pixels with a margin around the face; a crop of FER2013 has none, so
    that its face is as large in 112 pixels.

    Args:
        classes: Number of classes.
        dropout: Of the mean features.
        votes: Columns of a second head for the FER+ votes; 0 for none.
    """
    inputs = _STAGES[0][0]
    layers: list[nn.Module] = [
        nn.Conv2d(1, inputs, 7, stride=2, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
    ]
    for width, depth, halves in _STAGES:
        for index in range(depth):
            layers.append(_Block(inputs, width, halves and index == 0))
            inputs = width
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
    if votes:
        return TwoHeads(trunk, inputs, classes, votes)
    return nn.Sequential(trunk, nn.Linear(inputs, classes))
