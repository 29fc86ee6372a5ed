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

"""A network for training with the weights of an exported file, where its checkpoint is lost.

The file's convolutions hold the batch normalisation that followed them. For training it is put
back with statistics measured on training batches, so that the network computes what the file does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_ros.perception.onnx_file import read_properties
from fer_training.data.base import DatasetError
from fer_training.detector.doubt import doubting
from fer_training.detector.network import FaceNet

_LEAST_VARIANCE = 1e-6
"""Variance of a channel below which its filter keeps its scale."""


def from_file(file: Path, batches: Iterable[Tensor]) -> FaceNet:
    """Return a network that computes what an exported file does, ready to be trained on.

    Args:
        file: ONNX file that `fer-train detector export` wrote.
        batches: uint8 (N, 1, S, S) training images, for the statistics of batch normalisation.

    Raises:
        DatasetError: The file holds other layers than the network.
        MetadataError: It is no detector of this form.
    """
    about = DetectorMetadata.from_props(read_properties(file))
    network = FaceNet()
    convolutions = _in_order_of_use(network)
    stored = _stored(file)
    shapes = [tuple(layer.weight.shape) for layer in convolutions]
    if [weight.shape for weight, _ in stored] != shapes:
        raise DatasetError(f"{file} holds other layers than fer-face; train without --start")
    followers = _followers(network)
    with torch.no_grad():
        for layer, (weight, bias) in zip(convolutions, stored, strict=True):
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            shift = torch.from_numpy(bias.copy())
            if layer.bias is not None:
                layer.bias.copy_(shift)
            else:
                follower = followers[layer]
                follower.weight.fill_(math.sqrt(1 + follower.eps))  # running variance 1
                follower.bias.copy_(shift)
    network.eval()
    _put_statistics(network, followers, batches)
    share = about.recipe.get("spread_share", 0.0)
    return doubting(network, -float(share)).to(  # type: ignore[no-any-return]
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )


def _stored(file: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return weight and bias of the file's convolutions in the order of the graph."""
    graph = onnx.load(file).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    return [(tensors[node.input[1]], tensors[node.input[2]]) for node in nodes]


def _in_order_of_use(network: FaceNet) -> list[nn.Conv2d]:
    """Return the convolutions as a run meets them, which is the order of an exported graph."""
    met: list[nn.Conv2d] = []

    def note(layer: nn.Module, *_: Any) -> None:
        assert isinstance(layer, nn.Conv2d)
        met.append(layer)

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, 64, 64))
    for handle in handles:
        handle.remove()
    return met


def _followers(network: FaceNet) -> dict[nn.Conv2d, nn.BatchNorm2d]:
    """Return the batch normalisation behind each convolution that has one."""
    return {
        block[0]: block[1]
        for block in network.modules()
        if isinstance(block, nn.Sequential)
        and len(block) > 1
        and isinstance(block[0], nn.Conv2d)
        and isinstance(block[1], nn.BatchNorm2d)
    }


def _put_statistics(
    network: FaceNet, followers: dict[nn.Conv2d, nn.BatchNorm2d], batches: Iterable[Tensor]
) -> None:
    """Measure what each convolution puts out and split it off its filter and bias.

    Filters are scaled so that a channel's variance before normalisation is 1: a step of the
    optimiser then moves all of them alike.
    """
    sums: dict[nn.Conv2d, list[Tensor]] = {layer: [] for layer in followers}

    def note(layer: nn.Module, _: Any, out: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        rows = out.double().transpose(0, 1).flatten(1)
        sums[layer].append(torch.stack([rows.mean(1), rows.square().mean(1)]))

    handles = [layer.register_forward_hook(note) for layer in followers]
    with torch.no_grad():
        for batch in batches:
            network(batch.float())
        for handle in handles:
            handle.remove()
        for layer, follower in followers.items():
            mean, square = torch.stack(sums[layer]).mean(0)
            variance = square - mean.square()
            scale = torch.where(variance > _LEAST_VARIANCE, variance, 1.0).sqrt()
            variance = (variance / scale.square()).clamp(min=0)
            layer.weight.div_(scale[:, None, None, None])
            follower.running_mean.copy_(mean / scale)  # type: ignore[union-attr]
            follower.running_var.copy_(variance)  # type: ignore[union-attr]
            follower.weight.copy_(scale * (variance + follower.eps).sqrt())
            follower.bias.add_(mean)
