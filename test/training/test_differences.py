"""Sentences about the distance to a paper's figure, and what the table makes of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("skl2onnx", reason="needs the train extra (skl2onnx)")

import synthetic_records

from fer_training.papers import compare, differences
from fer_training.papers.differences import Record
from fer_training.records import files
from fer_training.records.tables import SeedsRecord, Spread


def record(name: str, accuracy: float, *overrides: str, **more: Any) -> Record:
    return Record(synthetic_records.record(name, accuracy, *overrides, **more))


def keyed(*records: Record) -> dict[str, Record]:
    return {record.key: record for record in records}


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
    def fused(overlay: str, split: str, accuracy: float) -> Record:
        made = record("chowanda-arch1+" + overlay, accuracy)
        made.run.recipe.name = f"sum(chowanda-arch1+{overlay}, chowanda-arch3+{overlay})"
        made.run.recipe.differs = "Joined."
        made.run.recipe.data.split = split
        return made

    row = fused("ckplus", "subject-5", 0.9)
    others = keyed(row, fused("ckplus-random", "random-20", 0.95))
    assert differences.explain(row, "96.89 (fused)", others) == (
        "6.89 points below the paper's 96.89. No person stands on both sides here; the paper's "
        "split allows it. The leaking split gives 95.00. Joined."
    )


def write(folder: Path, made: Record) -> None:
    synthetic_records.write(folder, made.run)


def test_mirrored_accuracy_of_folds_is_shown(tmp_path: Path) -> None:
    pooled = record("yengikand+ckplus", 0.9)
    pooled.run.results.flip, pooled.run.results.flip_accuracy = None, 0.6
    write(tmp_path / "run", pooled)
    compare.write(tmp_path, tmp_path / "RESULTS.md")
    assert "| 90.00 | 60.00 |" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_the_folder_with_the_recipe_s_name_counts(tmp_path: Path) -> None:
    for folder, accuracy in (("a-try", 0.1), ("patil", 0.2), ("z-old", 0.3)):
        write(tmp_path / folder, record("patil", accuracy))
    (found,) = compare.collect(tmp_path).values()
    assert found.accuracy == 0.2


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
        "single crop": Spread([], 0.7101, 0.0022),
        "single crop, without exact copies of Training rows": Spread([], 0.69, 0.003),
        "mean of crop and mirror image": Spread([], 0.7135, 0.001),
    }
    over = SeedsRecord("fer-base", "fer2013", [6, 7, 8], figures)
    files.write(over, tmp_path / "fer-base" / "seeds.json")
    compare.write(tmp_path, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert (
        "  - fer2013, official: Measured on PublicTest. Its start, fer-base-fifth, had 40 of 40 "
        "epochs. Mean ± deviation over seeds 6, 7, 8: single crop 71.01 ± 0.22 (69.00 ± 0.30); "
        "mean of crop and mirror image 71.35 ± 0.10.\n"
    ) in text
    assert text.count("the last of its runs") == 1
