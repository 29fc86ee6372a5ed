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

"""Charts of how runs learn: every paper's, and Chowanda's four networks beside one another."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from fer_training.papers import convergence
from fer_training.papers.systems import SYSTEMS
from fer_training.records.progress import read_epochs
from fer_training.records.run import finished

_SUMMARY = "summary.csv"

_WIDTH = 6.4
"""Of a chart [inches of 100 pixels]."""


def protocols() -> list[str]:
    """Return the recipes of all rows under a paper's protocol."""
    return [row.same for system in SYSTEMS for row in system.rows]


def four() -> list[str]:
    """Return the recipes whose runs make up the chart of Chowanda's four networks."""
    return [
        convergence.recipe_of(name, overlay)
        for overlay in convergence.PROTOCOLS
        for name in convergence.NAMES
    ]


def by_paper(runs: Path, path: Path) -> None:
    """Draw test accuracy over the epochs of every run under a paper's protocol, by paper."""
    found = {}
    for system in SYSTEMS:
        names = [row.same for row in system.rows if _has_curve(runs / row.same)]
        if names:
            found[system.name] = names
    if not found:
        return
    # One below the other: two side by side have words that nobody reads on a phone.
    figure = Figure(figsize=(_WIDTH, 3.2 * len(found)), layout="constrained")
    places = figure.subplots(len(found), 1, squeeze=False).ravel()
    for axes, (title, names) in zip(places, found.items(), strict=True):
        for name in names:
            epochs = read_epochs(runs / name / _SUMMARY)
            accuracies = [100 * epoch.test_accuracy for epoch in epochs]
            axes.plot(range(1, len(epochs) + 1), accuracies, label=name, linewidth=1)
        axes.set(xlabel="epoch", ylabel="test accuracy [%]", title=title)
        axes.legend(fontsize=10)
    figure.savefig(path, dpi=100)


def of_four(runs: Path, path: Path) -> None:
    """Draw test accuracy and loss of ARCH-1 to ARCH-4, two rows a protocol that has a run.

    The legend gives each run's epochs and its minutes.
    """
    found = {
        title: names
        for overlay, title in convergence.PROTOCOLS.items()
        if (
            names := {
                name: runs / made_by
                for name in convergence.NAMES
                if _has_curve(runs / (made_by := convergence.recipe_of(name, overlay)))
            }
        )
    }
    if not found:
        return
    figure = Figure(figsize=(_WIDTH, 5.6 * len(found)), layout="constrained")
    rows = figure.subplots(2 * len(found), 1)
    for above, below, (title, folders) in zip(rows[::2], rows[1::2], found.items(), strict=True):
        above.sharex(below)
        for name, folder in folders.items():
            epochs = read_epochs(folder / _SUMMARY)
            minutes = sum(epoch.seconds for epoch in epochs) / 60
            label = f"{name}: {len(epochs)} epochs, {minutes:.1f} min"
            color = f"C{convergence.NAMES.index(name)}"
            steps = range(1, len(epochs) + 1)
            accuracies = [100 * epoch.test_accuracy for epoch in epochs]
            losses = [epoch.test_loss for epoch in epochs]
            above.plot(steps, accuracies, label=label, color=color, linewidth=1)
            below.plot(steps, losses, color=color, linewidth=1)
        above.set(ylabel="test accuracy [%]", title=title)
        below.set(xlabel="epoch", ylabel="test loss", yscale="log")
        least, most = below.get_ylim()
        below.yaxis.set_major_formatter("{x:g}")
        below.yaxis.set_minor_formatter("{x:.2g}" if most < 10 * least else NullFormatter())
        below.tick_params(axis="y", which="minor", labelsize=8)
        above.legend(fontsize=10)
    figure.savefig(path, dpi=100)


def _has_curve(run: Path) -> bool:
    return finished(run) and (run / _SUMMARY).is_file()
