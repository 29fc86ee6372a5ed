"""The model card beside an exported file, written from the run's records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

from fer_training import architectures
from fer_training.measure import calibration, robustness, seeds
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes import lineage, recipe
from fer_training.ship import latency
from fer_training.train import second_head

_CARD = Template("""\
# $name

$architecture, $parameters parameters ($trainable of them trained, the rest running means and
variances), $macs million multiply-accumulates a crop. Input: one grey face crop of
${size}x$size pixels, ${channels} channel(s), `(pixel - $mean) * $scale`. Output: logits of
$classes.

| file | `$file` |
|---|---|
| SHA-256 | `$sha` |
| size | $bytes bytes |
| trained by | `$command` (seed $seed, revision `$revision`) |
| epochs | $epochs, of which number $best_epoch was kept; $minutes minutes on $device |
| versions | $versions |

## Data and terms

$dataset_name, $training_rows training rows after cleaning, content digest (shape, pixels,
labels) `$data_sha`. $terms. The class labels are noisy: people agree with them in about 65 % of
cases, and the majority of the FER+ voters names another class in 38 % of the rows (fear 87 %,
disgust 69 %, sad 60 %, angry 53 %, surprise 21 %, neutral 13 %, happy 8 %).
FER+ votes (Barsoum et al. 2016, MIT licence) are part of the targets where the recipe says so.

## Recipe

Follows: $paper. $differs$teachers$needs

```yaml
$recipe
```

## Figures

Protocol: $protocol. $selection

$figures

Parity of this file with the PyTorch network over all $parity_rows rows: largest difference of a
probability $parity_max; between batch 1 and batch 256 $parity_batch; accuracy $parity_reference %
in PyTorch, $parity_onnx % in ONNX Runtime, $parity_single % at batch 1.

Per class, single crop:

$per_class

Confusion matrix, single crop (rows: true class, columns: predicted):

$confusion

## Calibration

$calibration
$sections
## Limits

- Weakest classes (F1, single crop): $weakest. Disgust has few training rows.
- Trained on cropped, mostly frontal photographs of 48x48 pixels in grey. $unmeasured
- Age, sex and origin of the persons are not recorded in the data, so the error for any group of
  people is unknown. Assume that it differs.
- A posed or spontaneous expression is not an inner state.

## Intended use

Research, teaching, and human-robot interaction in which a person knows of the camera and a wrong
answer does no harm, e.g. a robot that smiles back.

## Excluded use

Judging people: hiring, work, school, policing, borders, credit, health, lie detection. The EU AI
Act bars emotion recognition at work and in education. Surveillance, and any use on persons who
were not told.
""")


def write(run: Path, exported: Path, parity: dict[str, float], head: str = "labels") -> Path:
    """Write ``<exported>.md`` from the run's ``metrics.json`` and return its path."""
    record = second_head.record(run, head)
    path = exported.with_suffix(".md")
    path.write_text(
        _CARD.substitute(_values(run, head, exported, record, parity)), encoding="utf-8"
    )
    return path


def _values(
    run: Path, head: str, exported: Path, record: dict[str, Any], parity: dict[str, float]
) -> dict[str, Any]:
    config, results = record["recipe"], record["results"]
    data, single = record["data"], results["single_crop"]
    content = exported.read_bytes()
    entry = architectures.get(config["architecture"])
    network = CheckpointPredictor.load(run, head).network
    trained = sum(parameter.numel() for parameter in network.parameters())
    return {
        "name": config["name"],
        "architecture": config["architecture"],
        "parameters": f"{record['parameters']:,}",
        "trainable": f"{trained:,}",
        "macs": f"{record['macs'] / 1e6:.1f}",
        "size": entry.size,
        "channels": entry.channels,
        "mean": f"{config['mean']:g}",
        "scale": f"{config['scale']:.6f}",
        "classes": ", ".join(results["labels"]),
        "file": exported.name,
        "sha": hashlib.sha256(content).hexdigest(),
        "bytes": f"{len(content):,}",
        "command": record["command"],
        "seed": config["seed"],
        "revision": record["revision"],
        "epochs": record["epochs"],
        "best_epoch": record["best_epoch"],
        "minutes": f"{record['minutes']:.0f}",
        "device": record.get("device", "a device that the run did not record"),
        "versions": ", ".join(f"{key} {value}" for key, value in record["versions"].items()),
        "dataset_name": data["name"].upper(),
        "training_rows": f"{data['training_rows']:,}",
        "data_sha": data["sha256"],
        "terms": data["terms"],
        "paper": recipe.from_dict(config).paper.name,
        "differs": config["differs"],
        "teachers": _teachers(config),
        "needs": _needs(config),
        "recipe": (run / "recipe.yaml").read_text(encoding="utf-8").rstrip(),
        "protocol": _PROTOCOLS.get(record["protocol"], record["protocol"]),
        "figures": _figures(results),
        "parity_rows": f"{parity['rows']:,.0f}",
        "parity_max": f"{parity['max_difference']:.1e}",
        "parity_batch": f"{parity['max_difference_batch_1']:.1e}",
        "parity_reference": f"{100 * parity['accuracy_reference']:.2f}",
        "parity_onnx": f"{100 * parity['accuracy_onnx']:.2f}",
        "parity_single": f"{100 * parity['accuracy_onnx_batch_1']:.2f}",
        "per_class": _per_class(single),
        "weakest": _weakest(single),
        "confusion": _confusion(single, results["labels"]),
        "selection": _selection(record),
        "calibration": _offset(record) + _calibration(record["calibration"]),
        "sections": _ferplus(record) + _sections(run),
        "unmeasured": _MEASURED if (run / "robustness.json").is_file() else _UNMEASURED,
    }


def _ferplus(record: dict[str, Any]) -> str:
    """Return the section of the second head, where the run has one."""
    if "ferplus" not in record:
        return ""
    own = record["ferplus"]
    return (
        "\n## FER+\n\nA second head learnt the votes of FER+ in eight classes. It is not in this "
        "file; `fer-train export\nRUN FILE --head votes` writes it as one of its own. Measured on "
        f"the majority of the votes:\n{second_head.selection_words(own['selection'])}\n\n"
        f"{_figures(own['results'])}\n\nPer class, single crop:\n\n"
        f"{_per_class(own['results']['single_crop'])}\n"
    )


_SECTIONS: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("Seeds", "seeds.json", seeds.markdown),
    ("Robustness", "robustness.json", robustness.markdown),
    ("Latency", "latency.json", latency.markdown),
)
"""Heading of each optional section, the record in the run folder, and what turns it to text."""

_MEASURED = (
    "Large head turns, strong side\n  light, true colours and motion were not part of the "
    "measurement; for small, dark, noisy and partly\n  hidden faces see the robustness table."
)
_UNMEASURED = (
    "Large head turns,\n  masks, strong side light and faces below about 24 pixels were not part "
    "of the measurement."
)


def _sections(run: Path) -> str:
    """Return the sections for which the run folder holds a record, each with its command."""
    text = ""
    for heading, name, to_markdown in _SECTIONS:
        path = run / name
        if path.is_file():
            results = json.loads(path.read_text(encoding="utf-8"))
            body = f"{to_markdown(results)}\n\nMeasured by `{results['command']}`{_files(results)}."
            text += f"\n## {heading}\n\n{body}\n"
    return text


def _files(results: dict[str, Any]) -> str:
    """Return what a record measured, by digest, where it tells: a name may be used again."""
    random = results.get("untrained", ())
    found = [
        f"`{name}` {entry['sha256'][:12]}"
        for entry in [*results.get("models", ()), *results.get("files", ())]
        if "sha256" in entry and (name := entry.get("file") or entry["name"]) not in random
    ]
    return f" on the files (first digits of SHA-256)\n{', '.join(found)}" if found else ""


_PROTOCOLS = {"official": "trained on Training, measured on PublicTest"}

_VIEWS = (("single_crop", "single crop"), ("flip", "mean of crop and mirror image"))


def _selection(record: dict[str, Any]) -> str:
    """Say what the measured rows chose."""
    if not record["selects"]:
        return f"These rows chose nothing: the last epoch is reported. {record['leaks']}"
    last = record["recipe"].get("keep") == "last"
    chosen = "The last epoch is reported; settings, " if last else "Settings, epoch, "
    return (
        f"{chosen}temperature and threshold\nwere chosen on the same rows, so read these figures "
        "as slightly kind; the sealed PrivateTest took\nno part in anything."
    )


def _offset(record: dict[str, Any]) -> str:
    """Say what was added to the logits, for records that know of it."""
    if "offset" not in record:
        return ""
    values = zip(record["results"]["labels"], record["offset"]["values"], strict=True)
    return (
        "Training rows alone gave the offsets in the last layer, by which the mean answer has the "
        "shares of\ntheir labels: "
        + ", ".join(f"{name} {value:+.2f}" for name, value in values)
        + f". Without them\n{100 * record['offset']['accuracy_without']:.2f} % are right, single "
        "crop. "
    )


def _calibration(fitted: dict[str, Any]) -> str:
    if not fitted:
        return "Not calibrated, because the split lets no row select: temperature 1."
    head = (
        f"Temperature {fitted['temperature']}. Expected calibration error (15 bins)\n"
        f"{100 * fitted['ece_uncalibrated']:.1f} % uncalibrated, "
        f"{calibration.cross_fitted_words(fitted)} fitted on one half\n"
        "of the rows and measured on the other. A face is UNCERTAIN when no class reaches "
        f"{fitted['uncertain_threshold']}: the value that leaves about 90 % of single faces\n"
        "with a name.\n\n| threshold | faces named | accuracy among them |\n|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {p['threshold']:.2f} | {100 * p['coverage']:.1f} % | {100 * p['accuracy']:.1f} % |"
        for p in fitted["coverage_curve"]
    )


def _figures(results: dict[str, Any]) -> str:
    lines = [
        "| | rows | accuracy (95 % bootstrap) | balanced | macro-F1 | top-2 |",
        "|---|---|---|---|---|---|",
    ]
    for view, words in _VIEWS:
        for entry, suffix in (
            (results[view], ""),
            (results[view].get("without_duplicates"), ", without exact copies of Training rows"),
        ):
            if entry:
                low, high = entry["accuracy_95"]
                lines.append(
                    f"| {words}{suffix} | {entry['rows']:,} | {100 * entry['accuracy']:.2f} % "
                    f"({100 * low:.1f} to {100 * high:.1f}) | "
                    f"{100 * entry['balanced_accuracy']:.2f} % | {entry['macro_f1']:.3f} | "
                    f"{100 * entry['top2']:.2f} % |"
                )
    return "\n".join(lines)


def _per_class(result: dict[str, Any]) -> str:
    lines = ["| class | precision | recall | F1 | rows |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {e['precision']:.3f} | {e['recall']:.3f} | {e['f1']:.3f} | {e['support']} |"
        for name, e in result["per_class"].items()
    ]
    return "\n".join(lines)


def _weakest(result: dict[str, Any]) -> str:
    """Name the classes whose F1 lies below the mean of all, the weakest first."""
    below = [
        (entry["f1"], name)
        for name, entry in result["per_class"].items()
        if entry["support"] and entry["f1"] < result["macro_f1"]
    ]
    return ", ".join(f"{name} {f1:.2f}" for f1, name in sorted(below)) or "all are alike"


def _teachers(config: dict[str, Any]) -> str:
    """Name the runs that the network was distilled from, for records that know distillation."""
    distill = config.get("distill", {})
    if not distill.get("teachers"):
        return ""
    names = [Path(path).name for path in distill["teachers"]]
    share, temperature = distill["share"], distill["temperature"]
    return (
        f" Distilled: a share of {share:g} of the loss\ncompares with the mean answer of "
        f"{', '.join(names)}, softened by {temperature:g}; each has a recipe of its own."
    )


def _needs(config: dict[str, Any]) -> str:
    """Name the runs that must stand before this one."""
    found = lineage.needs(recipe.from_dict(config))
    if not found:
        return ""
    return (
        f"\nNeeds finished runs of {', '.join(need.name for need in found)}; with `--earlier` the "
        "command makes\nthem first."
    )


def _confusion(result: dict[str, Any], labels: list[str]) -> str:
    lines = ["| | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for name, row in zip(labels, result["confusion"], strict=True):
        lines.append(f"| **{name}** | " + " | ".join(str(count) for count in row) + " |")
    return "\n".join(lines)
