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

"""Reading an ONNX file's metadata without ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from networks import metadata, write_network

from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_store import digest_of, shipped_models
from fer_ros.perception.onnx_file import network_digest, read_properties, weight_files


@pytest.mark.parametrize("path", shipped_models().values(), ids=lambda path: path.stem)
def test_it_reads_what_onnx_runtime_reads(path: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert read_properties(path) == session.get_modelmeta().custom_metadata_map


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = write_network(tmp_path / "tiny.onnx", [0.0] * 7, metadata()).read_bytes()
    path = tmp_path / "part.onnx"
    for damaged in (whole[:-10], b"\xff" * 40, b"\x07not a model", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"part\.onnx is damaged"):
            read_properties(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="absent"):
        read_properties(tmp_path / "absent.onnx")


def split(path: Path, beside: str) -> Path:
    """Write a network whose weights lie in a file of their own."""
    network = onnx.load(write_network(path, [float(i) for i in range(7)], metadata()))
    tensors = {"save_as_external_data": True, "location": beside, "size_threshold": 0}
    onnx.save_model(network, path, **tensors)
    return path


def test_weights_beside_a_network_are_part_of_its_digest(tmp_path: Path) -> None:
    path = split(tmp_path / "net.onnx", "net.onnx.data")
    beside = tmp_path / "net.onnx.data"
    assert weight_files(path) == [beside]
    first = network_digest(path)
    weights = np.frombuffer(beside.read_bytes(), np.uint8).copy()
    weights[2] ^= 1
    beside.write_bytes(weights.tobytes())
    assert network_digest(path) != first
    beside.unlink()
    with pytest.raises(ModelError, match=r"net\.onnx\.data, which is no file beside it"):
        network_digest(path)


def test_weights_of_nodes_and_of_graphs_within_graphs_count(tmp_path: Path) -> None:
    """Tensors stand in attributes and in branches too, not only in the list of initializers."""
    tensor = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="inner.bin")
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Constant", [], ["c"], value=tensor)], "branch", [], []
    )
    choice = onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    outer = onnx.helper.make_graph([choice], "outer", [], [])
    (tmp_path / "deep.onnx").write_bytes(onnx.helper.make_model(outer).SerializeToString())
    assert weight_files(tmp_path / "deep.onnx") == [tmp_path / "inner.bin"]


def test_a_network_in_one_file_has_the_digest_of_the_file(tmp_path: Path) -> None:
    path = write_network(tmp_path / "tiny.onnx", [0.0] * 7, metadata())
    assert network_digest(path) == digest_of(path)
