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

"""The layers of an exported network, found again in the network that it was made from.

Exported convolutions hold the batch normalisation that followed them. It is put back with the
statistics of training images, so that the network computes what the file does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

_LEAST_VARIANCE = 1e-6
"""Variance of a channel below which its filter keeps its scale."""

Weighted = nn.Conv2d | nn.Linear
Stored = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Weight and bias of a layer in a file."""


def stored_layers(path: Path) -> list[Stored]:
    """Return weight and bias of convolutions and linear layers in the order of the graph."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:  # tensors of equal values are stored once
        if node.op_type == "Identity" and node.input[0] in tensors:
            tensors[node.output[0]] = tensors[node.input[0]]
    found: list[Stored] = []
    for node in graph.node:
        inputs = [tensors.get(name) for name in node.input]
        if node.op_type in ("Conv", "Gemm") and inputs[1] is not None:
            found.append((inputs[1], inputs[2] if len(inputs) > 2 else None))
        elif node.op_type == "MatMul" and inputs[1] is not None:
            found.append((inputs[1].T, None))
    return found


def in_order_of_use(
    network: nn.Module, inputs: Tensor
) -> tuple[list[Weighted], dict[Weighted, nn.BatchNorm2d]]:
    """Return convolutions and linear layers as a run meets them, and who normalises them."""
    met: list[Weighted] = []
    followers: dict[Weighted, nn.BatchNorm2d] = {}

    def note(layer: nn.Module, *_: Any) -> None:
        if isinstance(layer, nn.BatchNorm2d):
            followers[met[-1]] = layer
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            met.append(layer)

    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
    handles = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        network(inputs)
    for handle in handles:
        handle.remove()
    return met, followers


def fits(layers: Sequence[Weighted], stored: Sequence[Stored]) -> bool:
    """Return whether stored weights have the shapes of a network's layers."""
    return [weight.shape for weight, _ in stored] == [tuple(each.weight.shape) for each in layers]


def put_weights(
    layers: Sequence[Weighted],
    followers: Mapping[Weighted, nn.BatchNorm2d],
    stored: Sequence[Stored],
) -> None:
    """Copy stored weights and biases; a bias goes to the normalisation that follows, if any."""
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, stored, strict=True):
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            if bias is None:
                continue
            shift, norm = torch.from_numpy(bias.copy()), followers.get(layer)
            if norm is not None:
                norm.weight.fill_(math.sqrt(1 + norm.eps))  # running variance 1
                norm.bias.copy_(shift)
                if layer.bias is not None:
                    layer.bias.zero_()
            elif layer.bias is not None:
                layer.bias.copy_(shift)


def put_statistics(
    network: nn.Module, followers: Mapping[Weighted, nn.BatchNorm2d], batches: Iterable[Tensor]
) -> None:
    """Measure what each convolution puts out and split it off its filter and bias.

    Filters are scaled so that a channel's variance before normalisation is 1: a step of the
    optimiser then moves all of them alike.
    """
    sums: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, _: Any, out: Tensor) -> None:
        rows = out.double().transpose(0, 1).flatten(1)
        sums[layer] = sums.get(layer, 0) + torch.stack([rows.sum(1), rows.square().sum(1)])
        counts[layer] = counts.get(layer, 0) + rows.shape[1]

    counts: dict[nn.Module, int] = {}
    handles = [layer.register_forward_hook(note) for layer in followers]
    with torch.no_grad():
        for batch in batches:
            network(batch)
        for handle in handles:
            handle.remove()
        for layer, norm in followers.items():
            mean, square = sums[layer] / counts[layer]
            variance = square - mean.square()
            scale = torch.where(variance > _LEAST_VARIANCE, variance, 1.0).sqrt()
            variance = (variance / scale.square()).clamp(min=0)
            layer.weight.div_(scale[:, None, None, None])
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(mean / scale)
            norm.running_var.copy_(variance)
            norm.weight.copy_(scale * (variance + norm.eps).sqrt())
            norm.bias.add_(mean)
