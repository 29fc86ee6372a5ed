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

"""Charts and tables of runs: convergence, hours, and names that do not overlap."""

from __future__ import annotations

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

from fer_training.commands.cli import main
from fer_training.papers import (
    cells,
    charts,
    compare,
    convergence,
    curves,
    networks,
    page,
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
LINE = Result(
    "Patil 2023", "patil", "fer2013", "official", "", 0, 20, 25, 3589, 60.0, 61.0, 59.0, 65.0,
    0.55, 3.2, 100, 200, 1.5, 12.0, "bfloat16", "abc", "fer-train train patil",
)  # fmt: skip


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
    synthetic_records.write_named(folder, folder.name, 0.5)
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
    synthetic_records.write_named(
        tmp_path / "chowanda-arch4+weak-l2", "chowanda-arch4+weak-l2", 0.5
    )
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


def test_a_run_of_constant_rate_holds_the_shorter_ones(tmp_path: Path) -> None:
    run = tmp_path / "umer-cnn1-48"
    synthetic_records.write_named(run, "umer-cnn1-48", 0.9)
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
