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

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("matplotlib", reason="needs the train extra (matplotlib)")

import printed_tables
import synthetic_faces
import synthetic_records
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fer_ros.perception.emotions import FER2013
from fer_training.commands.cli import main
from fer_training.papers import (
    cells,
    charts,
    compare,
    convergence,
    cross,
    curves,
    distance,
    distances,
    networks,
    page,
    readings,
    results,
    scatter,
    systems,
)
from fer_training.papers.networks import Point
from fer_training.papers.results import Result
from fer_training.papers.systems import CHOWANDA
from fer_training.recipes import recipe
from fer_training.records import progress

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
            if "(" not in row.same and not row.same.startswith("svm"):
                changed = distance.between(recipe.load(row.same)).changed
                # The printed strength of L2 collapses; each network's other row says so.
                weak = row.same.endswith("+weak-l2")
                allowed = {"optimizer.l2"} if weak else set()
                assert {gap.setting for gap in changed} <= allowed, f"{row.same}: {changed}"


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


def test_a_chart_stays_where_its_runs_are_not_there(tmp_path: Path) -> None:
    runs, folder = tmp_path / "runs", tmp_path / "charts"
    folder.mkdir()
    write_run(runs / "yengikand", "3 4")
    absent = replace(LINE, recipe="patil", epochs=25)
    before = {name: f"{name} of all runs" for name in ("curves.png", "confusion.png")}
    for name, text in before.items():
        (folder / name).write_text(text)
    lines = [*results.collect(runs), absent, replace(absent, recipe="patil-five")]
    left = charts.draw(runs, lines, folder, whole=True)
    assert left == [
        f"curves.png stays as it is: no patil-five in {runs}",
        f"confusion.png stays as it is: no patil in {runs}",
    ]
    assert {name: (folder / name).read_text() for name in before} == before
    assert charts.draw(runs, lines, folder, whole=False) == []
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in before)


def test_runs_that_have_not_ended_are_on_the_page_with_their_curves(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    data = synthetic_faces.save_npz(synthetic_faces.dataset(70), tmp_path / "fer2013.npz")
    name = "chowanda-arch1+weak-l2"
    arguments = ["train", name, "--data", str(data), "--out", str(runs / name)]
    assert main([*arguments, "--set", "epochs=2", "threads=1"]) == 0
    ended = (runs / name / "metrics.json").rename(tmp_path / "metrics.json")
    assert compare.write_own(runs) == (0, 1)
    text = (runs / "RESULTS.md").read_text("utf-8")
    history = progress.read_epochs(runs / name / "summary.csv")
    best = max(history, key=lambda epoch: epoch.test_accuracy)
    last = f"{100 * history[-1].test_accuracy:.1f}"
    row = f"| {name} | {name} | 2 | 2 | {last} | {100 * best.test_accuracy:.1f} |"
    assert f"{row} {best.epoch + 1} | 0.0 |" in text
    (picture,) = re.findall(r"\((charts/under-way/.*?)\)", text)
    assert (runs / picture).read_bytes().startswith(b"\x89PNG")
    ended.rename(runs / name / "metrics.json")
    assert compare.write_own(runs) == (1, 0)
    assert "Under way" not in (runs / "RESULTS.md").read_text("utf-8")
    assert not (runs / picture).exists()


def test_nothing_to_compare_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path)]) == 1
    assert "holds no run" in capsys.readouterr().err


def named(points: list[Point]) -> tuple[list[Bbox], Bbox]:
    """Return the rectangles of the names that the chart writes, and the frame's."""
    figure = Figure(figsize=(8, 4.8))
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.scatter([p.ms for p in points], [p.accuracy for p in points])
    axes.set_xscale("log")
    canvas.draw()
    names = scatter.name_points(axes, points, canvas)
    return [Text.get_window_extent(name, canvas.get_renderer()) for name in names], axes.bbox


def test_names_of_crowded_points_do_not_overlap() -> None:
    points = [
        Point(f"network {row} {column}", "p", 0.3 * 1.03**column, 60 + 0.1 * row)
        for row in range(4)
        for column in range(4)
    ] + [Point("far to the right", "p", 3.0, 70.0)]
    boxes, frame = named(points)
    assert len(boxes) == len(points)
    for index, box in enumerate(boxes):
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_a_point_is_the_mean_over_seeds_of_a_network_s_best_recipe(tmp_path: Path) -> None:
    lines = [
        LINE,
        replace(LINE, seed=1, single=62.0),
        replace(LINE, recipe="chowanda-arch1", system=CHOWANDA, single=30.0, ms=0.4),
        replace(LINE, recipe="chowanda-arch1+weak-l2", system=CHOWANDA, single=65.0, ms=0.4),
        replace(LINE, recipe="arch1", system=CHOWANDA, single=67.0, ms=0.4),
        replace(LINE, recipe="fer-base-int8", system="fer_ros", single=71.0, ms=0.6),
        replace(LINE, recipe="yengikand", ms=None),
        replace(LINE, recipe="chowanda-arch2@10", system=CHOWANDA, single=25.0, ms=0.4),
        replace(LINE, recipe="deep-emotion+ckplus", dataset="ckplus"),
    ]
    found = {point.label: (point.system, point.accuracy) for point in networks.points(lines)}
    assert found == {
        "Patil": ("Patil 2023", 61.0),
        "ARCH-1 (weak-l2)": (CHOWANDA, 65.0),
        "arch1": ("fer_ros", 67.0),
        "fer-base-int8": ("fer_ros", 71.0),
    }
    absent = networks.absent(lines)
    assert absent.unfinished == ["Yengikand", "Minaee", "ARCH-4"]
    assert absent.elsewhere == ["Umer CNN_1", "Umer CNN_2", "Patil CK+", "ARCH-2", "ARCH-3"]
    text = page.write(lines, ["accuracy-latency.png"])
    assert "Not in the chart: Yengikand, Minaee, ARCH-4 (not finished);" in text
    scatter.draw(networks.points(lines), tmp_path / "points.png")
    assert (tmp_path / "points.png").is_file()


def test_the_ten_networks_are_those_of_the_printed_tables() -> None:
    assert set(networks.PRINTED) == {*printed_tables.TABLES, "deep-emotion", "yengikand-attention"}


def write_run(folder: Path, accuracies: str, seconds: int = 6) -> None:
    write_record(folder, folder.name, 0.5)
    rows = "".join(f"{n},1.0,0.{a},{seconds}\n" for n, a in enumerate(accuracies.split()))
    (folder / "summary.csv").write_text(
        "epoch,test_loss,test_accuracy,seconds\n" + rows, encoding="utf-8"
    )


def test_convergence_takes_the_runs_that_are_there(tmp_path: Path) -> None:
    assert "No run has finished yet." in convergence.write([])
    curves.of_four(tmp_path, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    write_run(tmp_path / "chowanda-arch1+ckplus-random+weak-l2", "3 40 795 80 60")
    write_run(tmp_path / "chowanda-arch3+ckplus-random+weak-l2", "3 9", seconds=9)
    write_run(tmp_path / "chowanda-arch4+weak-l2", "3 4")
    (tmp_path / "chowanda-arch4+weak-l2" / "metrics.json").unlink()  # still training
    curves.of_four(tmp_path, tmp_path / "four.png")
    assert (tmp_path / "four.png").is_file()
    lines = results.collect(tmp_path)
    assert [(line.reached, line.epoch_s) for line in lines] == [(3, 6.0), (2, 9.0)]
    text = convergence.write(lines)
    assert "| CK+ | ARCH-1 | 50.0 | 200 | 3 | 1.0 | 6.00 | 1.00 |" in text
    assert "| CK+ | ARCH-3 | 50.0 | 200 | 2 | 1.0 | 9.00 | 1.50 |" in text
    assert "Not run: ARCH-1 on FER2013, ARCH-2 on FER2013," in text
    write_record(tmp_path / "chowanda-arch4+weak-l2", "chowanda-arch4+weak-l2", 0.5)
    text = convergence.write(results.collect(tmp_path))
    assert "| FER2013 | ARCH-4 | 50.0 | 200 | 2 | 1.0 | 6.00 | - |" in text


def test_printed_hours_and_what_they_leave_for_arch_2() -> None:
    text = convergence.write([])
    assert "| hours | 0.841 | 2.39 | 1.01 | 2.63 |" in text
    assert "| times ARCH-1 | 1.00 | 2.85 | 1.20 | 3.13 |" in text


def test_the_page_has_room_for_every_run() -> None:
    lines = results.read(PACKAGE / "results.csv")
    rows = [
        (name, row.dataset)
        for system in systems.SYSTEMS
        for row in system.rows
        for name in (row.same, row.honest)
        if name and row.dataset not in systems.OWNERS_DATA
    ]
    rows += [(name, "") for s in systems.SYSTEMS for _, names in s.extra for name in names]
    for name, dataset in rows:
        if not cells.of(name, lines):
            made_by, _, split = name.partition(":")
            lines.append(replace(LINE, recipe=made_by, dataset=dataset, split=split or "made"))
    pictures = ["accuracy-latency.png", "confusion.png", "convergence-004.png", "curves.png"]
    text = page.write(lines, [*pictures, "features-004.png", "saliency.png"])
    assert "not run" not in text.partition("## ")[2]
    assert len(text.split()) <= 1500


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
