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

"""The model card of an int8 twin: the differences from the card of its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from fer_training.measure import calibration
from fer_training.measure.predictors import OnnxPredictor
from fer_training.records.figures import Calibration, Results
from fer_training.records.tables import Timing
from fer_training.ship import card, heldout, tables


@dataclass
class TwinReport:
    """A twin beside its source, on the same rows; shares in 0..1."""

    rows: int
    accuracy_float: float
    accuracy_int8: float
    drop: float
    same_class: float
    """Rows on which both name the same class."""
    largest_difference: float
    """Of a probability."""
    mean_difference: float
    batch_1_against_16: float
    """Largest difference of the twin's probabilities between a crop alone and in a batch."""
    bytes_float: int = 0
    bytes_int8: int = 0
    latency: dict[str, Timing] | None = None
    """Of one crop: ``float`` and ``int8``, files in turns."""
    processor: str = ""


_CARD = Template("""\
# $model_id

The int8 twin of `$source` (SHA-256 `$source_sha`),
whose card has what they share.

$accuracies

$protocol.
Expected calibration error $ece cross-fitted$private.

| $measured rows, single crop | float | int8 |
|---|---|---|
| accuracy | $accuracy_float % | $accuracy_int8 % |
| median time of a crop, one thread | $latency ms | $latency_int8 ms ($ratio times) |
| size | $bytes_float bytes | $bytes bytes |

Both name the same class in $same % of the rows. A probability differs by at most $largest, on
average by $mean; between a crop alone and in a batch of 16 by $batch. Files were timed in turns on
$processor; times is the median ratio in the same round.
$sections
## Origin

| file | `$file` |
|---|---|
| SHA-256 | `$sha` |
| made by | `$command` |
| weights | $weights |
| activations | $activations, ranges from $rows Training crops (seed $seed) |
| temperatures, threshold | $temperatures; $threshold, fitted for the twin |
| versions | $versions |

Input crop, methods, limits, intended and excluded use: $common.
""")


def render(
    source: Path,
    out: Path,
    report: TwinReport,
    results: Results,
    fitted: Calibration,
    records: Path | None = None,
) -> str:
    """Return the twin's card.

    Args:
        source: The float file.
        out: The twin, as it is shipped.
        report: The twin beside its source.
        results: The twin's figures.
        fitted: What was fitted for the twin.
        records: Folder with ``robustness.json`` or ``latency.json`` that hold rows of the twin.
    """
    twin = OnnxPredictor(out).network
    metadata, origin = twin.metadata, twin.metadata.recipe["quantization"]
    chosen, private = origin["calibration"], heldout.of_file(twin.digest)
    times = report.latency or {}
    before, after = times["float"], times["int8"]
    return _CARD.substitute(
        model_id=metadata.model_id,
        source=source.name,
        source_sha=origin["source_sha256"],
        accuracies=tables.accuracies("PublicTest", results, None, private),
        protocol="PublicTest also fitted the temperatures",
        ece=calibration.cross_fitted_words(fitted.ece_cross_fitted, fitted.ece_cross_fitted_range),
        private="" if private is None else private.calibration_words,
        measured=f"{report.rows:,}",
        accuracy_float=f"{100 * report.accuracy_float:.2f}",
        accuracy_int8=f"{100 * report.accuracy_int8:.2f}",
        latency=f"{before.median_ms:.2f}",
        latency_int8=f"{after.median_ms:.2f}",
        ratio=f"{after.ratio:.2f}",
        bytes=f"{report.bytes_int8:,}",
        bytes_float=f"{report.bytes_float:,}",
        same=f"{100 * report.same_class:.1f}",
        largest=f"{report.largest_difference:.3f}",
        mean=f"{report.mean_difference:.4f}",
        batch=f"{report.batch_1_against_16:.1e}",
        processor=report.processor,
        sections=card.sections(records, twin.digest) if records else "",
        file=out.name,
        sha=twin.digest,
        command=f"fer-train quantize {source.name} {out.name} --data FER2013 --rows "
        f"{chosen['rows']} --seed {chosen['seed']}",
        weights=origin["weights"],
        activations=origin["activations"],
        rows=chosen["rows"],
        seed=chosen["seed"],
        temperatures=calibration.temperatures(metadata),
        threshold=metadata.uncertain_threshold,
        versions=", ".join(f"{key} {value}" for key, value in origin["versions"].items()),
        common=card.COMMON,
    )
