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

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception import emotions
from fer_ros.perception.model_store import shipped_models
from fer_training.architectures.fer import HeadLogits
from fer_training.data.tensors import to_network
from fer_training.measure.predictors import CheckpointPredictor, OnnxPredictor
from fer_training.recipes.recipe import Distill, RecipeError
from fer_training.records.checkpoint import CheckpointError
from fer_training.train.batches import Targets
from fer_training.train.distill import Teachers, distillation, stored
from fer_training.train.objective import Objective
from fer_training.train.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two runs of one epoch with different seeds; the second has a head for votes."""
    folders = []
    for seed, changes in enumerate(({}, {"architecture": "fer-lite", "votes_weight": 0.5})):
        folder = tmp_path_factory.mktemp(f"teacher{seed}")
        config = synthetic_faces.recipe(epochs=1, seed=seed, options={}, **changes)
        Trainer(config, folder, synthetic_faces.dataset()).fit()
        folders.append(str(folder))
    return folders


def test_loss_of_a_hand_worked_case() -> None:
    student = torch.tensor([[2 * math.log(3), 0.0]])  # at temperature 2: 3/4 and 1/4
    taught = torch.tensor([[0.5, 0.5]])
    expected = 4 * -(0.5 * math.log(0.75) + 0.5 * math.log(0.25))
    assert float(distillation(student, taught, 2.0)) == pytest.approx(expected)


def test_loss_is_least_where_the_student_agrees() -> None:
    taught = torch.softmax(torch.tensor([[1.0, -1.0, 0.5]]) / 3, dim=1)
    agreeing = torch.tensor([[1.0, -1.0, 0.5]], requires_grad=True)
    distillation(agreeing, taught, 3.0).backward()
    assert agreeing.grad.abs().max() < 1e-6


def test_several_teachers_predict_by_their_mean(teachers: list[str]) -> None:
    images = torch.from_numpy(synthetic_faces.dataset(6).images).float().unsqueeze(1)
    config = Distill(teachers, temperature=2.0)
    both = Teachers(config, emotions.FER2013, CPU)
    answers = both.probabilities(images)
    assert answers.shape == (6, 7)
    assert torch.allclose(answers.sum(1), torch.ones(6))
    assert not answers.requires_grad
    expected = torch.zeros(6, 7)
    with torch.no_grad():
        for member in both.members:
            x = to_network(images, 48, 1, member.recipe.mean, member.recipe.scale)
            expected += torch.softmax(member.network(x) / 2.0, dim=1) / 2
    assert torch.allclose(answers, expected, atol=1e-5)


def test_what_was_fitted_on_the_rows_that_select_does_not_reach_the_student(
    teachers: list[str], tmp_path: Path
) -> None:
    state = torch.load(Path(teachers[1]) / "best.pt", weights_only=True)
    state["calibration"] = {"temperature": 3.0, "uncertain_threshold": 0.9}
    torch.save(state, tmp_path / "best.pt")
    images = torch.from_numpy(synthetic_faces.dataset(6).images).float().unsqueeze(1)
    plain, fitted = (
        Teachers(Distill([place]), emotions.FER2013, CPU).probabilities(images)
        for place in (teachers[1], str(tmp_path))
    )
    assert torch.equal(plain, fitted)


def test_offsets_from_the_training_rows_do(teachers: list[str], tmp_path: Path) -> None:
    state = torch.load(Path(teachers[1]) / "best.pt", weights_only=True)
    torch.save({**state, "offset": [0.0] * 6 + [50.0]}, tmp_path / "best.pt")
    images = torch.from_numpy(synthetic_faces.dataset(6).images).float().unsqueeze(1)
    answers = Teachers(Distill([str(tmp_path)]), emotions.FER2013, CPU).probabilities(images)
    assert (answers.argmax(1) == 6).all()


def test_teachers_of_other_labels_are_refused(teachers: list[str]) -> None:
    for labels in (emotions.FERPLUS, emotions.FER2013[::-1]):
        with pytest.raises(RecipeError, match=r"distill\.teachers: .* knows angry, disgust"):
            Teachers(Distill(teachers[:1]), labels, CPU)


def test_missing_teacher_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Teachers(Distill([str(tmp_path / "nobody")]), emotions.FER2013, CPU)


@pytest.mark.parametrize("votes_weight", [0.0, 0.5])
def test_student_learns_from_teachers(
    teachers: list[str], tmp_path: Path, votes_weight: float
) -> None:
    config = synthetic_faces.recipe(
        architecture="fer-lite", options={"dropout": 0.0}, augment={"flip": 0.0}, ema=0.0,
        optimizer={"name": "adam", "lr": 0.001}, votes_weight=votes_weight,
        distill={"teachers": teachers, "share": 0.7, "temperature": 2.0},
    )  # fmt: skip
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset(35))
    trainer.network.train()
    batch = torch.arange(28)
    losses = [float(trainer._step(trainer.rows.batch(batch), 48)) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_share_weighs_labels_against_teachers(teachers: list[str]) -> None:
    data = synthetic_faces.dataset(35)
    torch.manual_seed(0)
    logits, taught = torch.randn(28, 7), torch.softmax(torch.randn(28, 7), dim=1)
    targets = Targets(torch.eye(7).repeat(4, 1))
    found = {}
    for share in (0.0, 0.25, 1.0):
        distill = Distill(teachers, share=share, temperature=2.0)
        config = replace(synthetic_faces.recipe(), distill=distill)
        objective = Objective(config, data.label_names, CPU)
        found[share] = float(objective.loss(HeadLogits(logits), targets, taught))
    assert found[1.0] == pytest.approx(float(distillation(logits, taught, 2.0)))
    assert found[0.25] == pytest.approx(0.75 * found[0.0] + 0.25 * found[1.0])


def test_stored_predictions_are_those_of_the_crop_and_its_mirror_image(
    teachers: list[str], tmp_path: Path
) -> None:
    images = torch.from_numpy(synthetic_faces.dataset(6).images).unsqueeze(1)
    config = Distill(teachers, stored=True, temperature=2.0)
    plain, softened = stored(config, images, emotions.FER2013, tmp_path / "kept.npz")
    expected = torch.zeros(6, 7)
    for path in teachers:
        member = CheckpointPredictor.load(Path(path))
        for seen in (images, images.flip(-1)):
            scores = member.probabilities(seen[:, 0].numpy())
            expected += torch.softmax(torch.from_numpy(scores).log() / 2, dim=1) / 4
    assert torch.allclose(softened, expected, atol=1e-5)
    assert torch.allclose(plain.sum(1), torch.ones(6), atol=1e-5)
    again = stored(
        replace(config, temperature=1.0), images, emotions.FER2013, tmp_path / "kept.npz"
    )
    assert torch.allclose(again[0], plain)
    other = stored(config, images.flip(0), emotions.FER2013, tmp_path / "kept.npz")
    assert torch.allclose(other[1], softened.flip(0), atol=1e-5)  # not what was kept


def test_unlabelled_crops_learn_what_the_teachers_predict(
    teachers: list[str], tmp_path: Path
) -> None:
    data = synthetic_faces.dataset()
    np.savez(tmp_path / "more.npz", images=data.images[:5, :, ::-1])
    config = synthetic_faces.recipe(epochs=1, epoch_rows=16, batch_size=8)
    config.data.unlabelled = str(tmp_path / "more.npz")
    config.distill = Distill(teachers, stored=True)
    trainer = Trainer(config, tmp_path / "run", data)
    rows, own = trainer.rows, len(trainer.rows) - 5
    assert torch.equal(rows.images[own:, 0], torch.from_numpy(data.images[:5, :, ::-1].copy()))
    plain, softened = stored(config.distill, rows.images[own:], emotions.FER2013)
    assert rows.targets.taught is not None
    assert torch.allclose(rows.targets.labels[own:], plain, atol=1e-5)
    assert torch.allclose(rows.targets.taught[own:], softened, atol=1e-5)
    assert len(rows.order(0.0, config.epoch_rows)) == 16
    trainer.fit()
    assert math.isfinite(trainer.history[0].train_loss)


def test_teachers_that_are_stored_must_be_named_and_know_the_classes(teachers: list[str]) -> None:
    images = torch.zeros(2, 1, 48, 48, dtype=torch.uint8)
    with pytest.raises(RecipeError, match=r"wants distill\.teachers"):
        stored(Distill(stored=True), images, emotions.FER2013)
    with pytest.raises(RecipeError, match="knows angry"):
        stored(Distill(teachers, stored=True), images, emotions.FERPLUS)


def test_a_shipped_network_teaches_crop_by_crop_as_its_file_predicts() -> None:
    images = synthetic_faces.dataset(6).images
    config = Distill(["fer-lite"], temperature=1.0)
    taught = Teachers(config, emotions.FER2013, CPU).probabilities(
        torch.from_numpy(images).float().unsqueeze(1)
    )
    file = OnnxPredictor(shipped_models()["fer-lite"])
    logits = file.network.run(file.preprocess(images))
    assert torch.allclose(taught, torch.softmax(torch.from_numpy(logits), 1), atol=1e-4)
