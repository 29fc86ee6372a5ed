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

"""Distances between recipes and papers, the lines of results, and the page made of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("matplotlib", reason="needs the train extra (matplotlib)")

import synthetic_faces
import synthetic_records

from fer_ros.perception.emotions import FER2013
from fer_training.commands.cli import main
from fer_training.papers import charts, compare, cross, distance, page, results, systems
from fer_training.papers.results import Result
from fer_training.recipes import recipe

PACKAGE = Path(compare.__file__).parent.parent
NAMES = [name for name in recipe.names() if not name.startswith("+")]
LINE = Result(
    "Patil 2023", "patil", "fer2013", "official", "", 0, 20, 25, 3589, 60.0, 61.0, 59.0, 65.0,
    0.55, 3.2, 100, 200, 1.5, 12.0, "bfloat16", "abc", "fer-train train patil",
)  # fmt: skip


def compared() -> list[str]:
    """Every recipe that the page sets beside a paper."""
    names = [name for s in systems.SYSTEMS for row in s.rows for name in (row.same, row.honest)]
    names += [name for s in systems.SYSTEMS for _, extra in s.extra for name in extra]
    names = [n.partition("@")[0] for n in names if " with " not in n]
    return [n for n in dict.fromkeys(names) if n and "(" not in n and not n.startswith("svm")]


@pytest.mark.parametrize("name", compared())
def test_every_compared_recipe_says_where_its_settings_stand(name: str) -> None:
    config = recipe.load(name)
    assert config.paper.text
    found = distance.between(config)
    assert len(found.as_printed) >= 5
    assert all(setting.place for setting in config.paper.settings.values())
    assert all(figure.place for figure in config.paper.figures.values())


def test_a_recipe_under_its_paper_s_protocol_changes_no_printed_setting() -> None:
    for system in systems.SYSTEMS:
        for row in system.rows:
            if row.figure is not None and "(" not in row.same and not row.same.startswith("svm"):
                changed = distance.between(recipe.load(row.same)).changed
                assert not changed, f"{row.same}: {changed}"


def test_distance_of_a_made_up_recipe() -> None:
    config = recipe.from_dict(
        {
            "name": "made",
            "architecture": "arch",
            "options": {"dropout": 0.4},
            "augment": {"flip": 0.5, "rotation": 10, "blur": 0.1},
            "optimizer": {"name": "adam", "lr": 0.01, "weight_decay": 0.0},
            "epochs": 20,
            "paper": {
                "name": "Nobody 2000",
                "settings": {
                    "optimizer.lr": {"value": 0.01, "place": "p. 1"},
                    "epochs": {"value": 200, "place": "p. 2"},
                    "options.dropout": {"place": "not printed"},
                    "augment.flip": {"value": 0.5, "place": "p. 3"},
                },
            },
        }
    )
    found = distance.between(config)
    assert found.as_printed == ("optimizer.lr", "augment.flip")
    assert [(g.setting, g.ours, g.printed) for g in found.changed] == [("epochs", "20", "200")]
    assert [(g.setting, g.ours) for g in found.chosen] == [("options.dropout", "0.4")]
    assert {g.setting for g in found.added} == {
        "augment.rotation", "augment.blur", "optimizer.name"
    }  # fmt: skip
    assert found.words.startswith(
        "2 of 3 printed settings kept; other than printed: epochs 20 (printed 200); not printed"
    )


def test_settings_that_no_recipe_has_are_named() -> None:
    config = recipe.load("patil")
    config.paper.settings["optimizer.rate"] = recipe.Setting(1, "p. 1")
    with pytest.raises(recipe.RecipeError, match=r"'optimizer\.rate', which no recipe has"):
        distance.between(config)


def printed_numbers(value: Any) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    plain = f"{value:g}"
    return [plain, f"{value:.1f}", f"{value:.2f}", f"{value:,}"]


@pytest.mark.parametrize("name", compared())
def test_quoted_numbers_stand_in_the_papers_texts(name: str, shared: Path) -> None:
    config = recipe.load(name)
    (path,) = (shared / "papers").glob(f"{config.paper.text}_*.txt")
    words = path.read_text(encoding="utf-8")
    quoted = {f"figure {k}": f.value for k, f in config.paper.figures.items()}
    quoted |= {key: setting.value for key, setting in config.paper.settings.items()}
    spelled = {
        "data.oversample": {1.0: "same order"},
        "schedule.factor": {0.1: "factor of 10"},
        "schedule.min_delta": {0.0001: "0.0001"},
    }
    for key, value in quoted.items():
        numbers = printed_numbers(value)
        # 0 stands for what a paper does not name; the frame is "the last" in words.
        if not numbers or value == 0 or key == "data.frames":
            continue
        numbers.append(spelled.get(key, {}).get(value, numbers[0]))
        found = [n for n in numbers if re.search(rf"(?<![\d.]){re.escape(n)}(?!\d)", words)]
        assert found, f"{name}: {key} = {value} does not stand in text {config.paper.text}"


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


def write_record(folder: Path, name: str, accuracy: float) -> None:
    synthetic_records.write(folder, synthetic_records.record(name, accuracy))


def test_the_folder_with_the_recipe_s_name_counts(tmp_path: Path) -> None:
    for folder, accuracy in (("a-try", 0.1), ("patil", 0.2), ("z-old", 0.3)):
        write_record(tmp_path / folder, "patil", accuracy)
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
    write_record(tmp_path / "old", "patil", 0.5)
    path = tmp_path / "old" / "metrics.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    old["recipe"] |= {"paper": "Patil 2023", "amp": True}
    path.write_text(json.dumps(old), encoding="utf-8")
    assert results.collect(tmp_path)[0].system == "Patil 2023"


def test_page_sets_paper_same_and_honest_side_by_side() -> None:
    lines = [
        replace(LINE, recipe="patil-ckplus-random", dataset="ckplus", single=98.0, epochs=25),
        replace(LINE, recipe="patil-ckplus", dataset="ckplus", single=80.0, epochs=25),
        replace(LINE, recipe="patil-ckplus", dataset="ckplus", single=82.0, seed=1),
    ]
    text = page.write(lines, [])
    assert "| network | ckplus | 99 | 98.0 | 81.0 ± 1.4 | 25/25 |" in text
    assert "| network | ferg | 99.3 | owner's data | - | - |" in text
    assert "| network | jaffe | 92.8 | queued | queued | - |" in text


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
    assert (folder / "distances.md").read_text(encoding="utf-8") == page.distances()


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
    assert "| ARCH-1, L2 1e-4 | fer2013 | - |" in (runs / "RESULTS.md").read_text("utf-8")
    assert (runs / "charts" / "features-004.png").is_file()
    assert (runs / "charts" / "curves.png").is_file()
    assert (PACKAGE / "RESULTS.md").read_bytes() == before


def test_nothing_to_compare_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path)]) == 1
    assert "holds no metrics.json" in capsys.readouterr().err


def test_charts_of_accuracy_and_convergence(tmp_path: Path) -> None:
    charts.accuracy_latency([LINE], tmp_path / "points.png")
    assert (tmp_path / "points.png").is_file()
    charts.accuracy_latency([replace(LINE, ms=None)], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    for number in (1, 3):
        run = tmp_path / f"chowanda-arch{number}"
        write_record(run, run.name, 0.5)
        (run / "summary.csv").write_text(
            "epoch,test_accuracy,seconds\n0,0.3,6\n1,0.4,6\n", encoding="utf-8"
        )
    charts.convergence(tmp_path, tmp_path / "convergence.png")
    assert (tmp_path / "convergence.png").is_file()


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


def test_a_run_of_constant_rate_holds_the_shorter_ones(tmp_path: Path) -> None:
    run = tmp_path / "umer-cnn1-48"
    write_record(run, "umer-cnn1-48", 0.9)
    rows = "".join(f"{epoch},{epoch / 1000},1\n" for epoch in range(120))
    (run / "summary.csv").write_text("epoch,test_accuracy,seconds\n" + rows, encoding="utf-8")
    lines = {line.recipe: line for line in results.collect(tmp_path)}
    assert set(lines) == {"umer-cnn1-48", "umer-cnn1-48@50", "umer-cnn1-48@100"}
    assert (lines["umer-cnn1-48@50"].single, lines["umer-cnn1-48@50"].epochs) == (4.9, 50)
    config = recipe.load("umer-cnn1-48")
    assert (config.schedule.name, config.keep) == ("constant", "last")


def test_lines_get_the_time_of_their_network() -> None:
    lines = [LINE, replace(LINE, recipe="fer-base-int8", ms=None), replace(LINE, recipe="new")]
    found = results.timed(lines, {"patil-fer2013": 5.0, "fer-base-int8": 0.6})
    assert [line.ms for line in found] == [5.0, 0.6, 1.5]


def pages(words: str) -> dict[str, str]:
    """Return the text of each page of a paper whose pages begin with ``Page N of M``."""
    parts = re.split(r"Page (\d+) of \d+", words)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", [n for n in compared() if n.startswith("chowanda")])
def test_quoted_numbers_stand_on_the_page_that_the_recipe_names(name: str, shared: Path) -> None:
    config = recipe.load(name)
    (path,) = (shared / "papers").glob("004_*.txt")
    text = pages(path.read_text(encoding="utf-8"))
    quoted = {f"figure {key}": (f.value, f.place) for key, f in config.paper.figures.items()}
    quoted |= {key: (s.value, s.place) for key, s in config.paper.settings.items()}
    checked = 0
    for key, (value, place) in quoted.items():
        named = re.match(r"p\. (\d+)", place)
        numbers = [*printed_numbers(value), *(["factor of 10"] if key == "schedule.factor" else [])]
        if named and printed_numbers(value):
            page_text = text[named[1]]
            assert any(number in page_text for number in numbers), f"{key} = {value}: {place}"
            checked += 1
    assert checked >= 6


def section(words: str, number: str) -> str:
    """Return what stands under a heading like ``4.2. Experiments``, up to the next numbered one."""
    heading = rf"^{re.escape(number)}[.:]? "
    start = [match.start() for match in re.finditer(heading, words, re.M)][-1]  # not the contents
    end = re.search(r"^\d\.\d?[.:]? ?[A-Z]", words[start + 4 :], re.M)
    return words[start:] if end is None else words[start : start + 4 + end.start()]


@pytest.mark.parametrize(
    "name", [n for n in compared() if n.startswith(("patil", "deep-emotion", "umer"))]
)
def test_quoted_numbers_stand_in_the_section_that_the_recipe_names(name: str, shared: Path) -> None:
    config = recipe.load(name)
    (path,) = (shared / "papers").glob(f"{config.paper.text}_*.txt")
    words = path.read_text(encoding="utf-8")
    checked = 0
    for key, setting in config.paper.settings.items():
        named = re.match(r"section (\d\.\d)", setting.place)
        numbers = printed_numbers(setting.value)
        if (
            named
            and numbers
            and setting.value != 0
            and key not in ("data.oversample", "data.frames")
        ):
            text = section(words, named[1])
            assert any(number in text for number in numbers), f"{key}: {setting}"
            checked += 1
    assert checked >= 2
