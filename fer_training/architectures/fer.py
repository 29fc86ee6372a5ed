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

"""fer-lite and fer-base: separable residual blocks and fused attention.

Own networks, built of the five publications' ideas. A block pairs an ordinary convolution with a
separable one (Chowanda 2021) inside a residual (Yengikand et al. 2023) and weighs its channels
(squeeze-and-excitation, Hu et al. 2018). Instead of an average, two attentions gather the last
map: the additive and the multiplicative one of Yengikand et al., whose two sums are joined. The
stem halves the resolution at once, because full-size maps cost most of the time and little of the
accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from fer_training.architectures import register
from fer_training.architectures.layers import SeparableConv2d, conv_bn_relu, shortcut
from fer_training.recipes.recipe import OWN


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation: every channel is weighed by a gate that sees all channels."""

    def __init__(self, width: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(8, width // reduction)
        squeeze, excite = nn.Conv2d(width, hidden, 1), nn.Conv2d(hidden, width, 1)
        nn.init.zeros_(excite.weight)
        nn.init.constant_(cast(Tensor, excite.bias), 3.0)  # where the hard sigmoid reaches 1
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), squeeze, nn.ReLU(inplace=True), excite, nn.Hardsigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x, shape (N, width, H, W), with its channels weighed."""
        weighed: Tensor = x * self.gate(x)
        return weighed


class MixedBlock(nn.Module):
    """An ordinary and a separable convolution, channel attention, a residual shortcut."""

    def __init__(self, inputs: int, outputs: int, gates: bool = True) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            SeparableConv2d(outputs, outputs),
            nn.BatchNorm2d(outputs),
            ChannelAttention(outputs) if gates else nn.Identity(),
        )
        keeps = inputs == outputs
        self.shortcut = nn.Identity() if keeps else shortcut(inputs, outputs, 1)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of ``outputs`` channels and the same size."""
        out: Tensor = self.activation(self.main(x) + self.shortcut(x))
        return out


class FusedAttentionPool(nn.Module):
    """Gather a map by additive and by multiplicative attention over its positions.

    The additive score of a position is ``v^T tanh(W h)`` (Bahdanau et al. 2015), the
    multiplicative one ``q^T h`` with the map's mean as the query, projected (Luong et al. 2015).
    The two weighted sums are scaled channel by channel and added to the plain mean.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.root = width**0.5
        self.additive = nn.Sequential(
            nn.Conv2d(width, hidden, 1), nn.Tanh(), nn.Conv2d(hidden, 1, 1, bias=False)
        )
        self.query = nn.Sequential(
            nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)
        )
        self.share = nn.Parameter(torch.zeros(2, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (N, width) from x of shape (N, width, H, W)."""
        positions = x.flatten(2)
        mean = positions.mean(2)
        scores = self.query(mean).unsqueeze(1) @ positions / self.root
        both = torch.cat([self.additive(x).flatten(2), scores], dim=1)
        gathered = torch.softmax(both, dim=2) @ positions.transpose(1, 2)
        return mean + (self.share * gathered).sum(1)


class HeadLogits(NamedTuple):
    """The logits of each head."""

    labels: Tensor
    """Shape (N, classes)."""
    votes: Tensor | None = None
    """Shape (N, 8), of networks that learn the FER+ votes too."""

    def float(self) -> HeadLogits:
        """Return the logits in float32."""
        return HeadLogits(self.labels.float(), None if self.votes is None else self.votes.float())


class TwoHeads(nn.Module):
    """One trunk that learns the data set's labels and the FER+ votes side by side.

    In training the logits of both heads are returned; otherwise the labels' alone.
    """

    def __init__(self, trunk: nn.Module, width: int, classes: int, votes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.labels = nn.Linear(width, classes)
        self.votes = nn.Linear(width, votes)

    def forward(self, x: Tensor) -> HeadLogits | Tensor:
        """Return the logits of both heads in training, otherwise the labels', (N, classes)."""
        features = self.trunk(x)
        logits: Tensor = self.labels(features)
        return HeadLogits(logits, self.votes(features)) if self.training else logits

    def single(self, head: str) -> nn.Module:
        """Return trunk and one head, ``labels`` or ``votes``: a network without the other."""
        return nn.Sequential(self.trunk, self.votes if head == "votes" else self.labels)


def _network(
    classes: int,
    widths: Sequence[int],
    depths: Sequence[int],
    dropout: float,
    votes: int,
    attention: bool,
    gates: bool,
) -> nn.Module:
    """Return stem, stages at 24x24, 12x12 and 6x6, attention and classifier.

    Args:
        classes: Number of classes.
        widths: Channels of the stages.
        depths: Blocks of the stages.
        dropout: Of the gathered features.
        votes: Columns of a second head for the FER+ votes; 0 for none.
        attention: Of channels and positions; without it the last map's mean is classified.
        gates: Attention of channels.
    """
    layers: list[nn.Module] = [
        conv_bn_relu(1, 8, bias=False),
        conv_bn_relu(8, 16, bias=False),
    ]
    inputs = 16
    for width, depth in zip(widths, depths, strict=True):
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
        for _ in range(depth):
            layers.append(MixedBlock(inputs, width, attention and gates))
            inputs = width
    mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pool = FusedAttentionPool(inputs, inputs // 4) if attention else mean
    trunk = nn.Sequential(*layers, pool, nn.Dropout(dropout))
    if votes:
        return TwoHeads(trunk, inputs, classes, votes)
    return nn.Sequential(trunk, nn.Linear(inputs, classes))


@register("fer-lite", size=48, channels=1, paper=OWN)
def lite(
    classes: int,
    widths: Sequence[int] = (32, 64, 108),
    depths: Sequence[int] = (1, 2, 2),
    dropout: float = 0.1,
    votes: int = 0,
    attention: bool = True,
    gates: bool = True,
) -> nn.Module:
    """At most 300,000 parameters and 1.2 times the latency of ARCH-1."""
    return _network(classes, widths, depths, dropout, votes, attention, gates)


@register("fer-base", size=48, channels=1, paper=OWN)
def base(
    classes: int,
    widths: Sequence[int] = (48, 96, 152),
    depths: Sequence[int] = (2, 3, 3),
    dropout: float = 0.2,
    votes: int = 0,
    attention: bool = True,
    gates: bool = True,
) -> nn.Module:
    """At most 1,000,000 parameters and 4 times the latency of ARCH-1."""
    return _network(classes, widths, depths, dropout, votes, attention, gates)
