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
