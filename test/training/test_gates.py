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
from onnxruntime import quantization
from onnxruntime.quantization import shape_inference

from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.known_answer import known_crops
from fer_ros.perception.model_store import digest_of, shipped_models
from fer_training import architectures
from fer_training.architectures.fer import ChannelAttention
from fer_training.ship import heldout, quantize
from fer_training.ship.export import ExportError, to_onnx
from fer_training.ship.gates import without_gates
from fer_training.ship.naming import Naming, least_threshold, note, put
from fer_training.ship.renew import renew_all


def graph(close: bool = False) -> onnx.ModelProto:
    torch.manual_seed(0)
    network = architectures.create("fer-lite", 7).eval()
    gates = [layer for layer in network.modules() if isinstance(layer, ChannelAttention)]
    if close:  # one gate that hears its input
        with torch.no_grad():
            gates[0].gate[3].bias.fill_(0.5)
            gates[0].gate[3].weight.normal_()
    return to_onnx(network, 1, 48)


class Crops(quantization.CalibrationDataReader):
    """Crops from which a quantisation takes its ranges."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._left = [rng.normal(size=(3, 1, 48, 48)).astype(np.float32) for _ in range(4)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return {"input": self._left.pop()} if self._left else None


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


def test_int8_gates_go_and_results_stay(tmp_path: Path) -> None:
    source, twin = tmp_path / "source.onnx", tmp_path / "twin.onnx"
    shape_inference.quant_pre_process(graph(), source, skip_symbolic_shape=True)
    quantization.quantize_static(
        source, twin, Crops(), per_channel=True, op_types_to_quantize=list(quantize.OPERATORS)
    )
    model = onnx.load(twin)
    before = run(model, tmp_path)
    assert without_gates(model) == 5
    onnx.checker.check_model(model)
    assert not any(node.op_type == "HardSigmoid" for node in model.graph.node)
    # Equal to the last bit with VNNI; some steps apart on AVX2, which adds products in 16 bits.
    np.testing.assert_allclose(run(model, tmp_path), before, atol=5e-3)


def test_files_of_a_folder_change_and_their_digests_follow(tmp_path: Path, monkeypatch) -> None:
    float_file, twin = tmp_path / "fer-lite.onnx", tmp_path / "fer-lite-int8.onnx"
    for path in (float_file, twin):
        path.write_bytes(shipped_models()[path.stem].read_bytes())
    record = tmp_path / "heldout.json"
    record.write_text(f'{{"{digest_of(float_file)}": 1}}')
    monkeypatch.setattr(heldout, "PLACE", record)
    before = EmotionNetwork(float_file)
    faces = known_crops(before.metadata.input)
    renew_all([twin, float_file], lambda path: put(0.7))
    network, quantised = EmotionNetwork(float_file), EmotionNetwork(twin)
    assert network.digest != before.digest
    np.testing.assert_allclose(network.classify(faces), before.classify(faces), atol=1e-5)
    assert quantised.metadata.uncertain_threshold == 0.7
    assert quantised.metadata.recipe["quantization"]["source_sha256"] == network.digest
    assert network.digest in record.read_text()


def test_the_least_threshold_leaves_enough_named_faces_right() -> None:
    confidence = np.array([0.9, 0.8, 0.705, 0.6, 0.5], np.float32)
    right = np.array([True, True, False, True, False])
    assert least_threshold(confidence, right, 0.75) == 0.51
    assert least_threshold(confidence, right, 0.9) == 0.71
    with pytest.raises(ExportError, match="no threshold"):
        least_threshold(confidence, ~right, 0.9)


@pytest.mark.parametrize("name", ["fer-base", "fer-lite-int8"])
def test_a_card_says_the_threshold_and_what_it_gives_once(name: str, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    before = shipped_models()[name].with_suffix(".md").read_text(encoding="utf-8")
    card.write_text(before, encoding="utf-8")
    for threshold in (0.21, 0.63):
        note(card, Naming(threshold, 0.5, 0.8, 0.6, 0.9))
    after = card.read_text(encoding="utf-8")
    assert after.count("`fer-train calibrate`") == 1
    assert "UNCERTAIN 0.21" not in after
    assert "; 0.21, fitted" not in after
    assert ("UNCERTAIN 0.63." in after) != ("; 0.63, fitted" in after)
    note(tmp_path / "none.md", Naming(0.5, 0.5, 0.8, 0.6, 0.9))
    assert not (tmp_path / "none.md").exists()
