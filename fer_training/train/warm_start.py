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

"""The weights of an exported network, ready to be trained on, where its checkpoint is lost.

Exported convolutions hold the batch normalisation that followed them. It is put back with the
statistics of training crops, so that the network computes what the file does.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from fer_ros.perception.model_metadata import ModelMetadata
from fer_ros.perception.model_store import shipped_models
from fer_ros.perception.onnx_file import read_properties
from fer_training import architectures
from fer_training.architectures import networks
from fer_training.architectures.fer import ChannelAttention
from fer_training.data.tensors import to_network
from fer_training.measure import predictors
from fer_training.recipes.recipe import Recipe, from_dict, to_yaml
from fer_training.records import checkpoint
from fer_training.records.checkpoint import Checkpoint, CheckpointError
from fer_training.train.exported_layers import (
    fits,
    in_order_of_use,
    put_statistics,
    put_weights,
    stored_layers,
)

_BATCH = 128


def read(place: str, crops: Tensor | None = None) -> Checkpoint:
    """Return the weights of a run folder, a checkpoint, an exported file or a shipped network.

    Args:
        place: Path, or name of a shipped network.
        crops: As in :func:`from_file`.

    Raises:
        CheckpointError, MetadataError: It is none of these.
    """
    path = Path(place)
    if path.suffix == ".onnx" or (not path.exists() and place in shipped_models()):
        return from_file(predictors.resolve(path), crops)
    return checkpoint.load(path)


def from_file(path: Path, crops: Tensor | None = None) -> Checkpoint:
    """Return a checkpoint that computes what an exported file does.

    Args:
        path: ONNX file of ``fer-train export``, not of ``fer-train quantize``.
        crops: uint8 (N, C, H, W) training crops, for the statistics of batch normalisation; a
            network that is not trained on needs none.

    Raises:
        CheckpointError: The file holds other layers than its recipe's network.
        MetadataError: It is no emotion network.
    """
    about = ModelMetadata.from_props(read_properties(path))
    known = {entry.name for entry in fields(Recipe)}
    recipe = from_dict({key: value for key, value in about.recipe.items() if key in known})
    recipe.votes_weight = 0.0  # the file has no second head
    network = networks.build(recipe, len(about.labels)).eval()
    entry = architectures.get(recipe.architecture)
    layers, followers = in_order_of_use(
        network, torch.zeros(2, entry.channels, entry.size, entry.size)
    )
    stored = stored_layers(path)
    if not fits(layers, stored):  # the file may have lost its gates (fer_training.ship.gates)
        gates = [m for m in network.modules() if isinstance(m, ChannelAttention)]
        fresh = {layer for gate in gates for layer in gate.modules()}  # open, as those were
        layers = [layer for layer in layers if layer not in fresh]
    if not fits(layers, stored):
        raise CheckpointError(f"{path} holds other layers than {recipe.architecture}")
    put_weights(layers, followers, stored)
    _put_named(network, path)
    if crops is not None:
        inputs = to_network(crops, entry.size, entry.channels, recipe.mean, recipe.scale)
        put_statistics(network, followers, torch.split(inputs, _BATCH))
    labels = list(about.labels)
    return Checkpoint(recipe.architecture, labels, to_yaml(recipe), network.state_dict())


def _put_named(network: nn.Module, path: Path) -> None:
    """Copy parameters that are no layer's weight or bias; the file has them under their names."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
    for prefix, module in network.named_modules():
        if isinstance(module, layers):
            continue
        for name, parameter in module.named_parameters(prefix, recurse=False):
            if name not in tensors:
                raise CheckpointError(f"{path} lacks {name}")
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(tensors[name].copy()))
