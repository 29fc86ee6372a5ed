"""ARCH-1 to ARCH-4 of Chowanda 2021, built on separable convolutions.

A. Chowanda, "Separable convolutional neural networks for facial expressions recognition",
Journal of Big Data 8:132 (2021).

The layer counts of ARCH-1 are those of the paper's table. Its two 1x1 shortcuts (256 and 512
weights) halve the resolution around the fourth convolution and around the pair of separable
convolutions, as in the mini-Xception it descends from; with the pooling after each later pair
of convolutions the last map is 3x3, which is what the 1,152 inputs of ARCH-2's first dense
layer ask for. ARCH-2 and ARCH-4 are known here by their totals, which fix a head of two dense
layers of 512; ARCH-3 and ARCH-4 likewise: replacing the pair of separable convolutions by
ordinary ones, of which the second keeps its 1x1 convolution, gives their totals exactly.
"""

from __future__ import annotations

from torch import nn

from fer_training.architectures import register
from fer_training.architectures.layers import Residual, SeparableConv2d, conv_bn_relu, shortcut

_PAPER = "Chowanda 2021"


def _halve() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, padding=1)


def _stem() -> list[nn.Module]:
    """48x48x1 to 24x24x16: convolutions of 72, 576, 1,152 and 2,304 weights."""
    fourth = nn.Sequential(
        nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), _halve()
    )
    return [
        conv_bn_relu(1, 8, bias=False),
        conv_bn_relu(8, 8, bias=False),
        conv_bn_relu(8, 16, bias=False),
        Residual(fourth, shortcut(16, 16, 2)),
    ]


def _separable_block() -> nn.Module:
    """24x24x16 to 12x12x32: separable convolutions of 656 and 1,312 weights."""
    main = nn.Sequential(
        SeparableConv2d(16, 32),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        SeparableConv2d(32, 32),
        nn.BatchNorm2d(32),
        _halve(),
    )
    return Residual(main, shortcut(16, 32, 2))


def _deep(dropout: float) -> list[nn.Module]:
    """12x12x32 to 3x3x128: convolutions of 18,496, 36,928, 73,856 and 147,584 weights."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((32, 64), (64, 128)):
        layers += [
            conv_bn_relu(inputs, outputs, bias=True),
            conv_bn_relu(outputs, outputs, bias=True),
            _halve(),
            nn.Dropout(dropout),
        ]
    return layers


def _ordinary_block() -> nn.Module:
    """24x24x16 to 12x12x32: what ARCH-3 has in place of the separable convolutions."""
    main = nn.Sequential(
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.Conv2d(32, 32, 1, bias=False),
        nn.BatchNorm2d(32),
        _halve(),
    )
    return Residual(main, shortcut(16, 32, 2))


def _pooled_head(classes: int) -> list[nn.Module]:
    return [nn.Conv2d(128, classes, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def _dense_head(classes: int, dropout: float) -> list[nn.Module]:
    return [
        nn.Flatten(),
        nn.Linear(3 * 3 * 128, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(512, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(512, classes),
    ]


@register("chowanda-arch1", size=48, channels=1, paper=_PAPER, parameters=293_951)
def arch1(classes: int, dropout: float = 0.5) -> nn.Module:
    """Separable convolutions, a 3x3 convolution to the classes, global average pooling."""
    return nn.Sequential(*_stem(), _separable_block(), *_deep(dropout), *_pooled_head(classes))


@register("chowanda-arch2", size=48, channels=1, paper=_PAPER, parameters=1_142_463)
def arch2(classes: int, dropout: float = 0.5) -> nn.Module:
    """Separable convolutions and dense layers."""
    head = _dense_head(classes, dropout)
    return nn.Sequential(*_stem(), _separable_block(), *_deep(dropout), *head)


@register("chowanda-arch3", size=48, channels=1, paper=_PAPER, parameters=306_831)
def arch3(classes: int, dropout: float = 0.5) -> nn.Module:
    """ARCH-1 without separable convolutions."""
    return nn.Sequential(*_stem(), _ordinary_block(), *_deep(dropout), *_pooled_head(classes))


@register("chowanda-arch4", size=48, channels=1, paper=_PAPER, parameters=1_155_343)
def arch4(classes: int, dropout: float = 0.5) -> nn.Module:
    """ARCH-2 without separable convolutions."""
    head = _dense_head(classes, dropout)
    return nn.Sequential(*_stem(), _ordinary_block(), *_deep(dropout), *head)
