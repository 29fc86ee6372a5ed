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

"""``RESULTS.md``, written from ``results.csv``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources

import yaml

from fer_ros.perception.model_store import digest_of, shipped_models
from fer_training.papers import cells, networks
from fer_training.papers.convergence import PAGE
from fer_training.papers.results import Result
from fer_training.papers.systems import CHOWANDA, SYSTEMS, System
from fer_training.recipes import recipe
from fer_training.ship import heldout
from fer_training.ship.heldout import HeldOut

_HEAD = """\
# Results

Written by `fer-train compare RUNS --ship` from `results.csv`, which has every figure with its
command. How each recipe differs from its paper: `docs/papers/distances.md`.

- Accuracies of one crop in per cent, ± their deviation over seeds. *Same*: the paper's own protocol
  as far as printed. *Honest*: no person on both sides (CK+ in five folds, JAFFE one person at a
  time).
- FER2013 is measured on PublicTest, which also chose the epoch where a recipe keeps the best one;
  the papers report on PrivateTest or splits of their own. There *honest* leaves out rows with an
  exact copy in Training, and FER+ takes the majority of its voters as the true class.
- *Epochs*, or @ behind a name: trained of those the recipe asks for, behind a semicolon those of
  *honest*, by seed where they differ; fewer where a run stops early or computing time ended. *not
  run*: for want of it, with its hours on one thread. *collapses*: one class for everything.
"""


def write(results: Sequence[Result], pictures: Sequence[str], folder: str = "") -> str:
    """Return the page.

    Args:
        results: Lines of ``results.csv``.
        pictures: File names of the charts that there are.
        folder: Where they lie, from the page's own folder.
    """
    lines = [_HEAD]
    paragraphs = verdicts()
    for system in SYSTEMS:
        lines += [f"## {system.name}\n", f"Paper {system.title}.\n", *_table(system, results), ""]
        lines += [_extra(title, names, results) for title, names in system.extra]
        if system.name in paragraphs:
            lines += [paragraphs[system.name], ""]
        if system.name == CHOWANDA:
            lines += [f"Training times and convergence: [as printed and ours]({folder}{PAGE}).\n"]
    lines += [*_own(results), ""]
    for name in pictures:
        lines.append(f"![{_ALT.get(name, name)}]({folder}{name})")
        if name == "accuracy-latency.png":
            lines += ["", _left_out(results), ""]
    return "\n".join(lines).rstrip() + "\n"


def verdicts() -> dict[str, str]:
    """Return the verdict on each paper, a paragraph by its name."""
    text = resources.files("fer_training.papers").joinpath("verdicts.yaml").read_text("utf-8")
    return {str(key): str(value).strip() for key, value in yaml.safe_load(text).items()}


_ALT = {
    "accuracy-latency.png": "Accuracy on PublicTest against milliseconds a crop",
    "curves.png": "Test accuracy over the epochs under each paper's protocol",
    "convergence-004.png": "Accuracy and loss over the epochs of ARCH-1 to ARCH-4",
    "features-004.png": "Maps of conv2d_4 of ARCH-1 for an averaged face",
    "saliency.png": "Averaged faces, warm where hiding a square costs most",
    "confusion.png": "Confusion matrices of the papers' networks on PublicTest",
}


def _table(system: System, results: Sequence[Result]) -> Iterator[str]:
    yield "| network | data | paper | same | honest | epochs |"
    yield "|---|---|---|---|---|---|"
    for row in system.rows:
        own = [row.what, row.dataset, f"{row.figure.value:g}", *cells.row(row, results)]
        yield "| " + " | ".join(own) + " |"


def _extra(title: str, names: Sequence[str], results: Sequence[Result]) -> str:
    return f"{title}: {', '.join(cells.reached(name, results) for name in names)}.\n"


def _own(results: Sequence[Result]) -> Iterator[str]:
    yield "## Shipped networks\n"
    yield (
        "| network | PublicTest | mirror | without copies | PrivateTest (mirror) | parameters | "
        "seeds |"
    )
    yield "|---|---|---|---|---|---|---|"
    shipped = shipped_models()
    names = dict.fromkeys(
        line.recipe
        for line in results
        if line.dataset == "fer2013" and line.recipe.split()[0] in shipped
    )
    for name in names:
        lines = [line for line in cells.of(name, results) if line.dataset == "fer2013"]
        own = [
            _with_shipped(name, lines),
            *(
                cells.spread([x for x in (getattr(line, key) for line in lines) if x is not None])
                or "-"
                for key in ("mirror", "without_copies")
            ),
            _private(name.split()[0]),
            f"{lines[0].parameters:,}",
            str(len(lines)),
        ]
        yield f"| {name} | " + " | ".join(own) + " |"
    yield from _unchanged([line for line in results if line.split == "unchanged"])


def _with_shipped(name: str, lines: Sequence[Result]) -> str:
    """Return the accuracy, of several seeds their mean, and beside it that of the shipped one."""
    mean = cells.spread([line.single for line in lines])
    if len(lines) == 1:
        return mean
    seed = recipe.load(name).seed
    shipped = [line.single for line in lines if line.seed == seed]
    return f"{mean}, shipped {shipped[0]:.1f}" if shipped else mean


def _unchanged(lines: Sequence[Result]) -> Iterator[str]:
    """Yield the table of shipped files on data they never saw, a column a data set."""
    if not lines:
        return
    rows = {line.dataset: line.rows for line in lines}
    yield "\nThe shipped files unchanged on other data, one crop (macro-F1):\n"
    heads = [f"{dataset}, {count} rows" for dataset, count in rows.items()]
    yield f"| network | {' | '.join(heads)} |"
    yield "|---" * (1 + len(rows)) + "|"
    found = {(line.recipe, line.dataset): line for line in lines}
    for name in dict.fromkeys(line.recipe for line in lines):
        own = [found.get((name, dataset)) for dataset in rows]
        cells = [f"{line.single:.1f} ({line.macro_f1 or 0:.2f})" if line else "-" for line in own]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _left_out(results: Sequence[Result]) -> str:
    """Return which of the papers' networks the chart of accuracy and latency lacks, and why."""
    absent = networks.absent(results)
    reasons = (
        (absent.unfinished, "not finished"),
        (absent.elsewhere, "no figure on it in the paper"),
    )
    listed = "; ".join(f"{', '.join(names)} ({reason})" for names, reason in reasons if names)
    lead = f"Not in the chart: {listed}. " if listed else ""
    times = "by ARCH-1's in the same rounds, beside other work (`latency.json`)"
    return f"{lead}Accuracies: means over seeds. Times: {times}."


def _private(name: str) -> str:
    """Return the sealed figures of the shipped file; a file that changed has none."""
    path = shipped_models().get(name)
    entry: HeldOut | None = None if path is None else heldout.of_file(digest_of(path))
    if entry is None:
        return "-"
    return f"{100 * entry.single_crop:.2f} ({100 * entry.flip:.2f})"
