"""``RESULTS.md``: the papers' figures beside ours, written from ``metrics.json`` files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_training import architectures, complexity, recipe

_MEASURABLE = ("fer2013", "ckplus", "jaffe")


@dataclass(frozen=True)
class Expected:
    """A row that the table should have."""

    name: str
    dataset: str
    split: str
    command: str

    @property
    def key(self) -> str:
        """Key of its record in :func:`collect`."""
        return f"{self.name}|{self.dataset}|{self.split}"


def _svm(dataset: str, split: str) -> Expected:
    command = f"fer-train svm --dataset {dataset} --split {split} --features hog --data FILE"
    return Expected("svm-hog", dataset, split, command)


def _fused(rule: str) -> Expected:
    first, second = "umer-cnn1+ckplus", "umer-cnn2+ckplus"
    command = f"fer-train fuse runs/{first} runs/{second} --rule {rule}"
    return Expected(f"{rule}({first}, {second})", "ckplus", "subject-5", command)


@dataclass(frozen=True)
class System:
    """One publication, its recipes and its printed accuracies [%]."""

    paper: str
    recipes: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)
    others: tuple[Expected, ...] = ()
    """Rows that no recipe makes: machines and fused scores."""


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
        (_fused("sum"), _fused("product")),
    ),
    System(
        "Patil 2023",
        ("patil", "patil-ckplus"),
        {"fer2013": "87.78", "ckplus": "99"},
        (
            _svm("fer2013", "official"),
            _svm("ckplus", "subject-5"),
            _svm("ckplus", "random-20"),
            _svm("jaffe", "loso"),
            _svm("jaffe", "random-20"),
        ),
    ),
)
"""Every publication."""

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
- CK+ and JAFFE rows of a network start from its FER2013 run and are fine-tuned for a few epochs
  (`recipes/on/`); the last epoch is reported, nothing was selected on their test rows.
- Single: one crop. Flip: mean of the crop and its mirror image. In brackets: without the rows that
  have an exact copy in Training.
- Parameters count the statistics of batch norms, as Keras does. MACs are millions a crop. For an
  SVM both are the numbers in its support vectors.
- Commands read the data where the recipes say; give `--data` for another place. `fer-train svm`
  always wants `--data` and `--out`.
- Minutes are wall-clock of two CPU cores shared with other work, pauses included; rows with few
  epochs are far from what their recipe would reach, and say so below their table.
- Rows that say "not run here" have not been measured; their command is what would measure them.
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
    """Write the table from all records below a folder; return the number of records."""
    records = collect(runs)
    used: set[str] = set()
    lines = [_HEAD]
    for system in SYSTEMS:
        lines += [f"\n## {system.paper}\n", _row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
        for row in _expected(system):
            record = records.get(row.key)
            figure = _figure(system, row.name, row.dataset)
            lines.append(_row(_measured(record, figure) if record else _missing(row, figure)))
            used.add(row.key)
        for key, record in records.items():
            if key not in used and record["recipe"]["paper"] == system.paper:
                used.add(key)
                name, dataset, _ = key.split("|")
                lines.append(_row(_measured(record, _figure(system, name, dataset))))
        lines += ["", *_differences(system, records)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(records)


def _expected(system: System) -> Iterator[Expected]:
    """Yield every row that a system should have."""
    for name in system.recipes:
        overlays = ["", "ckplus", "ckplus-random", "jaffe", "jaffe-random"]
        if name == "patil-ckplus":  # made for one data set
            overlays = [""]
        for overlay in overlays:
            yield _of_recipe(f"{name}+{overlay}" if overlay else name)
    for dataset in system.figures:
        if dataset not in _MEASURABLE:
            yield _of_recipe(f"{system.recipes[-1]}+{dataset}")
    yield from system.others


def _of_recipe(name: str) -> Expected:
    data = recipe.load(name).data
    command = f"fer-train train {name}"
    if data.split == "loso" or data.split.startswith("subject"):
        command += " --all-folds"
    if data.dataset not in _MEASURABLE:
        command += " --data FOLDER"
    return Expected(name, data.dataset, data.split, command)


def _figure(system: System, name: str, dataset: str) -> str:
    """Return what the paper prints, for the SVM or for its networks."""
    figures = _SVM_FIGURES if name.startswith("svm") else system.figures
    return figures.get(dataset, "-")


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
        figure,
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


def _missing(row: Expected, figure: str) -> list[str]:
    parameters, macs = "-", "-"
    if "(" not in row.name and not row.name.startswith("svm"):
        config = recipe.load(row.name)
        entry = architectures.get(config.architecture)
        network = architectures.create(config.architecture, **config.options)
        count = complexity.multiply_accumulates(network, entry.channels, entry.size)
        parameters, macs = f"{architectures.parameter_count(network):,}", f"{count / 1e6:.1f}"
    state = "not run here" if row.dataset in _MEASURABLE else "needs the owner's data"
    cells = [row.name, f"{row.dataset}, {row.split}", parameters, macs, figure, state]
    return [*cells, *["-"] * 5, f"`{row.command}`"]


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
    for row in system.others:
        if row.key in records:
            place = f"{row.name} on {row.dataset}, {row.split}"
            lines.append(f"- {place}: {records[row.key]['recipe']['differs']}")
    return lines
