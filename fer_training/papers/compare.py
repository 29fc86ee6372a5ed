"""``RESULTS.md``: the papers' figures beside ours, written from ``metrics.json`` files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.papers import differences
from fer_training.papers.differences import Record
from fer_training.papers.systems import (
    MEASURABLE,
    SVM_FIGURES,
    SYSTEMS,
    Expected,
    System,
    Table,
    of_recipe,
)
from fer_training.recipes import recipe
from fer_training.records import files, run
from fer_training.records.figures import Figures
from fer_training.records.tables import SeedsRecord

_HEAD = """\
# Results

Written by `fer-train compare RUNS`; never edit it by hand.

- FER2013: trained on Training, measured on PublicTest, which also chose the epoch, except where a
  recipe says `keep: last`. The papers report on other rows (PrivateTest, or a random split), so a
  difference of a point means little. A paper's figure is that of its best network.
- CK+ `subject-5`: five folds that share no person, all predictions pooled. `random-20`: the
  papers' own kind of split, **leaking**: the same persons and near-identical frames stand on both
  sides. JAFFE `loso`: each person left out once; `random-20` leaks likewise, as it does on FER2013,
  which holds copies of its own images.
- CK+ and JAFFE rows train from fresh weights, those of Yengikand et al. from their FER2013 run, as
  in their paper; the last epoch is reported, nothing was selected on their test rows.
- Single: one crop. Flip: mean of the crop and its mirror image, not measured for machines and fused
  scores. In brackets: without the rows that have an exact copy in the training rows.
- Parameters count the statistics of batch norms, as Keras does. MACs are millions a crop. For an
  SVM both are the numbers in its support vectors.
- Commands read the data where the recipes say; give `--data` for another place. `fer-train svm`
  always wants `--data` and `--out`. Fused rows want the runs that they name.
- Minutes are wall-clock of two CPU cores shared with other work, pauses included; most rows have
  far fewer epochs than their recipe asks for, and are far from what it would reach.
- Below each table: what a recipe changes of its paper, then for every measured row its distance
  from the paper's figure and what stands behind it. Settings in which a run strays from its recipe
  are read from the run's record.
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


def collect(runs: Path) -> dict[str, Record]:
    """Return all records below a folder by their key.

    Of several runs of one row the one counts whose folder is named after the recipe.

    Raises:
        RecordError: A record has other fields.
    """
    records: dict[str, Record] = {}
    for path in sorted(runs.glob(f"**/{run.NAME}")):
        if path.parent.name.startswith("fold-"):
            continue
        record = Record(run.read(path.parent))
        seeds = path.with_name("seeds.json")
        if seeds.is_file():
            record.over_seeds = files.read(SeedsRecord, seeds)
        if record.key not in records or path.parent.name == record.name:
            records[record.key] = record
    return records


def write(runs: Path, path: Path) -> int:
    """Write the table from all records below a folder; return the number of records."""
    records = collect(runs)
    lines = [_HEAD]
    for system in SYSTEMS:
        rows = [*_expected(system), *_unexpected(system, records)]
        lines += [f"\n## {system.paper}\n", *_table(system, rows, records)]
        lines += ["", *_differences(system, rows, records)]
        for table in system.tables:
            lines += [f"\n### {table.title}\n", *_table(system, table.rows, records)]
            lines += _verdict(table, records)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(records)


def _expected(system: System) -> Iterator[Expected]:
    """Yield every row that a system's main table should have."""
    elsewhere = [f"+{dataset}" for dataset in system.figures if dataset not in MEASURABLE]
    for name in system.recipes:
        everywhere = "+" not in name and recipe.load(name).data.dataset == "fer2013"
        for overlay in (*system.overlays, *elsewhere) if everywhere else ("",):
            yield of_recipe(name + overlay)
    yield from system.others


def _unexpected(system: System, records: Mapping[str, Record]) -> Iterator[Expected]:
    """Yield rows for all other records of a system."""
    known = {row.key for row in _expected(system)}
    known |= {row.key for table in system.tables for row in table.rows}
    for key, record in records.items():
        if key not in known and record.run.recipe.paper.name == system.paper:
            name, dataset, split = key.split("|")
            yield Expected(name, dataset, split, record.run.command)


def _table(
    system: System, rows: Sequence[Expected], records: Mapping[str, Record]
) -> Iterator[str]:
    yield _row(_COLUMNS)
    yield _row(["---"] * len(_COLUMNS))
    for row in rows:
        record, figure = records.get(row.key), _figure(system, row.name, row.dataset)
        yield _row(_measured(record, figure) if record else _missing(row, figure))


def _figure(system: System, name: str, dataset: str) -> str:
    """Return what the paper prints, for the SVM or for its networks."""
    figures = SVM_FIGURES if name.startswith("svm") else system.figures
    return figures.get(dataset, "-")


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _measured(record: Record, figure: str) -> list[str]:
    own = record.run
    results, config = own.results, own.recipe
    leak = " (leaks)" if own.leaks else ""
    return [
        config.name,
        f"{config.data.dataset}, {config.data.split}{leak}",
        f"{own.parameters:,}",
        f"{own.macs / 1e6:.1f}",
        figure,
        _accuracy(results.single_crop),
        _mirrored(record),
        f"{results.single_crop.macro_f1:.3f}",
        "-" if own.epochs is None else str(own.epochs),
        f"{own.minutes:.1f}",
        str(config.seed),
        f"`{own.command}`",
    ]


def _mirrored(record: Record) -> str:
    results = record.run.results
    if results.flip is not None:
        return _accuracy(results.flip)
    return "-" if results.flip_accuracy is None else f"{100 * results.flip_accuracy:.2f}"


def _accuracy(entry: Figures) -> str:
    text, other = f"{100 * entry.accuracy:.2f}", entry.without_duplicates
    if other is not None and other.rows < entry.rows:
        text += f" ({100 * other.accuracy:.2f})"
    return text


def _missing(row: Expected, figure: str) -> list[str]:
    parameters, macs = "-", "-"
    if "(" not in row.name and not row.name.startswith("svm"):
        config = recipe.load(row.name.split()[0])
        entry = architectures.get(config.architecture)
        network = architectures.create(config.architecture, **config.options)
        count = complexity.multiply_accumulates(network, entry.channels, entry.size)
        parameters, macs = f"{architectures.parameter_count(network):,}", f"{count / 1e6:.1f}"
    state = "not run here" if row.dataset in MEASURABLE else "needs the owner's data"
    cells = [row.name, f"{row.dataset}, {row.split}", parameters, macs, figure, state]
    return [*cells, *["-"] * 5, f"`{row.command}`"]


def _differences(
    system: System, rows: Sequence[Expected], records: Mapping[str, Record]
) -> Iterator[str]:
    """Yield what recipes change of their paper, and under each the reasons row by row."""
    said = set()
    for row in rows:
        base = row.name.split("+")[0]
        config = differences.shipped(base)
        if config and base not in said:
            said.add(base)
            yield f"- **{base}**: {config.differs.strip()}"
        if row.key in records:
            figure = _figure(system, row.name, row.dataset)
            sentence = differences.explain(records[row.key], figure, records)
            name = "" if config and row.name == base else f"{row.name} on "
            yield f"{'  ' if config else ''}- {name}{row.dataset}, {row.split}: {sentence}"


def _verdict(table: Table, records: Mapping[str, Record]) -> Iterator[str]:
    """Yield what a small table shows, and how its runs stray from the recipe."""
    found = [records[row.key] for row in table.rows if row.key in records]
    if len(found) < 2:
        return
    found.sort(key=lambda record: record.accuracy, reverse=True)
    seeded = any("+seed-" in record.name for record in found)
    yield f"\n{_beyond_chance(found) if seeded else _best(found)}\n"
    runs: dict[str, list[str]] = {}
    for record in found:
        runs.setdefault(differences.strays(record), []).append(record.name)
    for sentence, names in runs.items():
        if sentence:
            yield f"- {', '.join(names)}: {sentence}"


def _best(found: Sequence[Record]) -> str:
    """Name the best of runs of one seed, and those that are no worse for sure."""
    low = found[0].run.results.single_crop.accuracy_95[0]
    near = [record.name for record in found[1:] if record.accuracy >= low]
    return (
        f"Best here, on one seed: {found[0].name}; within its 95 % interval: "
        f"{', '.join(near) or 'none of the others'}."
    )


def _beyond_chance(found: Sequence[Record]) -> str:
    """Name the runs outside what the plain recipe's seeds reach."""
    base = found[0].name.split("+")[0]
    seeds = [r for r in found if r.name == base or r.name.startswith(f"{base}+seed-")]
    reached = [record.accuracy for record in seeds]
    others = [record for record in found if record not in seeds]
    outside = {
        "below all of them": [r.name for r in others if r.accuracy < min(reached)],
        "above": [r.name for r in others if r.accuracy > max(reached)],
    }
    said = [f"{where}: {', '.join(names)}" for where, names in outside.items() if names]
    return (
        f"{base} reads {100 * min(reached):.2f} to {100 * max(reached):.2f} % over {len(seeds)} "
        f"seeds; {'; '.join(said) or 'no other run lies outside'}. Runs in between show nothing, "
        "and one seed on the far side of it shows little."
    )
