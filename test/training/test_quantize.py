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

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception import emotions
from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork
from fer_ros.perception.model_store import digest_of
from fer_training import architectures
from fer_training.commands.cli import main
from fer_training.commands.export import show_twin
from fer_training.data import load_dataset
from fer_training.data.base import DatasetError
from fer_training.measure.predictors import CheckpointPredictor, OnnxPredictor
from fer_training.records.checkpoint import Fitted
from fer_training.ship import export, quantize


def write(path: Path, labels: tuple[str, ...] = emotions.FER2013) -> Path:
    """Export a fer-lite with drawn weights whose batch norms and gates do something."""
    torch.manual_seed(1)
    network = architectures.create("fer-lite", len(labels))
    for _ in range(20):
        network(torch.randn(16, 1, 48, 48))
    recipe = synthetic_faces.recipe(architecture="fer-lite", options={})
    predictor = CheckpointPredictor(network.eval(), recipe, labels, "tiny", Fitted(3.0))
    model = export.to_onnx(network, 1, 48)
    export.write(model, export.metadata_of(predictor, None, "1.2.3"), path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.npz, a float file and its twin, made by the command."""
    folder = tmp_path_factory.mktemp("quantized")
    data = synthetic_faces.save_npz(synthetic_faces.dataset(100), folder / "data.npz")
    source, out = write(folder / "float.onnx"), folder / "int8.onnx"
    arguments = ["--data", str(data), "--rows", "40", "--accept-loss"]
    assert main(["quantize", str(source), str(out), *arguments]) == 0
    return folder


def test_twin_is_loaded_and_fused_by_the_node(made: Path) -> None:
    classifier = EmotionClassifier.from_files([made / "float.onnx", made / "int8.onnx"])
    crops = list(synthetic_faces.dataset(9, seed=5).images)
    assert np.allclose(classifier.classify([crops, crops]).sum(1), 1, atol=1e-6)
    assert classifier.model_id == "tiny-1.2.3+tiny-int8-1.2.3"


def test_twin_predicts_alone_as_in_a_batch(made: Path) -> None:
    images = synthetic_faces.dataset(16, seed=6).images
    twin = OnnxPredictor(made / "int8.onnx")
    alone = np.concatenate([twin.probabilities(image[None]) for image in images])
    assert np.abs(alone - twin.probabilities(images)).max() <= quantize.BATCH_TOLERANCE


def test_twin_stays_near_the_float_file(made: Path) -> None:
    images = synthetic_faces.dataset(60, seed=7).images
    logits = []
    for name in ("float.onnx", "int8.onnx"):
        network = EmotionNetwork(made / name)
        logits.append(network.run(network.preprocess(list(images))))
    spread = logits[0].std()
    assert 0 < np.abs(logits[1] - logits[0]).mean() < 0.2 * spread


def test_weights_are_int8_per_channel_and_the_first_convolution_is_float(made: Path) -> None:
    graph = onnx.load(made / "int8.onnx").graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert arrays[convolutions[0].input[1]].dtype == np.float32
    for node in convolutions[1:]:
        weight = producers[node.input[1]]
        values, scale, zero = (arrays[name] for name in weight.input)
        assert weight.op_type == "DequantizeLinear"
        assert values.dtype == np.int8
        assert -64 <= values.min() <= values.max() <= 64
        assert scale.shape == (len(values),)
        assert not zero.any()
        activation = producers[node.input[0]]
        assert arrays[activation.input[2]].dtype == np.uint8
    assert {node.op_type for node in graph.node} >= {"Softmax", "Tanh", "MatMul"}
    for node in graph.node:
        if node.op_type in ("Softmax", "Tanh", "MatMul"):
            before = [producers[name].op_type for name in node.input if name in producers]
            assert "QuantizeLinear" not in before


def test_only_standard_operators_of_the_exported_version(made: Path) -> None:
    model = onnx.load(made / "int8.onnx")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", export.OPSET)]
    assert model.ir_version == export.IR_VERSION


def test_metadata_are_the_twins_own(made: Path) -> None:
    source = EmotionNetwork(made / "float.onnx").metadata
    twin = EmotionNetwork(made / "int8.onnx").metadata
    assert (twin.input, twin.labels, twin.crop) == (source.input, source.labels, source.crop)
    assert (twin.model_id, twin.version) == ("tiny-int8", "1.2.3")
    assert twin.temperature != source.temperature
    assert twin.temperature != 1
    assert twin.recipe["architecture"] == "fer-lite"
    origin = twin.recipe["quantization"]
    assert origin["precision"] == "int8"
    assert origin["source_sha256"] == digest_of(made / "float.onnx")
    assert origin["calibration"]["split"] == "Training"
    assert origin["calibration"]["rows"] == 40
    images = synthetic_faces.dataset(100)
    test = images.select(np.flatnonzero(images.usage == "PublicTest"))
    predicted = OnnxPredictor(made / "int8.onnx").probabilities(test.images).argmax(1)
    accuracy = float((predicted == test.labels).mean())
    assert twin.metrics["single_crop"]["accuracy"] == round(accuracy, 4)


def test_card_names_source_and_figures(made: Path) -> None:
    text = (made / "int8.md").read_text(encoding="utf-8")
    assert digest_of(made / "float.onnx") in text
    assert digest_of(made / "int8.onnx") in text
    metadata = EmotionNetwork(made / "int8.onnx").metadata
    assert f"{100 * metadata.metrics['single_crop']['accuracy']:.2f} %" in text
    assert f"{metadata.temperature}" in text
    assert "$" not in text
    assert str(made) not in text


def test_report_holds_both_files(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = made / "float.onnx", tmp_path / "x.onnx"
    data = load_dataset("fer2013", made / "data.npz")
    report = quantize.quantize(source, out, data, rows=30, accept_loss=True)
    assert report.rows == 20
    assert report.drop == pytest.approx(report.accuracy_float - report.accuracy_int8)
    assert 0 < report.mean_difference <= report.largest_difference <= 1
    assert report.bytes_int8 < 0.5 * report.bytes_float
    assert report.bytes_int8 == out.stat().st_size
    assert report.bytes_float == source.stat().st_size
    assert f" | {report.bytes_int8:,} bytes |" in (tmp_path / "x.md").read_text(encoding="utf-8")
    assert report.latency is not None
    assert report.latency["float"].ratio == 1
    assert report.latency["int8"].ratio > 0
    show_twin(out, report)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["float", "int8"] in lines
    assert ["size", "[bytes]", f"{report.bytes_float:,}", f"{report.bytes_int8:,}"] in lines


def test_ranges_come_from_training_crops_that_are_not_of_one_colour() -> None:
    data = synthetic_faces.dataset(50)
    data.images[:10] = 0
    crops = quantize.calibration_crops(data, 30, seed=0)
    allowed = {image.tobytes() for image in data.images[10:40]}
    assert {crop.tobytes() for crop in crops} == allowed
    with pytest.raises(DatasetError, match="30 Training crops"):
        quantize.calibration_crops(data, 31, seed=0)


def test_a_twin_that_loses_too_much_is_not_written_unless_asked(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All labels are the float file's answers, so every changed answer is a loss."""
    data = synthetic_faces.dataset(100)
    original = OnnxPredictor(made / "float.onnx")
    data.labels[:] = original.probabilities(data.images).argmax(1)
    monkeypatch.setattr(quantize, "LARGEST_DROP", -0.01)
    out = tmp_path / "twin.onnx"
    with pytest.raises(export.ExportError, match="nothing was written"):
        quantize.quantize(made / "float.onnx", out, data, rows=40)
    assert list(tmp_path.iterdir()) == []
    quantize.quantize(made / "float.onnx", out, data, rows=40, accept_loss=True)
    assert {path.name for path in tmp_path.iterdir()} == {"twin.onnx", "twin.md"}


def test_a_twin_never_replaces_its_source_and_has_no_twin(made: Path) -> None:
    data = load_dataset("fer2013", made / "data.npz")
    before = (made / "float.onnx").read_bytes()
    with pytest.raises(export.ExportError, match="would overwrite"):
        quantize.quantize(made / "float.onnx", made / ".." / made.name / "float.onnx", data, 40)
    assert (made / "float.onnx").read_bytes() == before
    with pytest.raises(export.ExportError, match="quantised already"):
        quantize.quantize(made / "int8.onnx", made / "other.onnx", data, 40)


def test_network_of_ferplus_is_measured_on_its_majority(tmp_path: Path) -> None:
    source = write(tmp_path / "votes.onnx", emotions.FERPLUS)
    data = synthetic_faces.dataset(100)
    assert data.votes is not None
    data.votes[90:] = 1  # no majority
    report = quantize.quantize(source, tmp_path / "twin.onnx", data, rows=40, accept_loss=True)
    assert report.rows == 10
    assert EmotionNetwork(tmp_path / "twin.onnx").metadata.labels == emotions.FERPLUS
