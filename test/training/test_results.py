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

"""The lines of results, and the page made of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("matplotlib", reason="needs the train extra (matplotlib)")

import synthetic_faces
import synthetic_records

from fer_ros.perception.emotions import FER2013
from fer_training.commands.cli import main
from fer_training.papers import (
    cells,
    compare,
    convergence,
    cross,
    distances,
    page,
    readings,
    results,
    systems,
)
from fer_training.papers.results import Result
from fer_training.records import files
from fer_training.records.progress import read_epochs

PACKAGE = Path(compare.__file__).parent.parent
LINE = Result(
    "Patil 2023", "patil", "fer2013", "official", "", 0, 20, 25, 3589, 60.0, 61.0, 59.0, 65.0,
    0.55, 3.2, 100, 200, 1.5, 12.0, "bfloat16", "abc", "fer-train train patil",
)  # fmt: skip


def test_lines_survive_writing_and_reading(tmp_path: Path) -> None:
    lines = [LINE, replace(LINE, seed=1, epochs=None, mirror=None, minutes=None, ms=None)]
    results.write(lines, tmp_path / "results.csv")
    assert results.read(tmp_path / "results.csv") == lines
    assert results.read(tmp_path / "none.csv") == []
    (tmp_path / "bad.csv").write_text("system,recipe\na,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.csv: a line has no usable .*fer-train compare"):
        results.read(tmp_path / "bad.csv")


def test_a_newer_line_of_a_run_replaces_the_older() -> None:
    newer = replace(LINE, single=70.0)
    other = replace(LINE, seed=1)
    assert results.merge([LINE, other], [newer]) == [newer, other]
    part = replace(newer, epochs=2, planned=2)
    assert results.merge([LINE], [part]) == [LINE]
    assert results.merge([part], [replace(part, epochs=3, planned=3)])[0].epochs == 3
    stopped_early = replace(newer, epochs=12, planned=25)
    assert results.merge([LINE], [stopped_early]) == [stopped_early]


def test_the_folder_with_the_recipe_s_name_counts(tmp_path: Path) -> None:
    for folder, accuracy in (("a-try", 0.1), ("patil", 0.2), ("z-old", 0.3)):
        synthetic_records.write_named(tmp_path / folder, "patil", accuracy)
    (found,) = results.collect(tmp_path)
    assert (found.single, found.system, found.epochs_printed) == (20.0, "Patil 2023", 25)


def test_mirrored_accuracy_of_folds_is_pooled_over_their_rows(tmp_path: Path) -> None:
    pooled = synthetic_records.record("yengikand+ckplus", 0.9)
    pooled.results.flip = None
    synthetic_records.write(tmp_path / "run", pooled)
    for number, (rows, accuracy) in enumerate(((30, 0.5), (10, 0.9))):
        fold = synthetic_records.record("yengikand+ckplus", accuracy)
        fold.results.rows, fold.results.flip = rows, synthetic_records.figures(accuracy, rows)
        synthetic_records.write(tmp_path / "run" / f"fold-{number}", fold)
    (found,) = results.collect(tmp_path)
    assert found.mirror == 60.0
    pooled.results.flip_accuracy = 0.7  # which a run of all folds has pooled itself
    synthetic_records.write(tmp_path / "run", pooled)
    assert results.collect(tmp_path)[0].mirror == 70.0


def test_a_record_of_version_0_1_names_its_paper_alone(tmp_path: Path) -> None:
    synthetic_records.write_named(tmp_path / "old", "patil", 0.5)
    path = tmp_path / "old" / "metrics.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    old["recipe"] |= {"paper": "Patil 2023", "amp": True}
    path.write_text(json.dumps(old), encoding="utf-8")
    assert results.collect(tmp_path)[0].system == "Patil 2023"


def test_page_sets_paper_same_and_honest_side_by_side() -> None:
    lines = [
        replace(LINE, recipe="patil-ckplus-random", dataset="ckplus", single=98.0, epochs=25),
        replace(LINE, recipe="patil-ckplus", dataset="ckplus", single=80.0, epochs=25),
        replace(LINE, recipe="patil-ckplus", dataset="ckplus", single=82.0, epochs=25, seed=1),
    ]
    text = page.write(lines, [])
    assert "| network | ckplus | 99 | 98.0 | 81.0 ± 1.4 | 25/25 |" in text
    assert "| network | ferg | 99.3 | data only from its owners | - | - |" in text
    assert re.search(r"\| network \| jaffe \| 92.8 \| not run \([\d.]+ h\) \| not run \(", text)


def test_epochs_of_both_protocols_are_told_and_parts_are_not_averaged() -> None:
    same = replace(LINE, recipe="deep-emotion+ckplus-random", dataset="ckplus", epochs=300)
    same = replace(same, epochs_printed=300, planned=300)
    lines = [
        same,
        replace(same, seed=1, epochs=211),
        replace(same, seed=2, epochs=30, planned=30, single=1.0),
        replace(same, recipe="deep-emotion+ckplus", epochs=30, planned=30),
    ]
    text = page.write(lines, [])
    assert "| network | ckplus | 98 | 60.0 ± 0.0 | 60.0 | 211 to 300/300; 30/300 |" in text


def test_one_class_for_everything_is_called_a_collapse() -> None:
    name = "chowanda-arch1@10"
    line = replace(LINE, recipe=name, single=25.0, epochs=10, epochs_printed=10)
    assert cells.reached(name, [replace(line, macro_f1=0.057)]) == f"{name} collapses (25.0)"
    assert cells.reached(name, [line]) == f"{name} 25.0"
    assert cells.reached(name, [replace(line, epochs=3)]) == f"{name}@3 25.0"
    assert re.fullmatch(rf"{name} not run \(\d+\.\d h\)", cells.reached(name, []))


def test_fer2013_rows_name_copies_and_ferplus() -> None:
    line = replace(LINE, recipe="deep-emotion", system="Minaee et al. 2021", epochs=300)
    text = page.write([replace(line, epochs_printed=300)], [])
    assert "| network | fer2013 | 70.02 | 60.0 (FER+ 65.0) | 59.0 | 300/300 |" in text


def test_the_shipped_page_is_short_and_written_from_the_shipped_lines() -> None:
    lines = results.read(PACKAGE / "results.csv")
    text = (PACKAGE / "RESULTS.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 1500
    folder = PACKAGE.parent / "docs" / "papers"
    pictures = sorted(path.name for path in folder.glob("*.png"))
    assert text == page.write(lines, pictures, "../docs/papers/")
    assert (folder / "distances.md").read_text(encoding="utf-8") == distances.write(readings.read())
    assert (folder / convergence.PAGE).read_text(encoding="utf-8") == convergence.write(lines)


def test_every_verdict_is_of_a_system() -> None:
    assert set(page.verdicts()) <= {system.name for system in systems.SYSTEMS}


def test_compare_writes_beside_the_runs(tmp_path: Path) -> None:
    before = (PACKAGE / "RESULTS.md").read_bytes()
    runs = tmp_path / "runs"
    data = synthetic_faces.save_npz(synthetic_faces.dataset(70), tmp_path / "fer2013.npz")
    arguments = ["train", "chowanda-arch1+weak-l2", "--data", str(data), "--out"]
    name = "chowanda-arch1+weak-l2"
    assert main([*arguments, str(runs / name), "--set", "epochs=1", "threads=1"]) == 0
    assert main(["compare", str(runs)]) == 0
    (line,) = results.read(runs / "results.csv")
    assert (line.recipe, line.epochs, line.epochs_printed) == (name, 1, 200)
    assert line.ferplus is not None
    text = (runs / "RESULTS.md").read_text("utf-8")
    assert f"| {name} | fer2013 | official | apart | 70.3 | {line.single:.1f} | 1 | 0 |" in text
    assert "epochs 1, data.path" not in text
    assert "| epochs 1 |" in text
    assert not any(said in text for said in page.verdicts().values())
    assert "Shipped networks" not in text
    assert (runs / "charts" / "features-004.png").is_file()
    assert (runs / "charts" / "curves.png").is_file()
    assert (PACKAGE / "RESULTS.md").read_bytes() == before


def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    changes = (["seed=0"], ["seed=1"], ["seed=2", "optimizer.lr=0.5"])
    for number, own in enumerate(changes):
        made = synthetic_records.record("patil", 0.1 * (number + 1), *own)
        synthetic_records.write(runs / f"try-{number}", made)
    with pytest.raises(ValueError, match=r"try-0 and .*try-2 are both patil .*: recipe\.optimizer"):
        results.collect(runs)
    assert compare.write_own(runs) == (3, 0)
    text = (runs / "RESULTS.md").read_text("utf-8")
    assert "| 15.0 ± 7.1 | 25 | 0, 1 | - |" in text
    assert "| 30.0 | 25 | 2 | optimizer.lr 0.5 |" in text
    made = synthetic_records.record("patil", 0.3, "seed=2", "epochs=1")
    synthetic_records.write(runs / "try-2", made)
    assert [line.epochs for line in results.collect(runs)] == [25, 25, 1]  # the page takes the 25


@pytest.mark.parametrize("text", ["", "x\n", "epoch,lr\nnone,0.1\n", "\ufeff\0"])
def test_a_damaged_curve_is_named(text: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.csv"
    summary.write_text(text, encoding="utf-8")
    with pytest.raises(files.RecordError, match=r"summary\.csv is no record of epochs"):
        read_epochs(summary)


def test_nothing_to_compare_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path)]) == 1
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.slow
def test_shipped_networks_on_other_data(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data"
    arguments = ["cross", "--ckplus", str(folder / "ck48.npz"), "--jaffe"]
    assert main([*arguments, str(folder / "jaffe.npz"), "--out", str(tmp_path)]) == 0
    lines = {(line.recipe, line.dataset): line for line in results.collect(tmp_path)}
    found = lines["fer-base-int8", "ckplus"]
    assert (found.rows, found.split) == (927, cross.SPLIT)
    assert found.single == pytest.approx(77.7, abs=0.3)
    record = json.loads((tmp_path / "fer-base-int8-on-ckplus" / "metrics.json").read_text("utf-8"))
    assert record["results"]["labels"] == [*FER2013[:6], "neutral"]
