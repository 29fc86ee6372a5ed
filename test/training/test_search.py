"""Greedy search over values of a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.commands.cli import main
from fer_training.recipes import recipe
from fer_training.train.search import parse


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe file of made-up data that learns in a few steps with a good rate only."""
    data = synthetic_faces.save_npz(synthetic_faces.dataset(140), tmp_path / "data.npz")
    config = synthetic_faces.recipe(
        epochs=8,
        ema=0.0,
        augment={"flip": 0.0},
        data={"path": str(data)},
        optimizer={"name": "adam", "lr": 0.005},
    )
    path = tmp_path / "tiny.yaml"
    path.write_text(recipe.to_yaml(config), encoding="utf-8")
    return path


def test_the_better_value_is_kept_for_the_next_key(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    places = ["optimizer.lr=1e-9,0.005", "options.dropout=0.0,0.9"]
    assert main(["search", str(tiny), *places, "--out", str(out), "--set", "threads=1"]) == 0
    record = json.loads((out / "search.json").read_text(encoding="utf-8"))
    first, second = record["steps"]
    assert first["chosen"] == "0.005"
    assert first["accuracies"]["0.005"] > first["accuracies"]["1e-9"] + 0.3
    assert second["chosen"] == max(second["accuracies"], key=second["accuracies"].__getitem__)
    kept = json.loads((out / "options.dropout=0.9" / "metrics.json").read_text(encoding="utf-8"))
    assert kept["recipe"]["optimizer"]["lr"] == 0.005
    assert kept["recipe"]["name"] == "tiny with options.dropout=0.9"
    before = (out / "options.dropout=0.9" / "best.pt").stat().st_mtime_ns
    assert main(["search", str(tiny), *places, "--out", str(out), "--set", "threads=1"]) == 0
    assert (out / "options.dropout=0.9" / "best.pt").stat().st_mtime_ns == before
    arguments = ["search", str(tiny), *places, "--out", str(out), "--set", "threads=1", "epochs=1"]
    assert main(arguments) == 1  # finished trials of another plan are not taken for these


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
