"""Cost of a network: multiply-accumulates of its convolutions and dense layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def multiply_accumulates(network: nn.Module, channels: int, size: int) -> int:
    """Count the multiply-accumulates of one crop of shape (channels, size, size)."""
    total = 0

    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            taps = module.weight[0].numel()
            total += taps * output[0].numel()
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() * (output[0].numel() // module.out_features)

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    parameter = next(network.parameters())
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(1, channels, size, size, device=parameter.device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return total
