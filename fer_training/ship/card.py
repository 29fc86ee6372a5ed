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

"""The model card beside an exported file, written from the run's records.

Figures come first. What holds for every card (input, how figures are measured, limits, intended
and excluded use) is in ``fer_ros/models/README.md`` and is not repeated.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from fer_ros.perception.model_store import digest_of
from fer_training import architectures
from fer_training.data import ferplus
from fer_training.measure import seeds
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes import lineage
from fer_training.recipes.recipe import OWN, Recipe
from fer_training.records import files, run
from fer_training.records.run import DataOrigin, Parity, RunRecord
from fer_training.records.tables import LatencyRecord, RobustnessRecord, SeedsRecord
from fer_training.ship import heldout, tables

COMMON = "`fer_ros/models/README.md`"
"""The page that holds what every card would repeat."""

_CARD = Template("""\
# $name

$architecture: $parameters parameters, $trained of them trained, the rest running means and
variances; $macs million multiply-accumulates a crop.

$accuracies

Single crop: balanced accuracy $balanced %, macro-F1 $macro_f1, among the first two $top2 %.
$protocol
$selection

Per class, single crop; below the mean of all: $weakest.

$per_class

Confusion, single crop (rows: true class, columns: predicted):

$confusion

## Calibration

$calibration
$sections
## Origin

| file | `$file` |
|---|---|
| SHA-256 | `$sha` |
| size | $bytes bytes |
| input | $channels x $size x $size, `(pixel - $mean) * $scale` |
| classes | $classes |
| trained by | `$command` (seed $seed, revision `$revision`) |
| epochs | $epochs, of which number $best_epoch was kept; $minutes minutes on $device |
| versions | $versions |

Parity over all $parity_rows rows: a probability differs from PyTorch's by at most $parity_max,
between batch 1 and batch 256 by $parity_batch; accuracy $parity_reference % in PyTorch,
$parity_onnx % in ONNX Runtime, $parity_single % at batch 1.

$differs$teachers$needs

$data

Input crop, methods, limits, intended and excluded use: $common.
""")


def write(folder: Path, exported: Path, parity: Parity, head: str = "labels") -> Path:
    """Write ``<exported>.md`` from the records of a run folder and return its path.

    Args:
        folder: Run folder; ``seeds.json``, ``robustness.json`` and ``latency.json`` in it become
            sections, of the latter two the rows of this very file.
        exported: The file.
        parity: From its export.
        head: Which head it is.

    Raises:
        RecordError: A record is missing or malformed.
    """
    record = run.read(folder, head)
    network = CheckpointPredictor.load(folder, head).network
    trained = sum(parameter.numel() for parameter in network.parameters())
    path = exported.with_suffix(".md")
    path.write_text(render(folder, exported, record, parity, trained), encoding="utf-8")
    return path


def render(folder: Path, exported: Path, record: RunRecord, parity: Parity, trained: int) -> str:
    """Return a card.

    Args:
        folder: Run folder, or another one with records of the file.
        exported: The file.
        record: Of the run that it comes from.
        parity: From its export.
        trained: How many of its parameters are trained; the rest are running statistics.
    """
    config, results, sha = record.recipe, record.results, digest_of(exported)
    single, private = results.single_crop, heldout.of_file(sha)
    votes = record.ferplus.results if record.ferplus else None
    entry = architectures.get(config.architecture)
    return _CARD.substitute(
        name=config.name,
        architecture=config.architecture,
        parameters=f"{record.parameters:,}",
        trained=f"{trained:,}",
        macs=f"{record.macs / 1e6:.1f}",
        accuracies=tables.accuracies(_rows(record), results, votes, private),
        balanced=f"{100 * single.balanced_accuracy:.2f}",
        macro_f1=f"{single.macro_f1:.3f}",
        top2=f"{100 * single.top2:.2f}",
        protocol=_protocol(record),
        selection=_selection(record),
        weakest=tables.weakest(single),
        per_class=tables.per_class(single),
        confusion=tables.confusion(single, results.labels),
        calibration=_offset(record) + tables.calibrated(record.calibration, private),
        sections=_ferplus(record) + sections(folder, sha),
        file=exported.name,
        sha=sha,
        bytes=f"{exported.stat().st_size:,}",
        channels=entry.channels,
        size=entry.size,
        mean=f"{config.mean:g}",
        scale=f"{config.scale:.6f}",
        classes=", ".join(results.labels),
        command=record.command,
        seed=config.seed,
        revision=record.revision,
        epochs=record.epochs,
        best_epoch=record.best_epoch,
        minutes=f"{record.minutes:.0f}",
        device=record.device or "a device that the run did not record",
        versions=", ".join(f"{key} {value}" for key, value in record.versions.items()),
        parity_rows=f"{parity.rows:,}",
        parity_max=f"{parity.max_difference:.1e}",
        parity_batch=f"{parity.max_difference_batch_1:.1e}",
        parity_reference=f"{100 * parity.accuracy_reference:.2f}",
        parity_onnx=f"{100 * parity.accuracy_onnx:.2f}",
        parity_single=f"{100 * parity.accuracy_onnx_batch_1:.2f}",
        differs=_follows(config) + config.differs,
        teachers=_teachers(config),
        needs=_needs(config),
        data=_data(record.data),
        common=COMMON,
    )


def sections(folder: Path, sha256: str) -> str:
    """Return the sections for which a folder holds a record with rows of the file."""
    made = ""
    if (folder / "seeds.json").is_file():
        over = files.read(SeedsRecord, folder / "seeds.json")
        made += f"\n## Seeds\n\n{seeds.markdown(over)}\n\nMeasured by `{over.command}`.\n"
    if (folder / "robustness.json").is_file():
        table = tables.degraded(files.read(RobustnessRecord, folder / "robustness.json"), sha256)
        made += f"\n## Robustness\n\n{table}\n" if table else ""
    if (folder / "latency.json").is_file():
        table = tables.timed(files.read(LatencyRecord, folder / "latency.json"), sha256)
        made += f"\n## Latency\n\n{table}\n" if table else ""
    return made


def _rows(record: RunRecord) -> str:
    official = record.protocol == "official" and record.data.name == "fer2013"
    return "PublicTest" if official else "test rows"


def _protocol(record: RunRecord) -> str:
    if record.protocol == "official":
        return "Trained on Training."
    return f"Protocol: {record.protocol}."


def _selection(record: RunRecord) -> str:
    """Say what the measured rows chose."""
    if not record.selects:
        leaks = f" {record.leaks[:1].upper()}{record.leaks[1:]}." if record.leaks else ""
        return f"These rows chose nothing: the last epoch is reported.{leaks}"
    last = record.recipe.keep == "last"
    chosen = "The last epoch is reported; settings, " if last else "Settings, epoch, "
    return (
        f"{chosen}temperatures and threshold were chosen on the same rows, so\nread these figures "
        "as slightly optimistic."
    )


def _offset(record: RunRecord) -> str:
    """Say what was added to the logits."""
    if record.offset is None:
        return ""
    values = zip(record.results.labels, record.offset.values, strict=True)
    return (
        "Training rows alone gave the offsets in the last layer, by which the mean prediction has "
        "the shares of\ntheir labels: "
        + ", ".join(f"{name} {value:+.2f}" for name, value in values)
        + f". Without them\n{100 * record.offset.accuracy_without:.2f} % are right, single crop. "
    )


def _ferplus(record: RunRecord) -> str:
    """Return the section of the second head, where the run has one."""
    own = record.ferplus
    if own is None:
        return ""
    return (
        "\n## FER+\n\nA second head learnt the votes of FER+ in eight classes. It is not in this "
        "file; `fer-train export\nRUN FILE --head votes` writes it as one of its own.\n"
        f"{own.selection.sentence()}\n\n{tables.per_class(own.results.single_crop)}\n"
    )


def _follows(config: Recipe) -> str:
    """Name the publication; the project's own networks follow none."""
    own = config.paper.name in ("", OWN)
    return "" if own else f"Follows {config.paper.name}. "


def _teachers(config: Recipe) -> str:
    """Name the runs that the network was distilled from."""
    distill = config.distill
    if not distill.teachers:
        return ""
    names = [Path(path).name for path in distill.teachers]
    return (
        f"\nDistilled: a share of {distill.share:g} of the loss compares with the mean prediction "
        f"of {', '.join(names)}, softened by {distill.temperature:g}."
    )


def _needs(config: Recipe) -> str:
    """Name the runs that this one depends on."""
    found = lineage.needs(config)
    if not found:
        return ""
    return (
        f"\nNeeds finished runs of {', '.join(need.name for need in found)}; with `--earlier` the "
        "command\nmakes them first."
    )


def _data(data: DataOrigin) -> str:
    """Say what was trained on, on which terms, and how noisy its labels are."""
    lead = (
        f"Data: {data.name.upper()}, {data.training_rows:,} training rows after cleaning, digest "
        f"(shape, pixels, labels)\n`{data.sha256}`.\n{data.terms}."
    )
    shares = dict(data.disagreement)
    if not shares:
        return lead
    total = shares.pop(ferplus.ALL)
    classes = ", ".join(
        f"{name} {100 * share:.0f} %"
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
    )
    return (
        f"{lead}\nIts labels are noisy: where the FER+ votes of a training row have a majority, it "
        f"names another class in\n{100 * total:.0f} % of the rows ({classes})."
    )
