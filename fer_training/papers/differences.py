"""Why a figure differs from a paper's, in sentences derived from recipes and records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fer_training.measure import seeds
from fer_training.papers.systems import OWN
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Recipe, RecipeError

Record = Mapping[str, Any]

_IRRELEVANT = ("name", "paper", "differs", "threads", "seed", "init", "data.path", "data.fold")
"""Keys that move no curve, or that have a column of their own."""


def paper_name(record: Record) -> str:
    """Return the publication that a record's recipe follows."""
    paper = record["recipe"]["paper"]
    return str(paper if isinstance(paper, str) else paper["name"])


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
    config = shipped(record["recipe"]["name"])
    if config is None:
        return ""
    written, run = recipe.flat(recipe.to_dict(config)), recipe.flat(record["recipe"])
    changes = [
        f"{key} {_text(run[key])} instead of {_text(written[key])}"
        for key in written
        if key in run and _counts(key) and run[key] != written[key]
    ]
    sentences = [f"Run with {_listed(changes)}."] if changes else []
    if record["epochs"] < run["epochs"]:
        sentences.append(f"Stopped early, after {record['epochs']} epochs.")
    return " ".join(sentences)


def explain(record: Record, figure: str, records: Mapping[str, Record]) -> str:
    """Say how far a row is from the paper's figure, and why.

    Args:
        record: What was measured; with ``over_seeds``, the content of its ``seeds.json``, where
            the recipe was run with several seeds.
        figure: What the paper prints [%], e.g. ``96.89 (fused)``; ``-`` for nothing.
        records: All records by ``<name>|<data set>|<split>``, for the runs that it started from
            and the same network on a leaking split.
    """
    parts = [_gap(record, figure), _protocol(record, figure, records)]
    config = shipped(record["recipe"]["name"])
    if config is None:  # a machine or fused scores
        words = record["recipe"]["differs"]
        parts.append(words[:1].upper() + words[1:])
    elif config.init:
        parts.append(_start(config, records))
    parts.append(strays(record))
    if "over_seeds" in record:
        parts.append(seeds.sentence(record["over_seeds"]))
    return " ".join(part for part in parts if part)


def _gap(record: Record, figure: str) -> str:
    if figure == "-":
        return "" if paper_name(record) == OWN else "The paper gives no figure."
    paper = float(figure.split()[0])
    gap = 100 * record["results"]["single_crop"]["accuracy"] - paper
    side = "above" if gap > 0 else "below"
    sentence = f"{abs(gap):.2f} points {side} the paper's {figure.split()[0]}."
    if "fused" in figure and "(" not in record["recipe"]["name"]:
        sentence += " That figure is of the scores of both networks, fused."
    return sentence


def _protocol(record: Record, figure: str, records: Mapping[str, Record]) -> str:
    """Say what the split does to the figure."""
    name, data = record["recipe"]["name"], record["recipe"]["data"]
    if data["split"].startswith("random"):
        return "" if figure == "-" else "Split at random as in the paper, whose rows are not known."
    sentences = []
    if data["split"] == "official":
        other = "" if figure == "-" else "; the paper reports other rows"
        rows = "PublicTest" if data["dataset"] == "fer2013" else "Val"
        sentences.append(f"Measured on {rows}{other}.")
    elif figure != "-":
        sentences.append("No person stands on both sides here; the paper's split allows it.")
    leaking = records.get(_leaking(name, data["dataset"]))
    if leaking:
        accuracy = 100 * leaking["results"]["single_crop"]["accuracy"]
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
    return f"{words} Its start, {base}, had {record['epochs']} of {plan.epochs} epochs.".lstrip()


def _counts(key: str) -> bool:
    return key not in _IRRELEVANT and not key.startswith("paper.")


def _text(value: Any) -> str:
    return "none" if value in ("", []) else f"{value}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
