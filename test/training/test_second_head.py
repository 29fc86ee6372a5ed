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

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception import emotions
from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork
from fer_ros.perception.errors import ModelError
from fer_training import architectures
from fer_training.architectures import networks
from fer_training.commands.cli import main
from fer_training.data import ferplus
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.measure.predictors import CheckpointPredictor, OnnxPredictor
from fer_training.recipes.recipe import Recipe, RecipeError, to_yaml
from fer_training.records import files
from fer_training.records import run as records
from fer_training.records.figures import Results
from fer_training.train.trainer import Trainer

# neutral happy surprise sad angry disgust fear contempt unknown not-a-face
VOTES = {
    "clear": [8, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    "tie": [0, 5, 0, 5, 0, 0, 0, 0, 0, 0],
    "half": [5, 2, 3, 0, 0, 0, 0, 0, 0, 0],
    "half, but for single votes": [0, 0, 0, 5, 1, 1, 1, 1, 1, 0],
    "all single": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    "contempt": [2, 0, 0, 0, 0, 0, 0, 8, 0, 0],
    "unknown": [2, 0, 0, 0, 0, 0, 0, 0, 8, 0],
    "not a face": [0, 0, 0, 0, 0, 0, 0, 0, 1, 9],
    "none": [0] * 10,
}
MAJORITY = {"clear": "neutral", "half, but for single votes": "sad", "contempt": "contempt"}


def votes() -> np.ndarray:
    return np.array(list(VOTES.values()), np.uint8)


def test_majority_of_hand_worked_votes() -> None:
    for name, label in zip(VOTES, ferplus.majority(votes()), strict=True):
        found = None if label == ferplus.UNUSABLE else emotions.FERPLUS[label]
        assert found == MAJORITY.get(name), name


def test_distribution_of_hand_worked_votes() -> None:
    shares = dict(zip(VOTES, ferplus.distribution(votes()), strict=True))
    assert shares["clear"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert shares["tie"].tolist() == [0, 0.5, 0, 0.5, 0, 0, 0, 0]
    assert shares["half"] == pytest.approx([0.5, 0.2, 0.3, 0, 0, 0, 0, 0])
    assert shares["contempt"] == pytest.approx([0.2, 0, 0, 0, 0, 0, 0, 0.8])
    for name in ("all single", "unknown", "not a face", "none"):
        assert not shares[name].any(), name


def test_census_counts_every_row_once() -> None:
    counts = ferplus.census(replace(synthetic_faces.dataset(len(VOTES)), votes=votes()))
    assert counts == ferplus.Census(rows=9, kept=3, no_majority=4, unknown=1, not_a_face=1)


def test_relabelled_rows_are_those_with_a_majority() -> None:
    data = replace(synthetic_faces.dataset(len(VOTES)), votes=votes())
    kept = ferplus.relabelled(data)
    assert [kept.label_names[label] for label in kept.labels] == ["neutral", "sad", "contempt"]
    assert np.array_equal(kept.images, data.images[[0, 3, 5]])


def test_disagreement_counts_rows_with_a_majority_only() -> None:
    data = synthetic_faces.dataset(14)
    assert data.votes is not None
    data.votes[0] = data.votes[1]  # of an angry face the voters say disgust
    data.votes[7] = 1  # of the other one nothing clear
    shares = ferplus.disagreement(data)
    assert shares["angry"] == 1.0
    assert shares["disgust"] == 0.0
    assert shares[ferplus.ALL] == pytest.approx(1 / 13)
    assert not ferplus.disagreement(replace(data, votes=None))


def test_data_without_votes_say_where_to_get_them() -> None:
    data = synthetic_faces.dataset(14)
    with pytest.raises(DatasetError, match=r"fer2013new\.csv"):
        ferplus.relabelled(replace(data, votes=None))
    with pytest.raises(DatasetError, match="no row of fer2013 has a majority"):
        ferplus.relabelled(replace(data, votes=np.ones((14, 10), np.uint8)))


def test_training_gives_both_heads_and_each_network_only_its_own() -> None:
    network = architectures.create("fer-lite", 7, votes=8)
    x = torch.randn(2, 1, 48, 48)
    both = network.train()(x)
    assert (both.labels.shape, both.votes.shape) == ((2, 7), (2, 8))
    network.eval()
    with torch.no_grad():
        labels, second = (networks.one_head(network, head) for head in networks.HEADS)
        assert torch.equal(labels(x), network(x))
        assert second(x).shape == (2, 8)
        assert torch.equal(second(x), network.votes(network.trunk(x)))
    for part, own in ((labels, network.labels), (second, network.votes)):
        rest = sum(p.numel() for p in part.parameters()) - sum(p.numel() for p in own.parameters())
        assert rest == sum(p.numel() for p in network.trunk.parameters())


def test_gradients_of_each_loss_reach_their_head_only() -> None:
    network = architectures.create("fer-lite", 7, votes=8).train()
    network(torch.randn(2, 1, 48, 48)).labels.sum().backward()
    assert network.labels.weight.grad is not None
    assert network.votes.weight.grad is None


@pytest.mark.parametrize(("name", "limit"), [("fer-lite", 300_000), ("fer-base", 1_000_000)])
def test_networks_as_exported_keep_their_limits(name: str, limit: int) -> None:
    trained = networks.build(synthetic_faces.recipe(architecture=name, options={}), 7)
    both = synthetic_faces.recipe(architecture=name, options={}, votes_weight=0.5)
    exported = networks.one_head(networks.build(both, 7), "labels")
    assert architectures.parameter_count(exported) == architectures.parameter_count(trained)
    assert limit // 2 < architectures.parameter_count(exported) <= limit


def test_votes_weight_without_votes_says_what_to_do(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(architecture="fer-lite", options={}, votes_weight=0.5)
    with pytest.raises(RecipeError, match="set votes_weight to 0"):
        Trainer(config, tmp_path, replace(synthetic_faces.dataset(), votes=None))


def test_architecture_without_a_second_head_is_refused() -> None:
    config = synthetic_faces.recipe(votes_weight=0.5)
    with pytest.raises(RecipeError, match="chowanda-arch1 has no second head"):
        networks.build(config, 7)
    assert networks.has_votes_head("fer-base")
    assert not networks.has_votes_head("chowanda-arch1")
    with pytest.raises(RecipeError, match="no head for FER"):
        networks.one_head(architectures.create("chowanda-arch1"), "votes")


def _config() -> Recipe:
    return synthetic_faces.recipe(
        architecture="fer-lite", options={}, votes_weight=0.5, epochs=1, ema=0.0
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two heads and both exported files, made by the commands."""
    folder = tmp_path_factory.mktemp("heads")
    data = _save(synthetic_faces.dataset(105), folder / "data.npz")
    (folder / "tiny.yaml").write_text(to_yaml(_config()), encoding="utf-8")
    arguments = ["--out", str(folder / "run"), "--data", str(data)]
    assert main(["train", str(folder / "tiny.yaml"), *arguments]) == 0
    for head in networks.HEADS:
        arguments = ["--data", str(data), "--head", head]
        assert main(["export", str(folder / "run"), str(folder / f"{head}.onnx"), *arguments]) == 0
    return folder


def _save(data: FaceDataset, path: Path) -> Path:
    """Write a set with votes: PublicTest has four rows without a majority and a copied row."""
    assert data.votes is not None
    data.votes[-4:] = 1
    data.images[-5] = data.images[0]
    return synthetic_faces.save_npz(data, path)


def test_run_records_the_ferplus_figures(made: Path) -> None:
    record = records.read(made / "run")
    own = record.ferplus
    assert own.selection.rows == 21
    assert own.selection.kept == own.results.rows == 17
    assert own.results.duplicates_of_training == 1
    assert own.results.flip.without_duplicates.rows == 16
    assert own.results.labels == list(emotions.FERPLUS)
    assert record.results.rows == 21
    assert own.parameters - record.parameters == 109  # a class more


def test_each_file_predicts_as_its_head(made: Path) -> None:
    images = synthetic_faces.dataset(12, seed=3).images
    for head, labels in zip(networks.HEADS, (emotions.FER2013, emotions.FERPLUS), strict=True):
        predictor = CheckpointPredictor.load(made / "run", head)
        exported = OnnxPredictor(made / f"{head}.onnx")
        assert exported.labels == predictor.labels == labels
        difference = exported.probabilities(images) - predictor.probabilities(images)
        assert np.abs(difference).max() < 1e-5


def test_shipped_file_holds_no_trace_of_the_votes(made: Path) -> None:
    for head, classes in (("labels", 7), ("votes", 8)):
        graph = onnx.load(made / f"{head}.onnx").graph
        dense = [node for node in graph.node if node.op_type == "Gemm"]
        shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        assert [shapes[node.input[1]][0] for node in dense] == [classes]
        used = {name for node in graph.node for name in node.input}
        assert set(shapes) <= used
        assert not any(15 in shape for shape in shapes.values())


def test_files_have_names_and_calibration_of_their_own(made: Path) -> None:
    record = records.read(made / "run")
    first, second = (EmotionNetwork(made / f"{head}.onnx").metadata for head in networks.HEADS)
    assert (first.model_id, second.model_id) == ("tiny", "tiny-ferplus")
    assert first.temperature == record.calibration.temperature
    assert second.temperature == record.ferplus.calibration.temperature
    assert second.uncertain_threshold == record.ferplus.calibration.uncertain_threshold
    accuracy = record.ferplus.results.single_crop.accuracy
    assert second.metrics["single_crop"]["accuracy"] == round(accuracy, 4)
    assert "FER+ majority of 17 of 21 rows" in second.metrics["protocol"]


def test_cards_of_both_files(made: Path) -> None:
    first, second = ((made / f"{head}.md").read_text(encoding="utf-8") for head in networks.HEADS)
    assert "## FER+" in first
    assert "FER+ keeps 17 of 21 rows" in first
    assert "| contempt |" in first
    assert "## FER+" not in second
    assert "# tiny-ferplus" in second
    assert "FER+ majority of 17 of 21 rows" in second
    record = records.read(made / "run")
    assert f"{record.parameters:,} parameters" in first
    assert f"{record.ferplus.parameters:,} parameters" in second


def test_node_fuses_networks_of_equal_classes_only(made: Path) -> None:
    crops = list(synthetic_faces.dataset(3).images)
    alone = EmotionClassifier.from_files([made / "votes.onnx"])
    twice = EmotionClassifier.from_files([made / "votes.onnx"] * 2)
    assert alone.labels == emotions.FERPLUS
    assert np.allclose(alone.classify([crops]), twice.classify([crops, crops]), atol=1e-6)
    with pytest.raises(ModelError, match="do not know the same classes"):
        EmotionClassifier.from_files([made / "labels.onnx", made / "votes.onnx"])


def test_evaluate_measures_run_and_file_on_the_majority(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = []
    for model, option in (("run", ["--head", "votes"]), ("votes.onnx", ["--ferplus"])):
        out = tmp_path / "out.json"
        arguments = ["--data", str(made / "data.npz"), "--json", str(out), *option]
        assert main(["evaluate", "--model", str(made / model), *arguments]) == 0
        results.append(files.read(Results, out))
        assert "FER+ keeps 17 of 21 rows" in capsys.readouterr().out
    record = records.read(made / "run").ferplus
    for result in results:
        assert result.selection == record.selection
        for (_, own), (_, recorded) in zip(result.views, record.results.views, strict=True):
            assert own.confusion == recorded.confusion
            assert own.without_duplicates.rows == 16


def test_network_of_seven_classes_misses_contempt(made: Path, tmp_path: Path) -> None:
    data = synthetic_faces.dataset(14)
    assert data.votes is not None
    data.votes[0] = [0, 0, 0, 0, 0, 0, 0, 10, 0, 0]
    np.savez(tmp_path / "x.npz", images=data.images, emotion=data.labels, ferplus=data.votes)
    out = tmp_path / "out.json"
    arguments = ["--data", str(tmp_path / "x.npz"), "--json", str(out), "--ferplus"]
    assert main(["evaluate", "--model", str(made / "labels.onnx"), *arguments]) == 0
    result = files.read(Results, out)
    assert result.rows == 14
    contempt = result.single_crop.per_class["contempt"]
    assert (contempt.support, contempt.recall) == (1, 0)


def test_wrong_heads_end_with_words(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(made / "data.npz")]
    model = str(made / "labels.onnx")
    assert main(["evaluate", "--model", model, "--head", "votes", *data]) == 1
    assert "fer-train export --head votes" in capsys.readouterr().err
