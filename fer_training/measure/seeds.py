"""Mean and deviation over runs of one recipe that differ in their seed.

``seeds.json``, which ``fer-train seeds`` writes, and :mod:`fer_training.ship.card` and
:mod:`fer_training.papers.compare` read::

    {"recipe", "dataset", "init", "seeds": [...], "command",
     "figures": {NAME: {"values": [one per seed], "mean", "deviation"}, ...}}

Shares in 0..1; the deviation is the sample's (n - 1). Names are those of :data:`FIGURES`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_WITHOUT_COPIES = ", without exact copies of Training rows"

FIGURES: dict[str, tuple[str, ...]] = {
    "single crop": ("results", "single_crop", "accuracy"),
    f"single crop{_WITHOUT_COPIES}": (
        "results", "single_crop", "without_duplicates", "accuracy",
    ),
    "mean of crop and mirror image": ("results", "flip", "accuracy"),
    f"mean of crop and mirror image{_WITHOUT_COPIES}": (
        "results", "flip", "without_duplicates", "accuracy",
    ),
    "FER+ majority, single crop": ("ferplus", "results", "single_crop", "accuracy"),
    "macro-F1, single crop": ("results", "single_crop", "macro_f1"),
    "expected calibration error, cross-fitted": ("calibration", "ece_cross_fitted"),
}  # fmt: skip
"""What is averaged, and where ``metrics.json`` keeps it; what no run has is left out."""

_FREE = ("seed", "threads")
"""Entries of a recipe that may differ between the runs."""


def summarize(runs: Sequence[Path]) -> dict[str, Any]:
    """Read the runs' ``metrics.json`` and return the module's record without the command.

    Args:
        runs: Run folders of one recipe and data set.

    Raises:
        ValueError: There are fewer than two, two have one seed, or they differ in more.
        OSError: A run has no ``metrics.json``.
    """
    if len(runs) < 2:
        raise ValueError("a deviation needs at least two runs")
    records = [json.loads((run / "metrics.json").read_text(encoding="utf-8")) for run in runs]
    first = records[0]
    for run, record in zip(runs, records, strict=True):
        other = _difference(first, record)
        if other:
            raise ValueError(f"{run} differs from {runs[0]} in more than its seed: {other}")
    seeds = [record["recipe"]["seed"] for record in records]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"the runs' seeds must differ: {', '.join(map(str, seeds))}")
    figures = {}
    for name, keys in FIGURES.items():
        found = [_value(record, keys) for record in records]
        values = [value for value in found if value is not None]
        if len(values) == len(records):
            mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
            figures[name] = {"values": values, "mean": mean, "deviation": deviation}
    return {
        "recipe": first["recipe"]["name"],
        "dataset": first["data"]["name"],
        "init": first["recipe"].get("init", ""),
        "seeds": seeds,
        "figures": figures,
    }


def _difference(first: dict[str, Any], other: dict[str, Any]) -> str:
    """Name the entries in which recipes, data or protocol differ."""
    names = [key for key in ("protocol",) if first[key] != other[key]]
    names += ["data"] if first["data"]["sha256"] != other["data"]["sha256"] else []
    own, its = (_comparable(record["recipe"]) for record in (first, other))
    names += [f"recipe.{key}" for key in sorted({*own, *its}) if own.get(key) != its.get(key)]
    return ", ".join(names)


def _comparable(recipe: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in recipe.items() if key not in _FREE}
    kept["data"] = {key: value for key, value in recipe["data"].items() if key != "path"}
    return kept


def _value(record: dict[str, Any], keys: Sequence[str]) -> float | None:
    value: Any = record
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def sentence(results: dict[str, Any]) -> str:
    """Return mean and deviation of the accuracies in one sentence, without copies in brackets.

    Args:
        results: Content of ``seeds.json``.
    """
    figures = results["figures"]
    said = []
    for name in ("single crop", "mean of crop and mirror image"):
        if name in figures:
            rest = name + _WITHOUT_COPIES
            inner = f" ({_spread(figures[rest])})" if rest in figures else ""
            said.append(f"{name} {_spread(figures[name])}{inner}")
    seeds = ", ".join(map(str, results["seeds"]))
    return f"Mean ± deviation over seeds {seeds}: {'; '.join(said)}."


def _spread(entry: dict[str, Any]) -> str:
    return f"{100 * entry['mean']:.2f} ± {100 * entry['deviation']:.2f}"


def markdown(results: dict[str, Any]) -> str:
    """Return a sentence and a table for the model card.

    Args:
        results: Content of ``seeds.json``.
    """
    seeds, init = results["seeds"], results.get("init")
    start = f"\nAll go on from one run, {Path(init).name}; the rest varies." if init else ""
    lines = [
        f"The recipe run with {len(seeds)} seeds ({', '.join(map(str, seeds))}); the deviation is "
        f"the sample's.{start}",
        "",
        "| [%] | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean ± deviation |",
        "|---" * (len(seeds) + 2) + "|",
    ]
    for name, entry in results["figures"].items():
        cells = [f"{100 * value:.2f}" for value in entry["values"]]
        cells.append(f"**{_spread(entry)}**")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
