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

"""ARCH-1 to ARCH-4 of Chowanda 2021, layer by layer as tables 1 to 4 print them.

A. Chowanda, "Separable convolutional neural networks for facial expressions recognition",
Journal of Big Data 8:132 (2021). Modules have the tables' layer names.

What the tables leave open or contradict, and how it is read here:

- Table 1's first convolution is in one garbled row with its batch norm; table 2 prints the
  same row in full (72 weights).
- Kernels of the poolings are not printed: 2x2, which halves as the shapes do.
- Tables 3 and 4 repeat the shape and the count of the first batch norm in every later one, and
  the shape of the second pooling in the later ones: each is as wide as the convolution before it,
  which gives both printed totals.
- Table 4 ends in its second dense layer twice: the last row is the layer of the classes, as in
  table 2, which gives the printed total.
- Dropout of 0.5 is printed in the text without a place, and no table has a row for it: here it is
before the layer of the classes and between the dense layers.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from fer_training.architectures import register
from fer_training.architectures.layers import SeparableConv2d

_PAPER = "Chowanda 2021"


class SeparableTrunk(nn.Module):
    """Tables 1 and 2 up to ``activation_10``: 48x48x1 to 6x6x128."""

    def __init__(self) -> None:
        super().__init__()
        stem = _Chain(1)
        stem.conv(8, "conv2d").norm("batch_normalization").act("activation")
        stem.conv(8, "conv2d_1").norm("batch_normalization_1").act("activation_1")
        stem.conv(16, "conv2d_2").norm("batch_normalization_2").act("activation_2")
        stem.conv(16, "conv2d_3").norm("batch_normalization_3")
        self.stem = stem.pool("max_pooling2d").act("activation_3").network()

        separable = _Chain(16)
        separable.separable(32, "separable_conv2d").norm("batch_normalization_6")
        separable.act("activation_4")
        separable.separable(32, "separable_conv2d_1").norm("batch_normalization_7")
        self.separable = separable.pool("max_pooling2d_1").act("activation_5").network()

        residual = _Chain(16)
        residual.conv(16, "conv2d_4", kernel=1).norm("batch_normalization_4")
        residual.conv(32, "conv2d_5", kernel=1, stride=2).norm("batch_normalization_5")
        self.residual = residual.network()

        deep = _Chain(32).act("activation_6")
        deep.conv(64, "conv2d_6", bias=True).norm("batch_normalization_8").act("activation_7")
        deep.conv(64, "conv2d_7", bias=True).norm("batch_normalization_9")
        deep.pool("max_pooling2d_2").act("activation_8")
        deep.conv(128, "conv2d_8", bias=True).norm("batch_normalization_10").act("activation_9")
        deep.conv(128, "conv2d_9", bias=True).norm("batch_normalization_11").act("activation_10")
        self.deep = deep.network()

    def forward(self, x: Tensor) -> Tensor:
        """Return the last map, shape (N, 128, 6, 6), of grey crops (N, 1, 48, 48)."""
        x = self.stem(x)
        last: Tensor = self.deep(self.separable(x) + self.residual(x))
        return last


def _plain_trunk() -> nn.Sequential:
    """Tables 3 and 4 up to ``activation_10``: 48x48x1 to 6x6x128, one chain without a residual."""
    chain = _Chain(1)
    for number, (width, pool) in enumerate(_PLAIN):
        suffix = f"_{number}" if number else ""
        chain.conv(width, f"conv2d{suffix}").norm(f"batch_normalization{suffix}")
        if pool:
            chain.pool(pool)
        chain.act(f"activation{suffix}")
    return chain.network()


_PLAIN = (
    (8, ""),
    (8, ""),
    (16, ""),
    (16, ""),
    (16, "max_pooling2d"),
    (32, ""),
    (32, "max_pooling2d_1"),
    (64, ""),
    (64, "max_pooling2d_2"),
    (128, ""),
    (128, ""),
)
"""Channels of the convolutions of tables 3 and 4, and the pooling after each."""


class _Chain:
    """Collects layers under their printed names, each as wide as the one before gives."""

    def __init__(self, channels: int) -> None:
        self._layers: OrderedDict[str, nn.Module] = OrderedDict()
        self._channels = channels

    def conv(
        self, outputs: int, name: str, *, kernel: int = 3, stride: int = 1, bias: bool = False
    ) -> _Chain:
        self._layers[name] = nn.Conv2d(
            self._channels, outputs, kernel, stride, padding=kernel // 2, bias=bias
        )
        self._channels = outputs
        return self

    def separable(self, outputs: int, name: str) -> _Chain:
        self._layers[name] = SeparableConv2d(self._channels, outputs)
        self._channels = outputs
        return self

    def norm(self, name: str) -> _Chain:
        self._layers[name] = nn.BatchNorm2d(self._channels)
        return self

    def act(self, name: str) -> _Chain:
        self._layers[name] = nn.ReLU(inplace=True)
        return self

    def pool(self, name: str) -> _Chain:
        self._layers[name] = nn.MaxPool2d(2)
        return self

    def network(self) -> nn.Sequential:
        return nn.Sequential(self._layers)


def _pooled_head(classes: int, dropout: float, last: str) -> nn.Sequential:
    layers: list[tuple[str, nn.Module]] = [
        ("dropout", nn.Dropout(dropout)),
        (last, nn.Conv2d(128, classes, 3, padding=1)),
        ("global_average_pooling2d", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
    ]
    return nn.Sequential(OrderedDict(layers))


def _dense_head(classes: int, dropout: float) -> nn.Sequential:
    layers: list[tuple[str, nn.Module]] = [
        ("max_pooling2d_3", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()),
        ("dense", nn.Linear(3 * 3 * 128, 512)),
        ("dense_activation", nn.ReLU(inplace=True)),
        ("dropout", nn.Dropout(dropout)),
        ("dense_1", nn.Linear(512, 512)),
        ("dense_1_activation", nn.ReLU(inplace=True)),
        ("dropout_1", nn.Dropout(dropout)),
        ("prediction", nn.Linear(512, classes)),
    ]
    return nn.Sequential(OrderedDict(layers))


@register("chowanda-arch1", size=48, channels=1, paper=_PAPER, parameters=293_951)
def arch1(classes: int, dropout: float = 0.5) -> nn.Module:
    """Table 1: separable convolutions beside a residual branch, global average pooling."""
    return nn.Sequential(SeparableTrunk(), _pooled_head(classes, dropout, "conv2d_10"))


@register("chowanda-arch2", size=48, channels=1, paper=_PAPER, parameters=1_142_463)
def arch2(classes: int, dropout: float = 0.5) -> nn.Module:
    """Table 2: ARCH-1 with two dense layers in place of the global average pooling."""
    return nn.Sequential(SeparableTrunk(), _dense_head(classes, dropout))


@register("chowanda-arch3", size=48, channels=1, paper=_PAPER, parameters=306_831)
def arch3(classes: int, dropout: float = 0.5) -> nn.Module:
    """Table 3: a plain chain of eleven convolutions, global average pooling."""
    return nn.Sequential(_plain_trunk(), _pooled_head(classes, dropout, "conv2d_11"))


@register("chowanda-arch4", size=48, channels=1, paper=_PAPER, parameters=1_155_343)
def arch4(classes: int, dropout: float = 0.5) -> nn.Module:
    """Table 4: the chain of ARCH-3 with two dense layers."""
    return nn.Sequential(_plain_trunk(), _dense_head(classes, dropout))
