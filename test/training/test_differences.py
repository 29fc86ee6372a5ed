"""Sentences about the distance to a paper's figure, and what the table makes of records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("skl2onnx", reason="needs the train extra (skl2onnx)")

from fer_training.papers import compare, differences
from fer_training.recipes import recipe


def record(name: str, accuracy: float, *overrides: str, **more: Any) -> dict[str, Any]:
    """A record of a run of a recipe, with the keys that the table reads."""
    values = recipe.to_dict(recipe.load(name, overrides))
    single = {
        "accuracy": accuracy,
        "accuracy_95": [accuracy - 0.016, accuracy + 0.016],
        "macro_f1": 0.5,
        "rows": 100,
    }
    made = {
        "recipe": values,
        "results": {"single_crop": single, "flip": dict(single)},
        "epochs": values["epochs"],
        "leaks": "",
        "parameters": 1000,
        "macs": 2e6,
        "minutes": 1.0,
        "command": f"fer-train train {name}",
    }
    return {**made, **more}


def keyed(*records: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{r['recipe']['name']}|{r['recipe']['data']['dataset']}|{r['recipe']['data']['split']}": r
        for r in records
    }


def test_a_run_of_the_recipe_as_written_strays_nowhere() -> None:
    config = record("yengikand", 0.6, "threads=1", "data.path=elsewhere.npz", "seed=3")
    assert differences.strays(config) == ""


def test_strays_name_the_run_and_the_recipe() -> None:
    changes = ["epochs=3", "schedule.name=cosine", "schedule.warmup_epochs=2", "batch_size=128"]
    assert differences.strays(record("yengikand", 0.6, *changes)) == (
        "Run with schedule.name cosine instead of constant, schedule.warmup_epochs 2 instead of 0, "
        "epochs 3 instead of 20 and batch_size 128 instead of 32."
    )
    assert differences.strays(record("patil", 0.6, epochs=9)) == "Stopped early, after 9 epochs."
    trial = record("yengikand", 0.6, "name=yengikand with options.dropout=0.1", "epochs=1")
    assert differences.strays(trial) == "Run with epochs 1 instead of 20."


def test_keys_that_an_older_record_lacks_are_no_difference() -> None:
    old = record("yengikand", 0.6)
    del old["recipe"]["votes_weight"]
    assert differences.strays(old) == ""


def test_a_subject_disjoint_row_names_gap_split_start_and_leaking_twin() -> None:
    row = record("yengikand+ckplus", 0.9, "epochs=5")
    others = keyed(
        row,
        record("yengikand+ckplus-random", 0.95),
        record("yengikand", 0.5, "epochs=3"),
    )
    text = differences.explain(row, "97.01", others)
    assert text.startswith("7.01 points below the paper's 97.01. No person stands on both sides")
    assert "The leaking split gives 95.00." in text
    assert text.endswith(
        "Its start, yengikand, had 3 of 20 epochs. Run with epochs 5 instead of 20."
    )


def test_an_official_row_names_its_leaking_twin() -> None:
    row = record("patil", 0.5, "epochs=3")
    others = keyed(row, record("patil+fer2013-random", 0.55))
    assert differences.explain(row, "87.78", others) == (
        "37.78 points below the paper's 87.78. Measured on PublicTest; the paper reports other "
        "rows. The leaking split gives 55.00. Run with epochs 3 instead of 25."
    )


def test_rows_above_fused_and_without_a_figure() -> None:
    row = record("umer-cnn1", 0.98)
    text = differences.explain(row, "96.89 (fused)", keyed(row))
    assert text.startswith("1.11 points above the paper's 96.89. That figure is of the scores of")
    assert "whose rows are not known" in text
    row = record("chowanda-arch2", 0.5)
    assert differences.explain(row, "-", keyed(row)).startswith("The paper gives no figure. Meas")


def test_fused_rows_find_their_leaking_twin() -> None:
    def fused(overlay: str, split: str, accuracy: float) -> dict[str, Any]:
        made = record("chowanda-arch1+" + overlay, accuracy)
        made["recipe"]["name"] = f"sum(chowanda-arch1+{overlay}, chowanda-arch3+{overlay})"
        made["recipe"]["differs"] = "Joined."
        made["recipe"]["data"]["split"] = split
        return made

    row = fused("ckplus", "subject-5", 0.9)
    others = keyed(row, fused("ckplus-random", "random-20", 0.95))
    assert differences.explain(row, "96.89 (fused)", others) == (
        "6.89 points below the paper's 96.89. No person stands on both sides here; the paper's "
        "split allows it. The leaking split gives 95.00. Joined."
    )


def write(folder: Path, made: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(made), encoding="utf-8")


def test_mirrored_accuracy_of_folds_is_pooled_over_their_rows(tmp_path: Path) -> None:
    pooled = record("yengikand+ckplus", 0.9)
    del pooled["results"]["flip"]
    write(tmp_path / "run", pooled)
    for number, (rows, accuracy) in enumerate(((30, 0.5), (10, 0.9))):
        fold = record("yengikand+ckplus", 0.9)
        fold["results"]["flip"] = {"rows": rows, "accuracy": accuracy}
        write(tmp_path / "run" / f"fold-{number}", fold)
    (found,) = compare.collect(tmp_path).values()
    assert found["results"]["flip"]["accuracy"] == pytest.approx(0.6)


def test_the_folder_with_the_recipe_s_name_counts(tmp_path: Path) -> None:
    for folder, accuracy in (("a-try", 0.1), ("patil", 0.2), ("z-old", 0.3)):
        write(tmp_path / folder, record("patil", accuracy))
    (found,) = compare.collect(tmp_path).values()
    assert found["results"]["single_crop"]["accuracy"] == 0.2


def test_small_tables_name_the_best_and_what_lies_within_its_interval(tmp_path: Path) -> None:
    for loss, accuracy in (("+mse", 0.50), ("+cross-entropy", 0.49), ("+hinge", 0.40), ("", 0.3)):
        name = f"umer-cnn1-48{loss}"
        write(tmp_path / name, record(name, accuracy, "epochs=3"))
    path = tmp_path / "RESULTS.md"
    assert compare.write(tmp_path, path) == 4
    text = path.read_text(encoding="utf-8")
    assert "umer-cnn1-48+mse; within its 95 % interval: umer-cnn1-48+cross-entropy." in text
    table = text[text.index("### Losses compared") :]
    assert "| umer-cnn1-48+mse |" in table
    assert table.count("umer-cnn1-48: Run with epochs 3 instead of 500.") == 1


def test_ablations_are_held_against_what_seeds_reach(tmp_path: Path) -> None:
    runs = {"": 0.59, "+seed-1": 0.60, "+no-votes": 0.595, "+no-mixup": 0.61, "+no-erasing": 0.55}
    for overlay, accuracy in runs.items():
        name = f"fer-lite-short{overlay}"
        write(tmp_path / name, record(name, accuracy))
    compare.write(tmp_path, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert (
        "fer-lite-short reads 59.00 to 60.00 % over 2 seeds; below all of them: "
        "fer-lite-short+no-erasing; above: fer-lite-short+no-mixup."
    ) in text
    assert "Best here, on one seed: fer-lite-short" not in text


def test_own_networks_say_their_start_once_and_what_seeds_give(tmp_path: Path) -> None:
    for name in ("fer-base", "fer-base-fifth"):
        write(tmp_path / name, record(name, 0.7))
    figures = {
        "single crop": {"mean": 0.7101, "deviation": 0.0022},
        "single crop, without exact copies of Training rows": {"mean": 0.69, "deviation": 0.003},
        "mean of crop and mirror image": {"mean": 0.7135, "deviation": 0.001},
    }
    over = {"seeds": [6, 7, 8], "figures": figures}
    (tmp_path / "fer-base" / "seeds.json").write_text(json.dumps(over), encoding="utf-8")
    compare.write(tmp_path, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert (
        "  - fer2013, official: Measured on PublicTest. Its start, fer-base-fifth, had 40 of 40 "
        "epochs. Mean ± deviation over seeds 6, 7, 8: single crop 71.01 ± 0.22 (69.00 ± 0.30); "
        "mean of crop and mirror image 71.35 ± 0.10.\n"
    ) in text
    assert text.count("the last of its runs") == 1
