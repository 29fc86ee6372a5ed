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

"""Removes channel gates that are 1 for every crop from exported networks.

The gates of fer-base and fer-lite of version 0.1 begin where the slope of their hard sigmoid is 0
and never left 1, so that without them every probability stays within rounding, and a run is faster.
In int8 files a gate is the number 255 of 255 and what it multiplies has one scale before and after,
so every number stays as it is. ``python -m fer_training.ship.gates FILE.onnx`` rewrites files in
place; digests are renewed as :mod:`fer_training.ship.renew` says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from fer_ros.perception.model_metadata import ModelMetadata
from fer_training.ship.renew import renew_all

_OPEN = 3.0
"""From here on a hard sigmoid with ONNX's slope of a sixth, PyTorch's too, gives 1."""
_ROUNDED = 1e-3
"""Less is possible for an int8 file's biases: the gate then rounds to 255 of 255."""


def without_gates(model: onnx.ModelProto) -> int:
    """Take out, in place, every product with a gate that is always 1; return how many.

    A gate is a hard sigmoid of a convolution whose kernels are 0 and whose biases are 3 or more.
    """
    graph = model.graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}

    def maker(name: str) -> onnx.NodeProto | None:
        """Return what computes a tensor, before its quantisation."""
        node = makers.get(name)
        while node is not None and node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node = makers.get(node.input[0])
        return node

    def tensor(name: str) -> np.ndarray | None:
        node = makers.get(name)
        if node is not None and node.op_type in ("Identity", "DequantizeLinear"):
            values = tensors.get(node.input[0])
            if values is None or node.op_type == "Identity":
                return values
            scale, zero = (tensors[name].astype(np.float32) for name in node.input[1:])
            by_channel = (-1,) + (1,) * (values.ndim - 1)
            return (values - zero.reshape(by_channel)) * scale.reshape(by_channel)
        return tensors.get(name)

    def always_one(name: str) -> bool:
        gate = maker(name)
        if gate is None or gate.op_type != "HardSigmoid":
            return False
        slope = {entry.name: entry.f for entry in gate.attribute}.get("alpha", 0.2)
        squeezed = maker(gate.input[0])
        if squeezed is None or squeezed.op_type != "Conv" or abs(slope - 1 / 6) > 1e-6:
            return False
        kernels, bias = tensor(squeezed.input[1]), tensor(squeezed.input[2])
        if kernels is None or bias is None:
            return False
        rounded = makers.get(squeezed.input[2])
        quantised = rounded is not None and rounded.op_type == "DequantizeLinear"
        return not kernels.any() and bool((bias >= _OPEN - _ROUNDED * quantised).all())

    renamed: dict[str, str] = {}
    for node in [node for node in graph.node if node.op_type == "Mul"]:
        for gate, other in ((0, 1), (1, 0)):
            if always_one(node.input[gate]):
                renamed[node.output[0]] = node.input[other]
                graph.node.remove(node)
                break
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)
    _drop_unused(graph)
    return len(renamed)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Take out nodes and tensors that lead to no output of the graph."""
    used = {output.name for output in graph.output}
    kept = []
    for node in reversed(list(graph.node)):
        if used & set(node.output):
            used |= set(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def open_gates_out(model: onnx.ModelProto, metadata: ModelMetadata) -> ModelMetadata:
    """Take the gates out of a graph, in place; return the metadata as it is."""
    without_gates(model)
    return metadata


if __name__ == "__main__":
    renew_all([Path(name) for name in sys.argv[1:]], lambda _: open_gates_out)
