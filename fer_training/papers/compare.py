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

"""From a folder of runs to the page of results, its lines and its charts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_training.papers import (
    charts,
    convergence,
    distances,
    own_page,
    page,
    readings,
    results,
    under_way,
)
from fer_training.records import files

_PACKAGE = Path(__file__).parent.parent
SHIPPED_LINES = _PACKAGE / "results.csv"


@dataclass(frozen=True)
class Places:
    """Where the parts of the comparison go."""

    lines: Path
    page: Path
    folder: Path
    """Of distances, training times and charts."""
    link: str
    """That folder as the page links to it."""
    times: Path
    """Record of ``fer-train latency``; without it lines keep the milliseconds they had."""
    earlier: Path | None
    """Lines of runs that are not in the folder, which stay."""
    whole: bool = False
    """Whether a chart of which runs are missing stays as it is."""


def beside(runs: Path, joined: bool = False) -> Places:
    """Return the places in the folder of runs.

    Args:
        runs: Folder of run folders.
        joined: Whether the shipped lines of other runs are included beside those of the folder.
    """
    return Places(
        runs / "results.csv",
        runs / "RESULTS.md",
        runs / "charts",
        "charts/",
        _PACKAGE / "latency.json" if joined else runs / "latency.json",
        SHIPPED_LINES if joined else None,
    )


def shipped() -> Places:
    """Return the places in the repository.

    Raises:
        ValueError: The package is installed without its documentation.
    """
    docs = _PACKAGE.parent / "docs"
    if not docs.is_dir():
        raise ValueError(f"--ship writes the repository's own pages, and {docs} is missing")
    return Places(
        SHIPPED_LINES,
        _PACKAGE / "RESULTS.md",
        docs / "papers",
        "../docs/papers/",
        _PACKAGE / "latency.json",
        SHIPPED_LINES,
        whole=True,
    )


def write_own(runs: Path) -> tuple[int, int]:
    """Write a page of the folder's own runs beside them, with lines and charts.

    Returns:
        The numbers of finished runs and of others.

    Raises:
        ValueError: The folder holds no run with an epoch.
    """
    found, unfinished = results.find(runs), under_way.find(runs)
    if not (found or unfinished):
        raise _nothing(runs)
    places = beside(runs)
    lines = results.timed([run.line for run in found], results.latencies_of(places.times))
    results.write(lines, places.lines)
    places.folder.mkdir(parents=True, exist_ok=True)
    charts.draw(runs, lines, places.folder, whole=False)
    progress = under_way.write(unfinished, places.folder, places.link)
    text = own_page.write(found, runs, places.link, progress)
    places.page.write_text(text, encoding="utf-8")
    return len(found), len(unfinished)


def _nothing(runs: Path) -> ValueError:
    return ValueError(f"{runs} holds no run; give the folder that holds the run folders, e.g. runs")


def write(runs: Path, places: Places) -> tuple[int, list[str]]:
    """Write the papers' page with its lines, distances and charts.

    Returns:
        The number of runs found, and why a chart was left as it is, a line each.

    Raises:
        ValueError: The folder holds no finished run, or runs whose mean would be given differ in
            more than the seed.
    """
    found = results.collect(runs)
    if not found:
        raise _nothing(runs)
    lines = results.merge(results.read(places.earlier) if places.earlier else (), found)
    lines = results.timed(lines, results.latencies_of(places.times))
    results.write(lines, places.lines)
    folder = places.folder
    folder.mkdir(parents=True, exist_ok=True)
    left = charts.draw(runs, lines, folder, places.whole)
    pictures = sorted(path.name for path in folder.glob("*.png"))
    places.page.write_text(page.write(lines, pictures, places.link), encoding="utf-8")
    searches = readings.merge(readings.read(), readings.collect(runs))
    if places.whole:
        files.write(searches, readings.PATH)
    (folder / "distances.md").write_text(distances.write(searches), encoding="utf-8")
    (folder / convergence.PAGE).write_text(convergence.write(lines), encoding="utf-8")
    return len(found), left
