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

from fer_training.papers import charts, convergence, page, results

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Places:
    """Where the parts of the comparison go."""

    lines: Path
    page: Path
    folder: Path
    """Of distances, training times and charts."""
    times: Path
    """Record of ``fer-train latency``; without it lines keep the milliseconds they had."""
    keeps: bool
    """Whether lines of runs that are not in the folder stay."""


def beside(runs: Path) -> Places:
    """Return the places in the folder of runs."""
    return Places(
        runs / "results.csv",
        runs / "RESULTS.md",
        runs / "charts",
        runs / "latency.json",
        keeps=False,
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
        _PACKAGE / "results.csv",
        _PACKAGE / "RESULTS.md",
        docs / "papers",
        _PACKAGE / "latency.json",
        keeps=True,
    )


def write(runs: Path, places: Places) -> int:
    """Write lines, page, distances and charts; return the number of runs found.

    Raises:
        ValueError: The folder holds no finished run.
    """
    found = results.collect(runs)
    if not found:
        raise ValueError(
            f"{runs} holds no metrics.json; give the folder that holds the run folders, e.g. runs"
        )
    lines = results.merge(results.read(places.lines) if places.keeps else (), found)
    lines = results.timed(lines, results.latencies_of(places.times))
    results.write(lines, places.lines)
    folder = places.folder
    folder.mkdir(parents=True, exist_ok=True)
    charts.draw(runs, lines, folder)
    pictures = sorted(path.name for path in folder.glob("*.png"))
    to = "../docs/papers/" if places.keeps else f"{folder.name}/"
    places.page.write_text(page.write(lines, pictures, to), encoding="utf-8")
    (folder / "distances.md").write_text(page.distances(), encoding="utf-8")
    (folder / convergence.PAGE).write_text(convergence.write(lines), encoding="utf-8")
    return len(found)
