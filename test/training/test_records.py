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

"""The one reader and the one writer of records, and checkpoints' values beside the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces
import synthetic_records

from fer_ros import records as plain
from fer_training.recipes import comparison
from fer_training.records import checkpoint, files
from fer_training.records import run as records
from fer_training.records.checkpoint import Checkpoint, CheckpointError, Fitted, TrainingState
from fer_training.records.files import RecordError
from fer_training.records.progress import Epoch, Progress
from fer_training.records.run import RunRecord


@dataclass
class Inner:
    value: float = 0.5


@dataclass
class Outer:
    name: str
    pair: tuple[float, float]
    counts: list[int]
    inner: Inner
    several: dict[str, Inner] = field(default_factory=dict)
    maybe: Inner | None = None
    anything: Any = None


WHOLE = {"name": "a", "pair": [1, 2.5], "counts": [3], "inner": {}}


def test_plain_values_become_a_dataclass_and_plain_values_again() -> None:
    values = {**WHOLE, "several": {"x": {"value": 1.0}}, "maybe": {"value": 2.0}, "anything": [1]}
    made = plain.build(Outer, values)
    assert made == Outer("a", (1.0, 2.5), [3], Inner(0.5), {"x": Inner(1.0)}, Inner(2.0), [1])
    assert plain.build(Outer, plain.to_plain(made)) == made
    assert plain.build(Outer, WHOLE).maybe is None
    assert plain.build(Outer, {**WHOLE, "maybe": {}}).maybe is None, "as older files have it"
    assert "maybe" not in plain.to_plain(plain.build(Outer, WHOLE))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nam": 1}, "unknown key nam; known: name, pair"),
        ({"name": 1}, "name must be str, not 1"),
        ({"pair": [1]}, "pair must have 2 entries, not 1"),
        ({"counts": 3}, "counts must be a list"),
        ({"counts": [True]}, "counts must be int, not True"),
        ({"inner": {"value": "much"}}, "inner.value must be float, not 'much'"),
        ({"several": {"x": {"val": 1}}}, r"unknown key several\.x\.val"),
        ({"maybe": {"value": []}}, "maybe.value must be float"),
    ],
)
def test_values_that_do_not_fit_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(plain.RecordError, match=words):
        plain.build(Outer, {**WHOLE, **changes})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(plain.RecordError, match="missing key inner"):
        plain.build(Outer, {key: value for key, value in WHOLE.items() if key != "inner"})


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    made = synthetic_records.record("yengikand", 0.6)
    made.results.single_crop.without_duplicates = synthetic_records.figures(0.5, 90)
    records.write(made, tmp_path)
    assert records.read(tmp_path) == made


def test_fields_of_a_record_are_named_with_their_file(tmp_path: Path) -> None:
    records.write(synthetic_records.record("yengikand", 0.6), tmp_path)
    path = tmp_path / "metrics.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    for changes, words in (
        ({"minuets": 1}, r"metrics\.json: unknown key minuets"),
        ({"macs": "many"}, r"metrics\.json: macs must be int"),
        ({"recipe": {**whole["recipe"], "epoch": 1}}, r"metrics\.json: unknown key recipe\.epoch"),
    ):
        path.write_text(json.dumps({**whole, **changes}), encoding="utf-8")
        with pytest.raises(RecordError, match=words):
            records.read(tmp_path)
    del whole["results"]["single_crop"]["ece"]
    path.write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(RecordError, match=r"metrics\.json: missing key results\.single_crop\.ece"):
        records.read(tmp_path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(RecordError, match=r"metrics\.json is no JSON"):
        records.read(tmp_path)
    path.unlink()
    with pytest.raises(RecordError, match="the run is not finished"):
        records.read(tmp_path)


def test_records_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """They lack what came later, and have empty mappings for what was left out."""
    records.write(synthetic_records.record("yengikand", 0.6), tmp_path)
    path = tmp_path / "metrics.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    for key in ("device", "fold_accuracies", "found", "folds"):
        del old[key]
    del old["recipe"]["votes_weight"], old["recipe"]["distill"], old["data"]["disagreement"]
    path.write_text(json.dumps({**old, "calibration": {}}), encoding="utf-8")
    read = records.read(tmp_path)
    assert read.calibration is None
    assert (read.device, read.folds, read.recipe.votes_weight) == ("", 1, 0.0)


def test_a_half_written_record_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    files.write(synthetic_records.record("yengikand", 0.6), path)
    with pytest.raises(TypeError):
        files.write({"value": object()}, path)
    assert files.read(RunRecord, path).results.single_crop.accuracy == 0.6


def test_the_folder_of_a_record_is_made(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "new" / "out.json"
    files.write(Fitted(1.5), path)
    assert files.read(Fitted, path) == Fitted(1.5)


def test_keys_that_do_not_matter_have_one_home() -> None:
    one = synthetic_faces.recipe()
    for key, value in (("name", "other"), ("differs", "much"), ("threads", 7)):
        assert not comparison.difference(one, replace(one, **{key: value}))
    assert not comparison.difference(one, replace(one, calibration="classes")), "may be resumed"
    found = comparison.changes(one, replace(one, calibration="classes"), comparison.NO_FIGURE)
    assert [change.key for change in found] == ["calibration"], "but gives other figures"
    other = replace(one, optimizer=replace(one.optimizer, lr=0.3))
    assert comparison.difference(one, other) == "optimizer.lr = 0.05, not 0.3"


def state() -> TrainingState:
    return TrainingState(
        architecture="x",
        labels=["happy", "sad"],
        recipe="name: a\narchitecture: x\n",
        weights={"w": torch.ones(3)},
        offset=[0.5, -0.5],
        calibration=Fitted(1.5, 0.4),
        data="0",
        progress=Progress(epoch=2, best_score=0.5),
        history=[Epoch(0, 0.1, 1.0, 0.9, 0.4), Epoch(1, 0.1, 0.8, 0.7, 0.5)],
        rng=torch.get_rng_state(),
    )


def test_a_checkpoint_reads_back_as_it_was_written(tmp_path: Path) -> None:
    before, path = state(), tmp_path / "last.pt"
    checkpoint.save(before, path)
    read = checkpoint.load_state(path)
    for name in ("labels", "offset", "calibration", "progress", "history", "data"):
        assert getattr(read, name) == getattr(before, name)
    assert torch.equal(read.weights["w"], before.weights["w"])
    assert read.config.name == "a"
    assert isinstance(checkpoint.load(path), TrainingState), "any checkpoint may be a start"


def test_fields_of_a_checkpoint_are_named_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoint.save(Checkpoint("x", ["happy"], "name: a", {"w": torch.ones(1)}), path)
    values = torch.load(path, weights_only=True)
    torch.save({**values, "weight": 1}, path)
    with pytest.raises(CheckpointError, match=r"best\.pt: unknown key weight"):
        checkpoint.load(path)
    del values["labels"]
    torch.save(values, path)
    with pytest.raises(CheckpointError, match=r"best\.pt: missing key labels"):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match=r"weights alone; resume from last\.pt"):
        checkpoint.load_state(path)
