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

"""Runs that others start from or learn from are named, or made first."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.commands.cli import main
from fer_training.recipes import lineage, recipe


def test_fer_lite_and_its_teachers() -> None:
    found = lineage.needs(recipe.load("fer-lite"))
    assert [need.name for need in found] == [
        "fer-base-start",
        "fer-base-second",
        "fer-lite-start",
        "fer-base-third",
        "fer-base-fourth",
        "fer-teacher",
    ]
    assert found[3].folder == Path("runs/fer-base-third")


def test_fer_base_comes_after_everything_it_learns_from() -> None:
    places = [need.name for need in lineage.needs(recipe.load("fer-base"))]
    assert len(places) == len(set(places))
    for name in places:
        before = {need.name for need in lineage.needs(recipe.load(name))}
        assert before <= set(places[: places.index(name)])


def test_fine_tuning_needs_the_run_on_the_other_data_set() -> None:
    (need,) = lineage.needs(recipe.load("yengikand+ckplus"))
    assert (need.name, need.dataset) == ("yengikand", "fer2013")


def test_own_checkpoints_are_nobodys_run() -> None:
    assert not lineage.needs(recipe.load("arch1", ["init=kept/arch1-of-may"]))


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the data, and recipes first, second (goes on) and third (learns from it)."""
    data = synthetic_faces.save_npz(synthetic_faces.dataset(), tmp_path / "data.npz")
    recipes = tmp_path / "recipes"
    (recipes / "on").mkdir(parents=True)
    for name, changes in (
        ("first", {}),
        ("second", {"init": "runs/first"}),
        ("third", {"distill": {"teachers": ["runs/second"]}}),
    ):
        config = synthetic_faces.recipe(name=name, epochs=1, paper="-", differs="-", **changes)
        (recipes / f"{name}.yaml").write_text(recipe.to_yaml(config), encoding="utf-8")
    monkeypatch.setattr(recipe, "RECIPES", recipes)
    monkeypatch.chdir(tmp_path)
    return data


def test_a_missing_run_is_named_with_its_command(
    family: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "third", "--data", str(family)]) == 1
    said = capsys.readouterr().err
    assert "needs the finished run runs/first: fer-train train first makes it" in said
    assert not Path("runs").exists()


def test_earlier_makes_all_runs_and_none_twice(family: Path) -> None:
    assert main(["train", "second", "--data", str(family), "--earlier"]) == 0
    before = Path("runs/first/best.pt").stat().st_mtime_ns
    assert main(["train", "third", "--data", str(family), "--earlier"]) == 0
    assert Path("runs/third/metrics.json").is_file()
    assert Path("runs/first/best.pt").stat().st_mtime_ns == before
