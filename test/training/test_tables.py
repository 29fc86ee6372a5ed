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

"""Every network's layers, shapes, parameters and wiring against its printed table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import printed_tables
from printed_tables import Row
from torch import fx, nn

from fer_training import architectures
from fer_training.architectures.layers import SeparableConv2d

SILENT = (nn.Dropout, nn.Flatten, nn.Identity)


class Tracer(fx.Tracer):
    """Sees a separable convolution as the one layer that the papers print."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, SeparableConv2d) or super().is_leaf_module(module, name)


def kind(module: nn.Module) -> str:
    if isinstance(module, SeparableConv2d):
        return "separable 3x3"
    if isinstance(module, nn.Conv2d):
        return "conv {}x{}".format(*module.kernel_size)
    if isinstance(module, nn.MaxPool2d):
        size = module.kernel_size
        assert module.stride == size
        return f"pool {size}x{size}"
    names = {
        nn.BatchNorm2d: "norm",
        nn.BatchNorm1d: "norm",
        nn.ReLU: "relu",
        nn.Linear: "dense",
        nn.AdaptiveAvgPool2d: "mean",
    }
    return names[type(module)]


def printed_shape(shape: torch.Size) -> tuple[int, ...]:
    """Return channels last and without the batch; a pooled 1x1 map is a vector."""
    _, *rest = shape
    if len(rest) == 1 or rest[1:] == [1, 1]:
        return (rest[0],)
    return (*rest[1:], rest[0])


def layers(network: nn.Module, channels: int, size: int) -> list[Row]:
    """Trace a network and return its layers as a table would print them, in order of execution."""
    network.eval()
    graph = Tracer().trace(network)
    modules = dict(network.named_modules())
    shapes: dict[str, torch.Size] = {}

    class Shapes(fx.Interpreter):
        def run_node(self, node: fx.Node) -> Any:
            out = super().run_node(node)
            if isinstance(out, torch.Tensor):
                shapes[node.name] = out.shape
            return out

    Shapes(fx.GraphModule(network, graph)).run(torch.zeros(2, channels, size, size))
    names: dict[str, str] = {}
    made = []
    for node in graph.nodes:
        before = [names[other.name] for other in node.all_input_nodes]
        if node.op == "placeholder":
            names[node.name] = "input"
        elif node.op == "call_module" and isinstance(modules[node.target], SILENT):
            names[node.name] = before[0]
        elif node.op == "call_module":
            module = modules[node.target]
            name = str(node.target).rpartition(".")[2]
            name = f"layer_{len(made)}" if name.isdigit() else name
            count = architectures.parameter_count(module)
            shape = printed_shape(shapes[node.name])
            made.append(Row(name, kind(module), shape, count, tuple(before)))
            names[node.name] = name
        elif node.op == "call_function":
            made.append(Row("add", "add", printed_shape(shapes[node.name]), 0, tuple(before)))
            names[node.name] = "add"
    return made


def renamed(found: list[Row], table: tuple[Row, ...]) -> list[Row]:
    """Give layers without a name of their own the names of the table, by their order."""
    names = {"input": "input"}
    for row, wanted in zip(found, table, strict=True):
        names[row.name] = wanted.name if row.name.startswith("layer_") else row.name
    return [
        replace(row, name=names[row.name], inputs=tuple(names[before] for before in row.inputs))
        for row in found
    ]


def in_order_of(table: tuple[Row, ...], found: list[Row]) -> list[Row]:
    """Sort layers of parallel branches, which have no order of execution, as the table does."""
    places = {row.name: place for place, row in enumerate(table)}
    return sorted(found, key=lambda row: places.get(row.name, -1))


@pytest.mark.parametrize("name", printed_tables.TABLES)
def test_layers_are_those_of_the_printed_table(name: str) -> None:
    table, total = printed_tables.TABLES[name]
    entry = architectures.get(name)
    found = renamed(layers(architectures.create(name), entry.channels, entry.size), table)
    assert in_order_of(table, found) == list(table)
    assert sum(row.parameters for row in table) == total == entry.parameters


def test_the_residual_branch_of_arch1_halves_in_its_second_convolution() -> None:
    network = architectures.create("chowanda-arch1")
    strides = {
        name.rpartition(".")[2]: module.stride
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and "conv2d_" in name
    }
    assert strides["conv2d_4"] == (1, 1)
    assert strides["conv2d_5"] == (2, 2)


def test_deep_emotion_has_the_layers_that_its_section_3_names() -> None:
    network = architectures.create("deep-emotion")
    localization = nn.Sequential(network.transformer.localization, network.transformer.affine)
    rest = nn.Sequential(network.features, network.fc1, network.fc2)
    found = [*layers(localization, 1, 48), *layers(rest, 1, 48)]
    # The hidden layer's ReLU is a function of the forward pass, which no row stands for.
    wanted = printed_tables.DEEP_EMOTION
    assert [(row.layer, row.shape, row.parameters) for row in found] == [
        (row.layer, row.shape, row.parameters) for row in wanted
    ]


def test_yengikand_has_three_blocks_of_each_kind_and_two_attentions() -> None:
    network = architectures.create("yengikand-attention")
    blocks = [*network.early, network.separable, network.pooling]
    found = tuple(
        "separable" if any(isinstance(m, SeparableConv2d) for m in block.modules()) else "pooling"
        for block in blocks
    )
    assert found == printed_tables.YENGIKAND_BLOCKS
    for block, wanted in zip(blocks, found, strict=True):
        kinds = {type(module) for module in block.modules()}
        assert nn.BatchNorm2d in kinds
        assert (nn.MaxPool2d in kinds) == (wanted == "pooling")
        assert block[0].shortcut is not None  # residual
    assert network.additive.score.in_features == network.additive.project.out_features
    assert network.mlp[-1].out_features == 7
