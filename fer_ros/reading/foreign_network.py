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

"""Foreign ONNX files, converted to the input and output of this package's networks.

The contract is one input of shape (N, channels, height, width), float32, grey or BGR, and an output
of shape (N, labels). Files of others differ in the order of colours and axes, in a batch that is
fixed at one, and in values that follow the classes in the same output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import create_session

INPUT, OUTPUT = "fer_ros/faces", "fer_ros/scores"
"""Names of the tensors of a changed file."""

_OPSET, _IR_VERSION = 13, 8
"""Of the nodes that are added; files of older ones are converted."""

_OWN = "fer_ros/"
"""Before the names of what is added, which must not be those of the file."""

_GREY_OR_COLOUR = (1, 3)


@dataclass(frozen=True)
class InputShape:
    """Input of a file."""

    name: str
    channels: int
    height: int | None
    """None where the file takes any [pixels]."""
    width: int | None
    channels_last: bool
    """Whether its axes are (N, height, width, channels)."""


class ForeignNetwork:
    """A foreign ONNX file."""

    def __init__(self, path: Path) -> None:
        """Load a file.

        Raises:
            ModelError: It is no ONNX file, the package onnx is missing, or its input is none of
                pictures.
        """
        self._onnx = _onnx()
        self.path = path
        try:
            self.model = self._onnx.load(str(path))
            self._onnx.checker.check_model(self.model)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
        except Exception as error:  # onnx and protobuf have several classes
            first = str(error).strip().partition("\n")[0]
            raise ModelError(f"{path} is no whole ONNX file: {first}") from error
        self._raise_opset()
        self.input = self._input()

    @property
    def outputs(self) -> list[str]:
        """Names of its outputs."""
        return [str(node.name) for node in self.model.graph.output]

    def adopted(
        self, size: tuple[int, int], output: str, columns: slice, swap_colours: bool
    ) -> Any:
        """Return an onnx.ModelProto that keeps the contract, without metadata.

        Args:
            size: Width and height of its input [pixels].
            output: Which of its outputs holds the classes.
            columns: Which values of that output are the classes.
            swap_colours: Whether it takes RGB.

        Raises:
            ModelError: It does not run.
        """
        model = self._wrapped(size, output, columns, swap_colours, batched=True)
        if not self._takes_a_batch(model, size):
            # Some files have shapes for one face in their midst; those see one after the other.
            model = self._wrapped(size, output, columns, swap_colours, batched=False)
            if not self._takes_a_batch(model, size):
                raise ModelError(f"{self.path} does not give each face of a batch its own values")
        return model

    def run(self, model: Any, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output of an adopted model, shape (N, columns)."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / self.path.name
            file.write_bytes(model.SerializeToString())
            session, _ = create_session(file)
        try:
            return np.asarray(session.run([OUTPUT], {INPUT: batch})[0], np.float32)
        except Exception as error:  # its exception classes differ between versions
            raise ModelError(f"{self.path} does not run: {' '.join(str(error).split())}") from error

    def _input(self) -> InputShape:
        weights = {tensor.name for tensor in self.model.graph.initializer}
        inputs = [node for node in self.model.graph.input if node.name not in weights]
        if len(inputs) != 1:
            raise ModelError(
                f"{self.path} has {len(inputs)} inputs, and a network of faces has one"
            )
        kind = inputs[0].type.tensor_type
        sides = [axis.dim_value or None for axis in kind.shape.dim]
        if kind.elem_type != self._onnx.TensorProto.FLOAT or len(sides) != 4:
            raise ModelError(
                f"{self.path}: its input must be float32 of four axes, and has "
                f"{len(sides)} of type {self._onnx.TensorProto.DataType.Name(kind.elem_type)}"
            )
        if sides[1] in _GREY_OR_COLOUR:
            return InputShape(inputs[0].name, sides[1] or 0, sides[2], sides[3], False)
        if sides[3] in _GREY_OR_COLOUR:
            return InputShape(inputs[0].name, sides[3] or 0, sides[1], sides[2], True)
        raise ModelError(f"{self.path}: no axis of its input {sides} is one of 1 or 3 channels")

    def _takes_a_batch(self, model: Any, size: tuple[int, int]) -> bool:
        shape = (3, self.input.channels, size[1], size[0])
        batch = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        try:
            with _quiet():
                together = self.run(model, batch)
                alone = [self.run(model, batch[index : index + 1]) for index in range(len(batch))]
        except ModelError:
            return False
        scale = max(float(np.abs(together).max()), 1e-6)
        return together.shape[0] == len(batch) and all(
            np.abs(one[0] - other).max() <= 1e-3 * scale for one, other in zip(alone, together)
        )

    def _wrapped(
        self, size: tuple[int, int], output: str, columns: slice, swap_colours: bool, batched: bool
    ) -> Any:
        """Return the model with nodes before and behind its own graph."""
        helper, numbers = self._onnx.helper, self._onnx.numpy_helper.from_array
        model = self._onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.metadata_props[:]
        graph = model.graph
        before, constants = self._input_nodes(
            INPUT if batched else _OWN + "face_batch", swap_colours
        )
        start, end = columns.start or 0, columns.stop
        behind = [helper.make_node("Slice", [output, _OWN + "from", _OWN + "to", _OWN + "along"], [
            OUTPUT if batched else _OWN + "face_scores"])]  # fmt: skip
        constants += [
            numbers(np.array([start]), _OWN + "from"),
            numbers(np.array([end]), _OWN + "to"),
            numbers(np.array([-1]), _OWN + "along"),
        ]
        nodes = [*before, *graph.node, *behind]
        sides = [self.input.channels, size[1], size[0]]
        given = helper.make_tensor_value_info(INPUT, self._onnx.TensorProto.FLOAT, ["n", *sides])
        found = helper.make_tensor_value_info(
            OUTPUT, self._onnx.TensorProto.FLOAT, ["n", "classes"]
        )
        if not batched:
            nodes, constants = self._one_by_one(nodes, constants, sides)
        weights = [*graph.initializer, *constants]
        wrapped = helper.make_graph(nodes, "adopted", [given], [found], weights)
        model.graph.CopyFrom(wrapped)
        model.ir_version = max(model.ir_version, _IR_VERSION)
        return model

    def _input_nodes(self, given: str, swap_colours: bool) -> tuple[list[Any], list[Any]]:
        helper, numbers = self._onnx.helper, self._onnx.numpy_helper.from_array
        nodes, constants, name = [], [], given
        if swap_colours:
            nodes.append(
                helper.make_node("Gather", [name, _OWN + "colours"], [_OWN + "swapped"], axis=1)
            )
            constants.append(numbers(np.array([2, 1, 0]), _OWN + "colours"))
            name = _OWN + "swapped"
        if self.input.channels_last:
            nodes.append(helper.make_node("Transpose", [name], [_OWN + "last"], perm=[0, 2, 3, 1]))
            name = _OWN + "last"
        nodes.append(helper.make_node("Identity", [name], [self.input.name]))
        return nodes, constants

    def _one_by_one(
        self, nodes: Sequence[Any], constants: Sequence[Any], sides: Sequence[int]
    ) -> tuple[list[Any], list[Any]]:
        """Return a graph that runs nodes for one face after the other."""
        helper, numbers = self._onnx.helper, self._onnx.numpy_helper.from_array
        kind = self._onnx.TensorProto.FLOAT
        first = helper.make_node(
            "Unsqueeze", [_OWN + "face", _OWN + "first"], [_OWN + "face_batch"]
        )
        last = helper.make_node(
            "Reshape", [_OWN + "face_scores", _OWN + "flat"], [_OWN + "face_row"]
        )
        body = helper.make_graph(
            [first, *nodes, last],
            "one_face",
            [helper.make_tensor_value_info(_OWN + "face", kind, list(sides))],
            [helper.make_tensor_value_info(_OWN + "face_row", kind, ["classes"])],
        )
        scan = helper.make_node("Scan", [INPUT], [OUTPUT], num_scan_inputs=1, body=body)
        further = [
            numbers(np.array([0]), _OWN + "first"),
            numbers(np.array([-1]), _OWN + "flat"),
        ]
        return [scan], [*constants, *further]

    def _raise_opset(self) -> None:
        """Let the nodes that are added mean what they mean since opset 13."""
        versions = [o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")]
        if not versions or versions[0] >= _OPSET:
            return
        try:
            self.model = self._onnx.version_converter.convert_version(self.model, _OPSET)
        except Exception as error:  # of C++, without a class of their own
            raise ModelError(
                f"{self.path} has opset {versions[0]}, which cannot be converted to {_OPSET}; "
                "export it with a newer one"
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what ONNX Runtime writes to the standard error stream about a run that fails."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _onnx() -> ModuleType:
    try:
        import onnx
        import onnx.version_converter
    except ImportError as error:
        raise ModelError("adopting a network needs onnx: pip install 'fer_ros[adopt]'") from error
    return onnx
