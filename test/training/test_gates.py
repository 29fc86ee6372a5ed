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

"""Channel gates that are always 1 leave an exported network without a change of its results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import torch

from fer_training import architectures
from fer_training.architectures.fer import ChannelAttention
from fer_training.ship.export import to_onnx
from fer_training.ship.gates import without_gates


def graph(close: bool = False) -> onnx.ModelProto:
    torch.manual_seed(0)
    network = architectures.create("fer-lite", 7).eval()
    gates = [layer for layer in network.modules() if isinstance(layer, ChannelAttention)]
    if close:  # one gate that hears its input
        with torch.no_grad():
            gates[0].gate[3].bias.fill_(0.5)
            gates[0].gate[3].weight.normal_()
    return to_onnx(network, 1, 48)


def run(model: onnx.ModelProto, folder: Path) -> np.ndarray:
    import onnxruntime

    path = folder / "x.onnx"
    path.write_bytes(model.SerializeToString())
    crops = np.random.default_rng(0).normal(size=(3, 1, 48, 48)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"input": crops})[0])


@pytest.mark.parametrize(("close", "taken"), [(False, 5), (True, 4)])
def test_gates_of_1_go_and_others_stay(close: bool, taken: int, tmp_path: Path) -> None:
    model = graph(close)
    before, nodes = run(model, tmp_path), len(model.graph.node)
    assert without_gates(model) == taken
    onnx.checker.check_model(model)
    np.testing.assert_allclose(run(model, tmp_path), before, atol=1e-5)
    assert len(model.graph.node) <= nodes - 5 * taken
    assert sum(node.op_type == "HardSigmoid" for node in model.graph.node) == 5 - taken
