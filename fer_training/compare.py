"""``RESULTS.md``: the papers' figures beside ours, written from ``metrics.json`` files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_training import architectures, complexity, recipe

_MEASURABLE = ("fer2013", "ckplus", "jaffe")
_WHERE = "needs the owner's data"


@dataclass(frozen=True)
class System:
    """One publication, its recipes and its printed accuracies [%]."""

    paper: str
    recipes: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)


SYSTEMS = (
    System(
        "Chowanda 2021",
        ("arch1", "chowanda-arch1", "chowanda-arch2", "chowanda-arch3", "chowanda-arch4"),
        {"fer2013": "70.3", "ckplus": "99.4", "imed": "96.4"},
    ),
    System(
        "Minaee et al. 2021",
        ("deep-emotion",),
        {"fer2013": "70.02", "ckplus": "98.0", "jaffe": "92.8", "ferg": "99.3"},
    ),
    System(
        "Yengikand et al. 2023",
        ("yengikand",),
        {"fer2013": "65.32", "ckplus": "97.01", "jaffe": "79.19"},
    ),
    System(
        "Umer et al. 2022",
        ("umer-cnn1", "umer-cnn2"),
        {"ckplus": "96.89 (fused)", "kdef": "82.35 (fused)", "sfew": "41.73 (fused)"},
    ),
    System("Patil 2023", ("patil",), {"fer2013": "87.78", "ckplus": "99"}),
)
"""Every publication; its fusion and SVM rows come from the records found."""

_SVM_FIGURES = {"fer2013": "38", "ckplus": "97"}

_HEAD = """\
# Results

Written by `fer-train compare RUNS`; never edit it by hand.

- FER2013: trained on Training, measured on PublicTest, which also chose the epoch. The papers
  report on other rows (PrivateTest, or a random split), so a difference of a point means little.
  A paper's figure is that of its best network.
- CK+ `subject-5`: five folds that share no person, all predictions pooled. `random-20`: the
  papers' own kind of split, **leaking**: the same persons and near-identical frames stand on both
  sides. JAFFE `loso`: each person left out once; `random-20` leaks likewise.
- Single: one crop. Flip: mean of the crop and its mirror image. In brackets: without the rows that
  have an exact copy in Training.
- Parameters count the statistics of batch norms, as Keras does. MACs are millions a crop. For an
  SVM both are the numbers in its support vectors.
- Minutes are of two CPU cores shared with other work. Rows that say "not run here" have not been
  measured; their command is what would measure them.
"""

_COLUMNS = (
    "recipe",
    "data, split",
    "parameters",
    "MACs",
    "paper",
    "ours: single",
    "flip",
    "macro-F1",
    "epochs",
    "minutes",
    "seed",
    "command",
)


def collect(runs: Path) -> dict[str, dict[str, Any]]:
    """Return all records below a folder by ``<recipe name>|<data set>|<split>``."""
    records = {}
    for path in sorted(runs.glob("**/metrics.json")):
        if path.parent.name.startswith("fold-"):
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        config = record["recipe"]["data"]
        records[f"{record['recipe']['name']}|{config['dataset']}|{config['split']}"] = record
    return records


def write(runs: Path, path: Path) -> int:
    """Write the table from all records below a folder; return the number of records used."""
    records = collect(runs)
    used: set[str] = set()
    lines = [_HEAD]
    for system in SYSTEMS:
        lines += [f"\n## {system.paper}\n", _row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
        for name, dataset, split in _expected(system):
            key = f"{name}|{dataset}|{split}"
            figure = system.figures.get(dataset, "")
            if key in records:
                used.add(key)
                lines.append(_row(_measured(records[key], figure)))
            else:
                lines.append(_row(_missing(name, dataset, split, figure)))
        for key, record in records.items():
            if key not in used and record["recipe"]["paper"] == system.paper:
                used.add(key)
                dataset = record["recipe"]["data"]["dataset"]
                figures = _SVM_FIGURES if record["recipe"]["architecture"] == "svm" else {}
                figure = figures.get(dataset, system.figures.get(dataset, ""))
                lines.append(_row(_measured(record, figure)))
        lines += ["", *_differences(system, records)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(used)


def _expected(system: System) -> Iterator[tuple[str, str, str]]:
    """Yield recipe name, data set and split of every row that a system should have."""
    for name in system.recipes:
        if name == "arch1":  # our own recipe for the paper's network
            yield name, "fer2013", "official"
            continue
        for overlay in ("", "ckplus", "ckplus-random", "jaffe", "jaffe-random"):
            full = f"{name}+{overlay}" if overlay else name
            config = recipe.load(full).data
            yield full, config.dataset, config.split
    for dataset in system.figures:
        if dataset not in _MEASURABLE:
            full = f"{system.recipes[-1]}+{dataset}"
            yield full, dataset, recipe.load(full).data.split


def _row(cells: Any) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _measured(record: dict[str, Any], figure: str) -> list[str]:
    results, config = record["results"], record["recipe"]
    leak = " (leaks)" if record["leaks"] else ""
    seeds = record.get("seeds", config["seed"])
    return [
        config["name"],
        f"{config['data']['dataset']}, {config['data']['split']}{leak}",
        f"{record['parameters']:,}",
        f"{record['macs'] / 1e6:.1f}",
        figure or "-",
        _accuracy(results["single_crop"]),
        _accuracy(results["flip"]) if "flip" in results else "-",
        f"{results['single_crop']['macro_f1']:.3f}",
        str(record.get("epochs", "-")),
        f"{record['minutes']:.1f}",
        str(seeds),
        f"`{record['command']}`",
    ]


def _accuracy(entry: dict[str, Any]) -> str:
    text = f"{100 * entry['accuracy']:.2f}"
    if "without_duplicates" in entry and entry["without_duplicates"]["rows"] < entry["rows"]:
        text += f" ({100 * entry['without_duplicates']['accuracy']:.2f})"
    return text


def _missing(name: str, dataset: str, split: str, figure: str) -> list[str]:
    config = recipe.load(name)
    entry = architectures.get(config.architecture)
    network = architectures.create(config.architecture, **config.options)
    macs = complexity.multiply_accumulates(network, entry.channels, entry.size)
    owner = dataset not in _MEASURABLE
    command = f"fer-train train {name}"
    if split == "loso" or split.startswith("subject"):
        command += " --all-folds"
    if owner:
        command += " --data FOLDER"
    return [
        name,
        f"{dataset}, {split}",
        f"{architectures.parameter_count(network):,}",
        f"{macs / 1e6:.1f}",
        figure or "-",
        _WHERE if owner else "not run here",
        *["-"] * 5,
        f"`{command}`",
    ]


def _differences(system: System, records: dict[str, dict[str, Any]]) -> list[str]:
    """Say what differs from the paper, for recipes as written and as they were run."""
    lines = []
    for name in system.recipes:
        config = recipe.load(name)
        sentence = config.differs.strip()
        record = next((r for r in records.values() if r["recipe"]["name"] == name), None)
        if record and record.get("epochs", config.epochs) < config.epochs:
            sentence += f" Run here for {record['epochs']} of {config.epochs} epochs."
        lines.append(f"- {name}: {sentence}")
    return lines
