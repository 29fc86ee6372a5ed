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

"""Tiny ONNX networks made for tests: a linear map of the crop's mean to the classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer_ros.perception.alignment import FER2013_TEMPLATE
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.model_metadata import InputSpec, ModelMetadata

SPEC = InputSpec(width=48, height=48, channels=1, mean=(0.0,), scale=(1 / 255,))


def metadata(**changes: object) -> ModelMetadata:
    values: dict = {
        "model_id": "tiny",
        "version": "1.0.0",
        "labels": FER2013,
        "input": SPEC,
        "crop": FER2013_TEMPLATE,
        "uncertain_threshold": 0.3,
        **changes,
    }
    return ModelMetadata(**values)


def write_network(
    path: Path,
    gains: list[float],
    about: ModelMetadata | None,
    size: int = 48,
    channels: int = 1,
    further: str = "",
) -> Path:
    """Write a network whose logits are gains times the mean of its input.

    `further` names a second output: the mean itself, shape (n, 1).
    """
    weight = numpy_helper.from_array(np.asarray([gains], np.float32), "gains")
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
        helper.make_node("ReduceMean", ["pooled"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("MatMul", ["column", "gains"], ["logits"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(gains)])]
    if further:
        nodes.append(helper.make_node("Identity", ["column"], [further]))
        outputs.append(helper.make_tensor_value_info(further, TensorProto.FLOAT, ["n", 1]))
    axis = numpy_helper.from_array(np.asarray([1], np.int64), "axis")
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", channels, size, size])],
        outputs,
        [weight, axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    if about is not None:
        helper.set_model_props(model, about.to_props())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
