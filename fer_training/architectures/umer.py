"""CNN_1 and CNN_2, whose scores are fused.

Umer, Rout, Pero, Nappi, "Facial expression recognition with trade-offs between data
augmentation and deep learning features" (2022).

The totals are the paper's. The layers are a reconstruction that meets them exactly: six blocks
of one 3x3 convolution for CNN_1, three blocks of two convolutions and two dense layers for
CNN_2. An adaptive pooling before the dense layers lets both train on 48, 64 and 96 pixels in
turn; at 96 it changes nothing in CNN_2.
"""

from __future__ import annotations

from torch import nn

from fer_training.architectures import register

_PAPER = "Umer et al. 2022"


@register("umer-cnn1", size=96, channels=3, paper=_PAPER, parameters=476_135)
def cnn1(classes: int, dropout: float = 0.3) -> nn.Module:
    """The small network."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (32, 32, 32, 64, 128, 256):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
        inputs = outputs
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(256, 256),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(256, classes),
    )


@register("umer-cnn2", size=96, channels=3, paper=_PAPER, parameters=19_829_287)
def cnn2(classes: int, dropout: float = 0.3) -> nn.Module:
    """The large network."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs, kernel in ((32, 5), (64, 3), (256, 3)):
        for _ in range(2):
            layers += [
                nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
                nn.ReLU(inplace=True),
            ]
            inputs = outputs
        layers += [nn.MaxPool2d(2), nn.Dropout(dropout)]
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(12),
        nn.Flatten(),
        nn.Linear(12 * 12 * 256, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(512, 256),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(256, classes),
    )
