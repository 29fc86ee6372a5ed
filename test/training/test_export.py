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

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.classification import EmotionClassifier
from fer_ros.perception.model_metadata import ModelMetadata
from fer_training import architectures
from fer_training.commands.cli import main
from fer_training.measure import predictors
from fer_training.measure.predictors import CheckpointPredictor, OnnxPredictor
from fer_training.recipes.recipe import load
from fer_training.records.checkpoint import Fitted
from fer_training.ship import export


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, pictures: Callable[[], AbstractContextManager[None]]
) -> Path:
    """A folder with data.npz, a finished run and its exported file, made by the commands."""
    folder = tmp_path_factory.mktemp("made")
    data = synthetic_faces.save_npz(synthetic_faces.dataset(140), folder / "data.npz")
    arguments = ["--data", str(data), "--set", "epochs=2", "batch_size=16", "optimizer.lr=0.02"]
    arguments.append("amp=float32")
    with pictures():
        assert main(["train", "arch1", "--out", str(folder / "run"), *arguments]) == 0
    assert main(["export", str(folder / "run"), str(folder / "a.onnx"), "--data", str(data)]) == 0
    return folder


def test_run_leaves_everything_behind(made: Path) -> None:
    names = {path.name for path in (made / "run").iterdir()}
    assert names >= {
        "recipe.yaml", "metrics.json", "summary.csv", "last.pt", "best.pt", "predictions.npz",
        "curves.png", "confusion.png", "reliability.png",
    }  # fmt: skip
    record = json.loads((made / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert record["command"].startswith("fer-train train arch1 --set epochs=2")
    assert record["parameters"] == 293_951
    assert record["epochs"] == 2
    assert len(record["data"]["sha256"]) == 64
    assert set(record["versions"]) == {"python", "torch", "onnxruntime", "numpy"}
    assert record["results"]["duplicates_of_training"] == 0
    assert 0.1 <= record["calibration"]["temperature"] <= 10
    lines = (made / "run" / "summary.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3


def test_exported_file_is_self_contained_and_described(made: Path) -> None:
    model = onnx.load(made / "a.onnx", load_external_data=False)
    assert not any(tensor.data_location for tensor in model.graph.initializer)
    assert model.ir_version <= 10
    assert [entry.version for entry in model.opset_import if not entry.domain] == [17]
    metadata = ModelMetadata.from_props({p.key: p.value for p in model.metadata_props})
    assert metadata.model_id == "arch1"
    assert (metadata.input.width, metadata.input.channels) == (48, 1)
    assert metadata.recipe["epochs"] == 2
    assert metadata.metrics["single_crop"]["accuracy"] <= 1
    record = json.loads((made / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metadata.temperature == record["calibration"]["temperature"]
    assert metadata.dataset["sha256"] == record["data"]["sha256"]
    rows = record["data"]["class_rows"]
    assert sum(rows.values()) == record["data"]["training_rows"]
    assert metadata.class_shares == ()  # arch1 learns from labels mixed with votes


def test_shares_are_those_of_the_crops_that_a_training_draws() -> None:
    rows, labels = {"happy": 900, "sad": 100}, ("sad", "happy")

    def shares(rows: dict[str, int], *changes: str) -> tuple[float, ...]:
        return export.learned_shares(rows, labels, load("chowanda-arch1", changes))

    assert shares(rows) == pytest.approx((0.1, 0.9))
    assert shares(rows, "data.oversample=0.5") == pytest.approx((0.25, 0.75))
    assert shares(rows, "data.oversample=1.0") == pytest.approx((0.5, 0.5))
    assert shares({"happy": 9, "angry": 9}) == ()
    assert shares({"happy": 9, "sad": 0}) == ()
    assert shares({"happy": 900_000, "sad": 1}) == ()
    assert shares(rows, "data.vote_share=0.25") == ()
    assert shares(rows, "data.unlabelled=faces.npz") == ()


def test_checkpoint_and_file_give_the_same_figures(made: Path) -> None:
    results = []
    for number, model in enumerate((made / "run", made / "a.onnx")):
        out = made / f"figures{number}.json"
        arguments = ["--data", str(made / "data.npz"), "--json", str(out)]
        assert main(["evaluate", "--model", str(model), *arguments]) == 0
        results.append(json.loads(out.read_text(encoding="utf-8")))
    for view in ("single_crop", "flip"):
        first, second = (result[view] for result in results)
        assert first["confusion"] == second["confusion"]
        for key in ("accuracy", "macro_f1", "ece", "nll"):
            assert first[key] == pytest.approx(second[key], abs=1e-5)


def test_evaluate_needs_only_images_and_classes(made: Path, tmp_path: Path) -> None:
    data = synthetic_faces.dataset(30, seed=3)
    np.savez(tmp_path / "bare.npz", images=data.images, emotion=data.labels.astype(np.uint8))
    out = tmp_path / "out.json"
    arguments = ["--model", str(made / "a.onnx"), "--data", str(tmp_path / "bare.npz")]
    assert main(["evaluate", *arguments, "--json", str(out)]) == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["rows"] == 30
    classifier = EmotionClassifier.from_files([made / "a.onnx"])
    predicted = classifier.classify([list(data.images)]).argmax(1)
    assert result["single_crop"]["accuracy"] == pytest.approx((predicted == data.labels).mean())


def test_fused_evaluation_of_a_file_with_itself_changes_nothing(made: Path, tmp_path: Path) -> None:
    accuracies = []
    for number, models in enumerate(([made / "a.onnx"], [made / "a.onnx"] * 2)):
        out = tmp_path / f"{number}.json"
        arguments = ["--data", str(made / "data.npz"), "--json", str(out), "--fusion", "product"]
        assert main(["evaluate", "--model", *map(str, models), *arguments]) == 0
        accuracies.append(json.loads(out.read_text(encoding="utf-8"))["single_crop"]["accuracy"])
    assert accuracies[0] == accuracies[1]


def test_batch_1_and_batch_16_agree(made: Path) -> None:
    images = synthetic_faces.dataset(16, seed=4).images
    predictor = OnnxPredictor(made / "a.onnx")
    single = np.concatenate([predictor.probabilities(image[None]) for image in images])
    assert np.abs(single - predictor.probabilities(images)).max() < 1e-5


def test_a_file_that_predicts_otherwise_is_not_put_in_place(made: Path, tmp_path: Path) -> None:
    predictor = CheckpointPredictor.load(made / "run")
    data = synthetic_faces.dataset(30)
    with torch.no_grad():
        list(predictor.network.parameters())[-1][0].add_(1.0)
    with pytest.raises(export.ExportError, match="does not predict as the network does"):
        export.parity(predictor, made / "a.onnx", data.images, data.labels)


def test_predictions_that_are_no_numbers_do_not_agree(made: Path) -> None:
    class Broken(OnnxPredictor):
        def probabilities(self, images: np.ndarray) -> np.ndarray:
            return np.full_like(super().probabilities(images), np.nan)

    data = synthetic_faces.dataset(30)
    with pytest.raises(export.ExportError, match="does not predict"):
        export.parity(Broken(made / "a.onnx"), made / "a.onnx", data.images, 0 * data.labels)


def test_a_share_of_crops_may_be_allowed_to_differ(made: Path) -> None:
    """A support vector machine's votes turn where two classes are equally near."""

    class Turned(OnnxPredictor):
        def probabilities(self, images: np.ndarray) -> np.ndarray:
            answers = super().probabilities(images)
            answers[0] = answers[0][::-1]
            return answers

    data = synthetic_faces.dataset(30)
    turned = Turned(made / "a.onnx")
    export.parity(turned, made / "a.onnx", data.images, data.labels, astray=1 / 30)
    with pytest.raises(export.ExportError, match="does not predict"):
        export.parity(turned, made / "a.onnx", data.images, data.labels, astray=0.02)


def test_card_states_digest_figures_and_limits(made: Path) -> None:
    import hashlib

    card = (made / "a.md").read_text(encoding="utf-8")
    assert hashlib.sha256((made / "a.onnx").read_bytes()).hexdigest() in card
    record = json.loads((made / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert f"{100 * record['results']['single_crop']['accuracy']:.2f} %" in card
    assert record["command"] in card
    assert "$" not in card
    for heading in ("Calibration", "Origin"):
        assert f"## {heading}" in card
    figures = card.index("| PublicTest | ")
    assert figures < card.index("## Calibration"), "figures first"


@pytest.mark.parametrize("name", architectures.names())
def test_every_network_exports_with_parity(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    entry = architectures.get(name)
    network = architectures.create(name).eval()
    with torch.no_grad():  # a warp that does something, where there is one
        for key, parameter in network.named_parameters():
            if key.startswith("transformer.affine.2.bias"):
                parameter.add_(torch.rand(6) * 0.2)
    config = synthetic_faces.recipe(architecture=name, options={})
    predictor = CheckpointPredictor(
        network, config, synthetic_faces.dataset().label_names, name, Fitted()
    )
    data = synthetic_faces.dataset(7)
    path = tmp_path / "network.onnx"
    model = export.to_onnx(network, entry.channels, entry.size)
    export.write(model, export.metadata_of(predictor, None, "1.0.0"), path)
    report = export.parity(predictor, path, data.images, data.labels)
    assert report.max_difference <= export.TOLERANCE


@pytest.mark.parametrize(
    ("name", "shape"), [("umer-cnn1", (48, 48)), ("yengikand-attention", (70, 60, 3))]
)
def test_crops_of_another_size_get_one_prediction(
    name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    entry = architectures.get(name)
    network = architectures.create(name).eval()
    with torch.no_grad():
        list(network.parameters())[-2].mul_(100)  # sure of itself, as after training
    config = synthetic_faces.recipe(architecture=name, options={})
    labels = synthetic_faces.dataset().label_names
    predictor = CheckpointPredictor(network, config, labels, name, Fitted())
    images = np.random.default_rng(0).integers(0, 256, (7, *shape), np.uint8)
    path = tmp_path / "network.onnx"
    model = export.to_onnx(network, entry.channels, entry.size)
    export.write(model, export.metadata_of(predictor, None, "1.0.0"), path)
    report = export.parity(predictor, path, images, np.arange(7))
    assert report.max_difference <= export.TOLERANCE


def test_wrong_inputs_end_with_words_and_status_1(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(made / "data.npz")
    (tmp_path / "foreign.onnx").write_bytes(b"no model")
    for arguments, words in (
        (
            ["evaluate", "--model", str(tmp_path / "x.onnx"), "--data", data],
            "no run folder or file",
        ),
        (["evaluate", "--model", str(tmp_path / "foreign.onnx"), "--data", data], "foreign.onnx"),
        (["evaluate", "--model", str(tmp_path), "--data", data], "no checkpoint"),
        (["evaluate", "--model", str(made / "a.onnx"), "--data", str(tmp_path)], "no folder"),
        (["train", "arch1", "--data", data, "--out", str(made / "run")], "--resume"),
        (["train", "resnet"], "no recipe resnet"),
        (["export", str(tmp_path), str(tmp_path / "y.onnx")], "no checkpoint"),
        (["fuse", str(tmp_path), "--out", str(tmp_path / "f")], "no metrics.json"),
    ):
        assert main(arguments) == 1
        assert words in capsys.readouterr().err


def test_loading_by_suffix(made: Path) -> None:
    assert isinstance(predictors.load(made / "a.onnx"), OnnxPredictor)
    assert isinstance(predictors.load(made / "run"), CheckpointPredictor)
    assert isinstance(predictors.load(made / "run" / "best.pt"), CheckpointPredictor)
