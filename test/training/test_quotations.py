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

"""Every figure that is quoted from a paper stands in its text, at the place that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from printed_places import PLACE, Quotation, missing, numbers, text_at

from fer_training.papers import convergence
from fer_training.papers.systems import CHOWANDA, SYSTEMS, System
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe

SPELLED: dict[tuple[str, str], tuple[str, ...]] = {
    ("optimizer.name", "adam"): ("adam",),
    ("optimizer.l2_layers", "['fc1', 'fc2']"): ("last two",),
    ("schedule.name", "plateau"): ("plateau",),
    ("schedule.factor", "0.1"): ("factor of 10",),
    ("data.oversample", "1"): ("same order",),
    ("data.frames", "1"): ("last frame",),
    ("data.dataset", "ckplus"): ("CK+",),
    ("data.dataset", "kdef"): ("KDEF",),
    ("data.dataset", "sfew"): ("SFEW",),
    ("data.leave_out", "['contempt']"): ("six (",),
    ("data.leave_out", "['disgust', 'surprise']"): ("five classes",),
    ("data.leave_out", "[]"): ("KDEF\t7", "SFEW\t7"),
    ("data.split", "official"): ("already mentioned", "training set"),
    ("data.split", "random-50"): ("50%",),
    ("data.split", "random-20"): ("testing ratio = 0.2",),
    ("loss", "bce"): ("binary cross-entropy",),
    ("keep", "best"): ("highest validation accuracy",),
    ("init", "runs/yengikand"): ("saved the weight",),
}
"""What stands in a paper for a value that is no number of it."""
NAMED = {
    "augment.flip": ("flip",), "augment.rotation": ("rotat",), "augment.shift": ("shift",),
    "augment.zoom": ("zoom",), "augment.shear": ("shear",), "augment.distortion": ("distortion",),
    "augment.filters": ("filter",), "options.dropout": ("dropout",),
    "optimizer.l2": ("regulariz", "regularis"), "schedule.stop_patience": ("early",),
}  # fmt: skip
"""What stands there of a setting that a paper names without a value."""
UNNAMED = {
    "augment.flip": ("flip", "augment"), "augment.shift": ("shift", "translat"),
    "schedule.name": ("plateau", "reduced by", "annealing"),
}  # fmt: skip
"""What does not stand there of a setting whose value is that of a thing not named."""
COMPUTED = {7094.0: (966, 859, 2477, 1466, 1326)}
"""Sums that notes give and no paper prints, by their printed parts."""


def names_of(system: System) -> list[str]:
    """Every recipe that the page of results sets beside a paper, and the paper's own ones."""
    rows = [name for row in system.rows for name in (row.same, row.honest)]
    extra = [name for _, names in system.extra for name in names]
    found = [re.split("@| with ", name)[0] for name in (*rows, *extra)]
    loaded = {name: recipe.load(name).paper for name in recipe.names() if name[0] != "+"}
    own = [n for n, paper in loaded.items() if paper.name == system.name and paper.text]
    return [n for n in dict.fromkeys((*found, *own)) if n and "(" not in n and n[:3] != "svm"]


def quotations(config: Recipe) -> Iterator[Quotation]:
    """Yield what a recipe quotes: figures, settings, and the remarks beside both."""
    for dataset, figure in config.paper.figures.items():
        yield Quotation(f"figure {dataset}", figure.value, figure.place)
        if PLACE.search(figure.note):
            yield Quotation(f"note {dataset}", None, figure.note)
    for key, setting in config.paper.settings.items():
        if "not printed" in setting.place and not PLACE.search(setting.place):
            assert setting.value is None, f"{key} is not printed, yet printed as {setting.value}"
            continue
        yield _setting(key, setting.value, setting.place)


def _setting(key: str, value: Any, place: str) -> Quotation:
    words = SPELLED.get((key, f"{value:g}" if isinstance(value, float) else str(value)))
    if value is None:
        return Quotation(key, None, place, NAMED.get(key, ()))
    if words is not None:
        return Quotation(key, None, place, words)
    if value == 0 or value == "constant":
        return Quotation(key, None, place, without=UNNAMED[key])
    if isinstance(value, int | float):
        return Quotation(key, value, place)
    shares = re.fullmatch(r"(?:part|rows)-(\d+)-(\d+)-(\d+)", str(value))
    if shares:
        return Quotation(key, None, f"{place} {' '.join(shares.groups())}")
    share = re.fullmatch(r"random-(\d+)", str(value))
    printed = sorted(numbers(re.sub(r"p\. \d+", "", place)))
    assert share, f"{key}: nothing says how {value} is printed"
    assert len(printed) == 2, f"{key}: {place} has no two counts"
    assert round(100 * printed[0] / sum(printed)) == int(share[1]), f"{key}: {value}, {place}"
    return Quotation(key, None, place)


def text_of(shared: Path, number: str) -> str:
    (path,) = (shared / "papers").glob(f"{number}_*.txt")
    return path.read_text(encoding="utf-8")


def problems(config: Recipe, words: str) -> list[str]:
    """Return what of a recipe's quotations does not stand where it says."""
    found = [line for quotation in quotations(config) for line in missing(quotation, words)]
    for total, parts in COMPUTED.items():
        if sum(parts) == total and set(map(float, parts)) <= numbers(words):
            found = [line for line in found if f": {total:g} of the remark" not in line]
    return found


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name.split()[0])
def test_recipes_quote_what_stands_at_the_place_they_name(system: System, shared: Path) -> None:
    words = text_of(shared, system.title[:3])
    for name in names_of(system):
        config = recipe.load(name)
        assert config.paper.text == system.title[:3]
        assert not problems(config, words), name
        assert sum(1 for _ in quotations(config)) >= 5


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name.split()[0])
def test_rows_of_the_page_quote_what_stands_at_the_place_they_name(
    system: System, shared: Path
) -> None:
    words = text_of(shared, system.title[:3])
    quoted = [
        Quotation(f"{row.what} on {row.dataset}", row.figure.value, row.figure.place)
        for row in system.rows
    ]
    quoted += [
        Quotation(title, None, remark)
        for title, _ in system.extra
        for remark in re.findall(r"\(([^()]*)\)", title)
    ]
    assert quoted
    assert not [line for quotation in quoted for line in missing(quotation, words)]


def test_printed_training_times_stand_at_the_place_that_is_named(shared: Path) -> None:
    settings = [convergence.MEAN_HOURS, convergence.SHORTEST, convergence.LONGEST]
    settings += [*convergence.HOURS.values(), *convergence.STOPPED.values()]
    (system,) = (system for system in SYSTEMS if system.name == CHOWANDA)
    words = text_of(shared, system.title[:3])
    for setting in settings:
        assert not missing(Quotation("time", setting.value, setting.place), words)


FIGURES = {
    (config.paper.text, figure.value): (config.name, dataset)
    for system in SYSTEMS
    for config in map(recipe.load, names_of(system))
    for dataset, figure in config.paper.figures.items()
}
"""A recipe and data set of every printed figure."""


@pytest.mark.parametrize(("name", "dataset"), FIGURES.values())
def test_a_planted_wrong_figure_is_found(name: str, dataset: str, shared: Path) -> None:
    config = recipe.load(name)
    figure = config.paper.figures[dataset]
    config.paper.figures[dataset] = replace(figure, value=figure.value - 0.13)
    found = problems(config, text_of(shared, config.paper.text))
    assert found
    assert all(line.startswith(f"figure {dataset} = ") for line in found)


@pytest.mark.parametrize(
    ("name", "key", "changes", "words"),
    [
        ("yengikand", "epochs", {"value": 30}, "30 does not stand in section V.B"),
        ("yengikand", "epochs", {"place": "section V.A"}, "20 does not stand in section V.A"),
        ("yengikand", "optimizer.name", {"place": "section V.C"}, "section V.C has none of"),
        ("yengikand", "epochs", {"place": "section VIII.B"}, "there is no section VIII.B"),
        ("yengikand+ckplus", "batch_size", {"value": 48}, "48 does not stand in section V.B"),
        ("patil", "epochs", {"value": 24}, "24 does not stand in section 4.2"),
        ("deep-emotion", "optimizer.lr", {"place": "section 4.4"}, "not stand in section 4.4"),
        ("chowanda-arch1", "optimizer.l2", {"place": "p. 10"}, "0.2 does not stand in p. 10"),
        ("chowanda-arch1", "schedule.name", {"value": "constant"}, "has 'plateau' after all"),
        ("umer-cnn1", "epochs", {"value": 550}, "550 does not stand in section 3.1"),
    ],
)
def test_a_planted_wrong_setting_or_place_is_found(
    name: str, key: str, changes: dict[str, Any], words: str, shared: Path
) -> None:
    config = recipe.load(name)
    config.paper.settings[key] = replace(config.paper.settings[key], **changes)
    found = problems(config, text_of(shared, config.paper.text))
    assert any(words in line for line in found)
    assert all(line.startswith(key) for line in found)


def test_a_wrong_remark_is_found(shared: Path) -> None:
    config = recipe.load("yengikand")
    place = "section V.B: 0.1, 0.2 or 0.4 by greedy search"
    config.paper.settings["options.dropout"].place = place
    (found,) = problems(config, text_of(shared, "000"))
    assert found.startswith("options.dropout: 0.4 of the remark")


def test_places_of_a_made_up_text() -> None:
    words = (
        "IV. THE MODEL\n\nwidth 7\n\nA. Parts\n\nnothing but 1,308\n\nV. RESULTS\n\n"
        "B. Settings\n\nthe rate 0.010\n\nname\trate\nours\t65.3%\n\nTABLE II. OTHERS\n\n"
        "see Fig. 3 at 12\n\nVI. END\n\n13"
    )
    assert numbers(text_at(words, "section", "IV")) == {7}
    assert numbers(text_at(words, "section", "IV.A")) == {1308}
    assert 0.01 in numbers(text_at(words, "section", "V.B"))
    assert 13 not in numbers(text_at(words, "section", "V.B"))
    assert numbers(text_at(words, "table", "II")) == {65.3}
    assert 12 in numbers(text_at(words, "figure", "3"))
    assert text_at(words, "section", "V.A") == text_at(words, "table", "I") == ""
