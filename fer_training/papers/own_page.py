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

"""The page of a user's own runs: what each measured, beside what its paper prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev

from fer_training.measure import seeds
from fer_training.papers.results import Found
from fer_training.recipes import recipe
from fer_training.recipes.comparison import NO_FIGURE, changes
from fer_training.recipes.recipe import OWN, RecipeError

_HEAD = """\
# Own runs

Written by `fer-train compare`. Accuracy of one crop in per cent; runs that differ in nothing but
their seed are one line, ± the deviation over the seeds. *Paper*: what the publication prints for
this data set, under its own protocol. *Persons*: whether faces of one person are on both sides of
the split. *Changed*: settings that are not the recipe's.
"""


def write(found: Sequence[Found], runs: Path, charts: str, under_way: Sequence[str]) -> str:
    """Return the page.

    Args:
        found: All finished runs of the folder.
        runs: That folder, where the page lies.
        charts: Folder of charts, relative to the page.
        under_way: The section on runs that have not ended.
    """
    lines = [_HEAD, *under_way]
    for title in dict.fromkeys(own.line.system for own in found):
        lines += [
            f"## {title or 'No publication'}\n",
            *_table([o for o in found if o.line.system == title]),
            "",
        ]
    pictures = sorted((runs / charts).glob("*.png"))
    lines += [f"![{picture.stem}]({charts}{picture.name})" for picture in pictures]
    curves = [
        own.folder.relative_to(runs) for own in found if (own.folder / "curves.png").is_file()
    ]
    lines += [f"\nCurves of {folder}:\n\n![{folder}]({folder}/curves.png)" for folder in curves]
    return "\n".join(lines).rstrip() + "\n"


def groups(found: Sequence[Found]) -> list[list[Found]]:
    """Join runs of one recipe that differ in nothing but their seed."""
    joined: list[list[Found]] = []
    for own in found:
        for group in joined:
            first = group[0]
            same = first.line.recipe == own.line.recipe
            new = own.line.seed not in {other.line.seed for other in group}
            if same and new and not seeds.difference(first.record, own.record):
                group.append(own)
                break
        else:
            joined.append([own])
    return joined


def _table(found: Sequence[Found]) -> Iterator[str]:
    yield "| run | data | split | persons | paper | accuracy | epochs | seeds | changed |"
    yield "|---" * 9 + "|"
    for group in groups(found):
        line, record = group[0].line, group[0].record
        figure = record.recipe.paper.figures.get(line.dataset)
        accuracies = [own.line.single for own in group]
        cells = [
            line.recipe,
            line.dataset,
            line.split,
            "both sides" if line.leaks else "apart",
            "-" if figure is None or line.system == OWN else f"{figure.value:g}",
            f"{mean(accuracies):.1f}" + (f" ± {stdev(accuracies):.1f}" if len(group) > 1 else ""),
            ", ".join(sorted({str(own.line.epochs or "-") for own in group})),
            ", ".join(str(own.line.seed) for own in group),
            _changed(group[0]),
        ]
        yield "| " + " | ".join(cells) + " |"


def _changed(own: Found) -> str:
    """Return the settings in which a run is not the package's recipe of its name."""
    try:
        packaged = recipe.load(own.line.recipe)
    except RecipeError:
        return "own recipe"
    found = changes(packaged, own.record.recipe, (*NO_FIGURE, "seed"))
    return ", ".join(f"{change.key} {change.after}" for change in found) or "-"
