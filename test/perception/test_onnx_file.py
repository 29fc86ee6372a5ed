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

import pytest
from networks import metadata, write_network

from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_store import shipped_models
from fer_ros.perception.onnx_file import read_properties


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
