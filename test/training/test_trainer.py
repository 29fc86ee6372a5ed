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
import math
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.data.base import DatasetError, FaceDataset
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe
from fer_training.records import checkpoint
from fer_training.records.checkpoint import Checkpoint
from fer_training.records.progress import Progress
from fer_training.train.batches import training_rows
from fer_training.train.finish import finish
from fer_training.train.optimization import learning_rate
from fer_training.train.trainer import Trainer

REPOSITORY = Path(__file__).resolve().parents[2]


def run(config: Recipe, folder: Path, data: FaceDataset, **fit: object) -> Trainer:
    trainer = Trainer(config, folder, data)
    trainer.fit(**fit)
    return trainer


def weights(folder: Path, name: str = "best.pt") -> dict[str, torch.Tensor]:
    return checkpoint.load(folder / name).weights


def holding(numbers: int) -> Checkpoint:
    return Checkpoint("x", ["happy"], "name: a", {"w": torch.ones(numbers)})


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_equal_seeds_give_equal_weights_and_others_do_not(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(35)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(synthetic_faces.recipe(seed=seed, epochs=1), tmp_path / name, data)
    assert same(weights(tmp_path / "a", "last.pt"), weights(tmp_path / "b", "last.pt"))
    assert not same(weights(tmp_path / "a", "last.pt"), weights(tmp_path / "c", "last.pt"))


def test_weights_that_vanish_count_as_zero_while_a_run_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def subnormal() -> float:
        return float(torch.tensor([1e-30]) * 1e-10)

    step, seen = Trainer._step, []

    def watched(self: Trainer, *arguments: object) -> torch.Tensor:
        seen.append(subnormal())
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", watched)
    run(synthetic_faces.recipe(epochs=1), tmp_path, synthetic_faces.dataset(35))
    assert seen
    assert not any(seen)
    assert subnormal() > 0.0


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path: Path, optimizer: str) -> None:
    data = synthetic_faces.dataset(35)
    config = synthetic_faces.recipe(
        epochs=3,
        optimizer={"name": optimizer, "lr": 0.01},
        schedule={"name": "plateau", "patience": 0},
    )
    run(config, tmp_path / "whole", data)
    run(config, tmp_path / "broken", data, epochs=1)
    torch.rand(1000)  # whatever else the process draws must not matter
    run(config, tmp_path / "broken", data, resume=True)
    whole, broken = (
        checkpoint.load_state(tmp_path / name / "last.pt") for name in ("whole", "broken")
    )
    assert same(whole.weights, broken.weights)
    assert same(whole.model, broken.model)
    assert whole.progress == broken.progress
    untimed = [[replace(epoch, seconds=0) for epoch in state.history] for state in (whole, broken)]
    assert untimed[0] == untimed[1]


def test_training_learns_the_made_up_classes(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(**synthetic_faces.LEARNS)
    trainer = run(config, tmp_path, synthetic_faces.dataset(105))
    assert max(epoch.test_accuracy for epoch in trainer.history) > 0.9


def test_resume_refuses_another_recipe_data_or_architecture(tmp_path: Path) -> None:
    data = synthetic_faces.dataset()
    run(synthetic_faces.recipe(epochs=1), tmp_path, data)
    with pytest.raises(checkpoint.CheckpointError, match=r"label_smoothing = 0\.1, not 0\.2"):
        run(synthetic_faces.recipe(epochs=1, label_smoothing=0.2), tmp_path, data, resume=True)
    other = synthetic_faces.dataset(seed=5)
    with pytest.raises(checkpoint.CheckpointError, match="other data"):
        run(synthetic_faces.recipe(epochs=1), tmp_path, other, resume=True)
    config = synthetic_faces.recipe(epochs=1, architecture="patil-fer2013")
    with pytest.raises(checkpoint.CheckpointError, match="holds 'chowanda-arch1', not 'patil"):
        run(config, tmp_path, data, resume=True)


def test_a_refused_resumption_leaves_the_folders_recipe(tmp_path: Path) -> None:
    data = synthetic_faces.dataset()
    run(synthetic_faces.recipe(epochs=1), tmp_path, data)
    before = (tmp_path / "recipe.yaml").read_text(encoding="utf-8")
    with pytest.raises(checkpoint.CheckpointError, match="another folder"):
        run(synthetic_faces.recipe(epochs=1, seed=9), tmp_path, data, resume=True)
    assert (tmp_path / "recipe.yaml").read_text(encoding="utf-8") == before


def test_a_fold_that_is_none_is_named(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(data={"fold": 3})
    with pytest.raises(DatasetError, match=r"folds 0\.\.0, not 3"):
        Trainer(config, tmp_path, synthetic_faces.dataset())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, not 0"),
        ({"batch_size": 1}, "batch_size must be 2 or more, not 1"),
        ({"threads": 0}, "threads must be 1 or more, not 0"),
        ({"ema": 2.0}, r"ema must lie in 0\.\.1, not 2\.0"),
        ({"augment": {"flip": -0.5}}, "augment.flip must lie in"),
        ({"data": {"unlabelled": "faces.npz"}}, "data.unlabelled needs distill.stored"),
        ({"keep": "first"}, "keep must be best or last, not 'first'"),
        ({"schedule": {"name": "cosin"}}, "constant, cosine, plateau, not 'cosin'"),
        ({"freeze": ["stemm"]}, "freeze names 'stemm'; the network has the layers 0, 1"),
        ({"optimizer": {"l2": 1.0, "l2_layers": ["fc"]}}, "optimizer.l2_layers names 'fc'"),
        ({"epoch_rows": 1}, "less than two rows"),
    ],
)
def test_values_that_train_nothing_or_something_else_are_named(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(recipe.RecipeError, match=words):
        run(synthetic_faces.recipe(**changes), tmp_path / "run", synthetic_faces.dataset(35))


def test_a_training_that_diverges_stops_and_says_so(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(optimizer={"lr": math.inf}, keep="last")
    trainer = run(config, tmp_path, synthetic_faces.dataset(35))
    assert len(trainer.history) == 1
    with pytest.raises(recipe.RecipeError, match=r"diverged.*lower optimizer\.lr"):
        finish(trainer, "fer-train train tiny")


def test_truncated_and_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(holding(1000), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(checkpoint.CheckpointError, match="no readable checkpoint"):
        checkpoint.load(path)
    torch.save({"something": 1}, path)
    with pytest.raises(checkpoint.CheckpointError, match="no checkpoint of fer-train"):
        checkpoint.load(path)
    torch.save({"architecture": "x", "model": Progress()}, path)  # would need to run code
    with pytest.raises(checkpoint.CheckpointError, match="no readable checkpoint"):
        checkpoint.load(path)


def test_damage_anywhere_in_a_checkpoint_is_told(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoint.save(holding(50), path)
    content = path.read_bytes()
    told = 0
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x85]) + content[place + 1 :])
        try:
            state = checkpoint.load(path)
        except checkpoint.CheckpointError:
            told += 1
        else:  # in the zip's padding, where it harms nothing
            assert torch.equal(state.weights["w"], torch.ones(50))
    assert told > len(content) // 7 // 3


def test_full_disk_leaves_the_old_checkpoint_whole(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(holding(10), path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(checkpoint.CheckpointError, match="free some space"):
            checkpoint.save(holding(100_000), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.equal(checkpoint.load(path).weights["w"], torch.ones(10))
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


def test_black_not_a_face_and_duplicate_rows_are_left_out() -> None:
    data = synthetic_faces.dataset()
    data.images[3] = 0
    data.votes[5] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
    data.images[7] = data.images[-1]
    config = synthetic_faces.recipe(data={"drop_not_a_face": True, "drop_duplicates": True})
    from fer_training.data import splits

    rows = training_rows(data, splits.official(data)[0], config)
    assert set(range(56)) - set(rows.tolist()) == {3, 5, 7}


def test_fine_tuning_starts_from_a_run_and_keeps_frozen_layers(tmp_path: Path) -> None:
    data = synthetic_faces.dataset()
    run(synthetic_faces.recipe(epochs=1, ema=0.0), tmp_path / "base", data)
    config = synthetic_faces.recipe(
        epochs=1, ema=0.0, init=str(tmp_path / "base"), freeze=["0.stem.conv2d.", "0.residual."]
    )
    run(config, tmp_path / "tuned", data)
    before, after = weights(tmp_path / "base"), weights(tmp_path / "tuned")
    assert torch.equal(before["0.stem.conv2d.weight"], after["0.stem.conv2d.weight"])
    held, free = "0.residual.conv2d_4.weight", "0.stem.conv2d_1.weight"
    assert torch.equal(before[held], after[held])
    assert not torch.equal(before[free], after[free])


def test_learning_rates_of_the_schedules() -> None:
    config = synthetic_faces.recipe(
        epochs=10, schedule={"name": "cosine", "warmup_epochs": 2}, optimizer={"lr": 1.0}
    )
    rates = [learning_rate(config, Progress(epoch=e), 0, 4) for e in range(10)]
    assert rates[0] == pytest.approx(1 / 8)  # the first of eight steps of warm-up
    assert rates[2] == pytest.approx(1.0)
    assert rates[6] == pytest.approx(0.5)
    config.schedule.name, config.schedule.warmup_epochs = "plateau", 0
    assert learning_rate(config, Progress(lr_factor=0.1), 0, 4) == pytest.approx(0.1)


def test_plateau_cuts_the_rate_and_then_stops() -> None:
    config = synthetic_faces.recipe(
        schedule={"name": "plateau", "factor": 0.1, "patience": 1, "stop_patience": 4}
    )
    progress = Progress()
    for loss in (1.0, 0.9, 0.95, 0.95):
        progress.observe(loss, config.schedule)
    assert progress.lr_factor == pytest.approx(0.1)
    assert not progress.stopped
    progress.observe(0.91, config.schedule)
    progress.observe(0.92, config.schedule)
    assert progress.stopped


def test_oversampling_draws_rare_classes_more_often(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(140)
    keep = np.flatnonzero((data.labels != 1) | (np.arange(140) < 20) | (np.arange(140) > 111))
    data = data.select(keep)
    rare = int((data.labels[data.usage == "Training"] == 1).sum())
    trainer = Trainer(synthetic_faces.recipe(data={"oversample": 1.0}), tmp_path, data)
    torch.manual_seed(0)
    drawn = torch.cat([trainer.rows.order(1.0) for _ in range(50)])
    share = float((trainer.rows.labels[drawn] == 1).float().mean())
    assert rare / len(trainer.rows) < 0.05
    assert share == pytest.approx(1 / 7, abs=0.03)


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    data = synthetic_faces.save_npz(synthetic_faces.dataset(), tmp_path / "data.npz")
    config = synthetic_faces.recipe(epochs=1)
    config.data.path = str(data)
    path = tmp_path / "tiny.yaml"
    path.write_text(recipe.to_yaml(config), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", "29541"]
    command += ["-m", "fer_training", "train", str(path), "--out", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 1
