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

"""Greedy search over values of a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.commands.cli import main
from fer_training.recipes import recipe
from fer_training.records import files
from fer_training.records import run as records
from fer_training.records.tables import SearchRecord
from fer_training.train.search import parse


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe file of made-up data that learns in a few steps with a good rate only."""
    data = synthetic_faces.save_npz(synthetic_faces.dataset(105), tmp_path / "data.npz")
    config = synthetic_faces.recipe(**synthetic_faces.LEARNS, data={"path": str(data)})
    path = tmp_path / "tiny.yaml"
    path.write_text(recipe.to_yaml(config), encoding="utf-8")
    return path


def test_the_better_value_is_kept_for_the_next_key(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    arguments = ["search", str(tiny), "optimizer.lr=1e-9,0.005", "epochs=1,2", "--out", str(out)]
    assert main(arguments) == 0
    first, second = files.read(SearchRecord, out / "search.json").steps
    assert first.chosen == "0.005"
    assert first.accuracies["0.005"] > first.accuracies["1e-9"] + 0.3
    assert second.chosen == max(second.accuracies, key=second.accuracies.__getitem__)
    kept = records.read(out / "epochs=2").recipe
    assert kept.optimizer.lr == 0.005
    assert kept.name == "tiny with epochs=2"
    before = (out / "epochs=2" / "best.pt").stat().st_mtime_ns
    assert main(arguments) == 0
    assert (out / "epochs=2" / "best.pt").stat().st_mtime_ns == before
    assert main([*arguments, "--set", "batch_size=9"]) == 1  # trials of another plan are not taken


def test_rows_that_are_reported_choose_nothing(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["search", str(tiny), "epochs=1,2", "--out", str(tmp_path / "search")]
    assert main([*arguments, "--set", "data.split=random-25"]) == 1
    assert "may not choose" in capsys.readouterr().err
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize("text", ["epochs", "epochs=", "epochs=1", "epochs=1,1", "epochs=1,,2"])
def test_places_need_a_key_and_different_values(text: str) -> None:
    with pytest.raises(recipe.RecipeError, match="key=value,value"):
        parse(text)
