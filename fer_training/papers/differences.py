"""Why a figure differs from a paper's, in sentences derived from recipes and records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fer_training.measure import seeds
from fer_training.papers.systems import OWN
from fer_training.recipes import recipe
from fer_training.recipes.comparison import NO_CURVE, changes
from fer_training.recipes.recipe import Recipe, RecipeError
from fer_training.records.run import RunRecord
from fer_training.records.tables import SeedsRecord

_COLUMNS = ("seed", "init", "data.fold")
"""Keys that the tables show beside the figures."""


@dataclass
class Record:
    """A run, and what the table knows of it besides."""

    run: RunRecord
    over_seeds: SeedsRecord | None = None
    """The recipe with several seeds, where that was measured."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.run.recipe.name

    @property
    def key(self) -> str:
        """``<recipe name>|<data set>|<split>``."""
        data = self.run.recipe.data
        return f"{self.name}|{data.dataset}|{data.split}"

    @property
    def accuracy(self) -> float:
        """Of a single crop, 0..1."""
        return self.run.results.single_crop.accuracy


def shipped(name: str) -> Recipe | None:
    """Return a recipe as the package holds it, None for rows that no recipe makes.

    A trial of a search (``<recipe> with <key>=<value>``) counts as a run of its recipe.
    """
    try:
        return recipe.load(name.partition(" with ")[0])
    except RecipeError:
        return None


def strays(record: Record) -> str:
    """Say which values a run had instead of its recipe's, empty where there are none."""
    config = shipped(record.name)
    if config is None:
        return ""
    own = record.run.recipe
    found = [
        f"{change.key} {_text(change.after)} instead of {_text(change.before)}"
        for change in changes(config, own, (*NO_CURVE, *_COLUMNS))
    ]
    sentences = [f"Run with {_listed(found)}."] if found else []
    if record.run.epochs is not None and record.run.epochs < own.epochs:
        sentences.append(f"Stopped early, after {record.run.epochs} epochs.")
    return " ".join(sentences)


def explain(record: Record, figure: str, records: Mapping[str, Record]) -> str:
    """Say how far a row is from the paper's figure, and why.

    Args:
        record: What was measured.
        figure: What the paper prints [%], e.g. ``96.89 (fused)``; ``-`` for nothing.
        records: All records by ``<name>|<data set>|<split>``, for the runs that it started from
            and the same network on a leaking split.
    """
    parts = [_gap(record, figure), _protocol(record, figure, records)]
    config = shipped(record.name)
    if config is None:  # a machine or fused scores
        words = record.run.recipe.differs
        parts.append(words[:1].upper() + words[1:])
    elif config.init:
        parts.append(_start(config, records))
    parts.append(strays(record))
    if record.over_seeds is not None:
        parts.append(seeds.sentence(record.over_seeds))
    return " ".join(part for part in parts if part)


def _gap(record: Record, figure: str) -> str:
    if figure == "-":
        return "" if record.run.recipe.paper.name == OWN else "The paper gives no figure."
    paper = float(figure.split()[0])
    gap = 100 * record.accuracy - paper
    side = "above" if gap > 0 else "below"
    sentence = f"{abs(gap):.2f} points {side} the paper's {figure.split()[0]}."
    if "fused" in figure and "(" not in record.name:
        sentence += " That figure is of the scores of both networks, fused."
    return sentence


def _protocol(record: Record, figure: str, records: Mapping[str, Record]) -> str:
    """Say what the split does to the figure."""
    name, data = record.name, record.run.recipe.data
    if data.split.startswith("random"):
        return "" if figure == "-" else "Split at random as in the paper, whose rows are not known."
    sentences = []
    if data.split == "official":
        other = "" if figure == "-" else "; the paper reports other rows"
        rows = "PublicTest" if data.dataset == "fer2013" else "Val"
        sentences.append(f"Measured on {rows}{other}.")
    elif figure != "-":
        sentences.append("No person stands on both sides here; the paper's split allows it.")
    leaking = records.get(_leaking(name, data.dataset))
    if leaking:
        accuracy = 100 * leaking.accuracy
        sentences.append(f"The leaking split gives {accuracy:.2f}.")
    return " ".join(sentences)


def _leaking(name: str, dataset: str) -> str:
    """Return the key of the same row on a random split."""
    for twin in (f"{name}-random", f"{name}+{dataset}-random"):
        if shipped(twin):
            return f"{twin}|{dataset}|random-20"
    if "(" in name:  # fused: every member has a row of its own
        rule, _, members = name.partition("(")
        joined = ", ".join(f"{member}-random" for member in members.rstrip(")").split(", "))
        return f"{rule}({joined})|{dataset}|random-20"
    return f"{name}|{dataset}|random-20"


def _start(config: Recipe, records: Mapping[str, Record]) -> str:
    """Say what a row started from, and what an overlay changes: that of a recipe stands above."""
    words = config.differs if "+" in config.name else ""
    base = config.init.rpartition("/")[2]
    record, plan = records.get(f"{base}|fer2013|official"), shipped(base)
    if record is None or plan is None:
        return words
    return f"{words} Its start, {base}, had {record.run.epochs} of {plan.epochs} epochs.".lstrip()


def _text(value: object) -> str:
    return "none" if value in ("", []) else f"{value}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
