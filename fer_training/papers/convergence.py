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

"""Chowanda's comparison of how fast ARCH-1 to ARCH-4 learn: printed times beside those of runs.

Whatever runs there are make up the page; others join when they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean

from fer_training.papers.results import Result
from fer_training.recipes.recipe import Setting

PAGE = "convergence-004.md"
NAMES = tuple(f"ARCH-{number}" for number in range(1, 5))
PROTOCOLS: Mapping[str, str] = {
    "+weak-l2": "FER2013",
    "+ckplus-random+weak-l2": "CK+",
}
"""Overlays under the paper's protocols, with the L2 that leaves something to learn."""

HOURS: Mapping[str, Setting] = {
    "ARCH-1": Setting(0.841, "p. 12"),
    "ARCH-3": Setting(1.013, "p. 12"),
    "ARCH-4": Setting(2.633, "p. 12"),
}
"""To train one network, mean over the paper's three data sets."""
MEAN_HOURS = Setting(1.72, "p. 12")
"""Mean over the four networks and the three data sets."""
SHORTEST = Setting(0.217, "p. 12: ARCH-1 on CK+")
LONGEST = Setting(3.91, "p. 12: ARCH-4 on IMED")
STOPPED: Mapping[str, Setting] = {
    "FER2013": Setting(102, "p. 14, figure 6"),
    "CK+": Setting(162, "p. 15: flat from 93"),
    "IMED": Setting(164, "p. 15"),
}
"""Epochs of ARCH-1."""


def recipe_of(name: str, overlay: str) -> str:
    """Return the recipe of ARCH-1 to ARCH-4 under an overlay."""
    return f"chowanda-{name.lower().replace('-', '')}{overlay}"


def write(results: Sequence[Result]) -> str:
    """Return the page, from lines of ``results.csv``; the picture is :func:`curves.of_four`'s."""
    return "\n".join([*_printed(), *_ours(results)]).rstrip() + "\n"


def _printed() -> Iterator[str]:
    hours = {name: float(setting.value) for name, setting in HOURS.items()}
    (left,) = (name for name in NAMES if name not in hours)
    hours[left] = len(NAMES) * float(MEAN_HOURS.value) - sum(hours.values())
    first = hours[NAMES[0]]
    yield "# Training time and convergence of ARCH-1 to ARCH-4\n"
    yield "Written by `fer-train compare --ship` from `results.csv`.\n"
    yield "## Printed\n"
    yield (
        f"Hours on a Titan V, mean over FER2013, CK+ and IMED (p. 12). {left}'s is not printed: it "
        f"is what the mean of all, {MEAN_HOURS.value} h, leaves for it. The shortest run took "
        f"{SHORTEST.value} h (ARCH-1 on CK+), the longest {LONGEST.value} h (ARCH-4 on IMED). "
        "ARCH-1 stopped after "
        + ", ".join(f"{setting.value} epochs on {name}" for name, setting in STOPPED.items())
        + " (p. 14 and p. 15); on CK+ its curves were flat from epoch 93.\n"
    )
    yield "| | " + " | ".join(NAMES) + " |"
    yield "|---" * (len(NAMES) + 1) + "|"
    yield "| hours | " + " | ".join(f"{hours[name]:.3g}" for name in NAMES) + " |"
    yield "| times ARCH-1 | " + " | ".join(f"{hours[n] / first:.2f}" for n in NAMES) + " |\n"


def _ours(results: Sequence[Result]) -> Iterator[str]:
    yield "## Ours\n"
    yield (
        "Under the paper's protocol, but with an L2 of 1e-4: with the printed 0.2 all four "
        "collapse. *Near best*: the first epoch within a point of the run's best test accuracy. "
        "Seconds are the median over the epochs, on one thread of a processor with other work "
        "beside, so only their ratios tell, and those roughly. The printed hours are of whole "
        "runs, as our minutes are.\n"
    )
    shown = [
        (title, found)
        for overlay, title in PROTOCOLS.items()
        if (found := {n: lines for n in NAMES if (lines := _lines(recipe_of(n, overlay), results))})
    ]
    if not shown:
        yield "No run has finished yet.\n"
        return
    yield "![Test accuracy and loss over the epochs](convergence-004.png)\n"
    yield "| data | network | accuracy | epochs | near best | minutes | s an epoch | times ARCH-1 |"
    yield "|---" * 8 + "|"
    for title, found in shown:
        first = _mean("epoch_s", found.get(NAMES[0], []))
        for name, lines in found.items():
            pace = _mean("epoch_s", lines)
            ratio = f"{pace / first:.2f}" if pace and first else "-"
            figures = [_mean(key, lines) for key in ("single", "epochs", "reached", "minutes")]
            cells = [_cell(value, digits) for value, digits in zip(figures, "1001", strict=True)]
            yield "| " + " | ".join([title, name, *cells, _cell(pace, "2"), ratio]) + " |"
    missing = [
        f"{name} on {title}"
        for overlay, title in PROTOCOLS.items()
        for name in NAMES
        if not _lines(recipe_of(name, overlay), results)
    ]
    if missing:
        yield f"\nNot run: {', '.join(missing)}."


def _lines(name: str, results: Sequence[Result]) -> list[Result]:
    return [line for line in results if line.recipe == name and line.epochs]


def _mean(key: str, lines: Sequence[Result]) -> float | None:
    """Return the mean over seeds of a column, None where no line has it."""
    values = [value for line in lines if (value := getattr(line, key)) is not None]
    return mean(values) if values else None


def _cell(value: float | None, digits: str) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
