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
from fer_training.data import load_dataset, splits
from fer_training.papers import distances, readings
from fer_training.recipes import recipe
from fer_training.records import files
from fer_training.records.tables import SearchRecord, SearchStep
from fer_training.train.search import open_places, parse, training_data


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
    arguments = ["search", str(tiny), "optimizer.lr=1e-9,0.005", "epochs=1,2"]
    arguments += ["--folds", "2", "--out", str(out), "--set", "epochs=12"]
    assert main(arguments) == 0
    first, second = files.read(SearchRecord, out / "search.json").steps
    assert first.chosen == "0.005"
    assert first.accuracies["0.005"] > first.accuracies["1e-9"] + 0.3
    assert second.chosen == max(second.accuracies, key=second.accuracies.__getitem__)
    kept = recipe.load(str(out / "epochs=2" / "fold-1" / "recipe.yaml"))
    assert (kept.optimizer.lr, kept.data.split, kept.data.fold) == (0.005, "folds-2", 1)
    trial = out / "epochs=2" / "fold-0" / "best.pt"
    before = trial.stat().st_mtime_ns
    assert main(arguments) == 0
    assert trial.stat().st_mtime_ns == before
    assert main([*arguments, "--set", "batch_size=9"]) == 1  # trials of another plan are not taken


def test_a_value_that_is_in_use_is_not_trained_again(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    arguments = ["search", str(tiny), "batch_size=8,4", "optimizer.lr=0.005,1e-9", "--folds", "2"]
    assert main([*arguments, "--set", "epochs=1", "--out", str(out)]) == 0
    first, second = files.read(SearchRecord, out / "search.json").steps
    assert second.accuracies["0.005"] == first.accuracies[first.chosen]
    assert not (out / "optimizer.lr=0.005").exists()


@pytest.mark.parametrize(
    "places",
    [
        ["optimizer.lr=0.005,fast"],
        ["optimizer.lr=0.005,0.01", "epochs=1,["],
        ["optimizer.lr=0.005,0.01", "batch=8,4"],
        ["optimizer.lr=0.005,0.01", "optimizer.lr=0.02,0.03"],
        ["data.fold=0,1"],
    ],
)
def test_mistaken_values_are_named_before_anything_is_trained(
    places: list[str], tiny: Path, tmp_path: Path
) -> None:
    out = tmp_path / "search"
    assert main(["search", str(tiny), *places, "--out", str(out), "--set", "epochs=1"]) == 1
    assert not out.exists()


@pytest.mark.parametrize("split", ["official", "random-25", "part-50-25-25"])
def test_rows_that_are_reported_choose_nothing(tiny: Path, split: str) -> None:
    config = recipe.load(str(tiny), [f"data.split={split}"])
    data = load_dataset("fer2013", config.data.path, config.data)
    reported = splits.choose(data, split, 0).test
    own = training_data(config)
    assert len(own) == len(data) - len(reported)
    shown = {image.tobytes() for image in data.images[reported]}
    assert not shown & {image.tobytes() for image in own.images}


def test_a_search_takes_a_share_of_the_training_rows(tiny: Path, tmp_path: Path) -> None:
    own = training_data(recipe.load(str(tiny)), 42)
    assert len(own) == 42
    whole = {image.tobytes() for image in training_data(recipe.load(str(tiny))).images}
    assert {image.tobytes() for image in own.images} <= whole
    out = tmp_path / "search"
    arguments = ["search", str(tiny), "batch_size=8,4", "--folds", "2", "--out", str(out)]
    assert main([*arguments, "--set", "epochs=1", "--rows", "42"]) == 0
    record = files.read(SearchRecord, out / "search.json")
    assert record.rows == 42
    assert "--rows 42 --folds 2" in record.command
    assert main([*arguments, "--rows", "1000"]) == 1


def test_folds_hold_every_row_once_and_every_class() -> None:
    data = synthetic_faces.dataset(70)
    divisions = splits.make(data, "folds-5")
    assert sorted(row for own in divisions for row in own.test) == list(range(70))
    assert all(set(data.labels[own.test]) == set(range(7)) for own in divisions)
    assert not any(set(own.test) & set(own.train) or own.selects for own in divisions)


def test_a_recipe_lists_its_open_settings_as_the_command_takes_them() -> None:
    places = open_places(recipe.load("yengikand"))
    assert places["options.widths"] == ["[32, 64, 128]", "[64, 128, 256]", "[128, 256, 512]"]
    for name in ("yengikand", "deep-emotion+jaffe-random", "chowanda-arch1+weak-l2"):
        for key, values in open_places(recipe.load(name)).items():
            first = recipe.load(name, [f"{key}={values[0]}"])
            assert first == recipe.load(name), f"{name}: {key} does not begin as first read"
    with pytest.raises(recipe.RecipeError, match="lists no open settings"):
        open_places(recipe.load("patil"))


def test_commas_inside_brackets_part_no_values() -> None:
    assert parse("options.widths=[1, 2],[3, 4]") == ("options.widths", ["[1, 2]", "[3, 4]"])


def test_what_was_tried_stands_on_the_page_of_distances() -> None:
    step = SearchStep("batch_size", {"128": 0.4, "8": 0.625}, "8")
    found = SearchRecord("deep-emotion+jaffe-random", [], "", [step], 3, 25)
    text = distances.write(readings.merge(readings.Readings(), [found]))
    line = next(line for line in text.splitlines() if line.startswith("| batch_size | - | 128 |"))
    assert line.endswith("| jaffe: 128 40.0, **8 62.5** (25 epochs, 3 folds) | jaffe: 8 |")
    assert "fer2013 to try: 0.2, 0.1, 0.3 (" in text


def test_searches_of_a_recipe_over_other_keys_stand_beside_each_other() -> None:
    def search(*keys: str, accuracy: float) -> SearchRecord:
        steps = [SearchStep(key, {"1": accuracy, "2": 0.1}, "1") for key in keys]
        return SearchRecord("arch1", [], f"search {accuracy}", steps, 3, 25)

    old = readings.Readings([search("batch_size", "optimizer.lr", accuracy=0.4)])
    found = readings.merge(old, [search("optimizer.lr", "augment.shift", accuracy=0.5)])
    assert [[step.key for step in own.steps] for own in found.of("arch1")] == [
        ["batch_size"],
        ["optimizer.lr", "augment.shift"],
    ]
    again = readings.merge(found, [search("batch_size", accuracy=0.6)])
    assert [own.command for own in again.of("arch1")] == ["search 0.5", "search 0.6"]
    assert again.of("patil") == []


@pytest.mark.parametrize("text", ["epochs", "epochs=", "epochs=1", "epochs=1,1", "epochs=1,,2"])
def test_places_need_a_key_and_different_values(text: str) -> None:
    with pytest.raises(recipe.RecipeError, match="key=value,value"):
        parse(text)
