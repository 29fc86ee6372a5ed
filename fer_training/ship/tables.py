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

"""Tables of the model cards: figures of one network, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fer_training.measure import calibration, robustness
from fer_training.records.figures import Calibration, Figures, Results
from fer_training.records.tables import LatencyRecord, RobustnessRecord
from fer_training.ship import latency
from fer_training.ship.heldout import HeldOut


def accuracies(rows: str, results: Results, votes: Results | None, private: HeldOut | None) -> str:
    """Return the table that a card opens with.

    Args:
        rows: Name of the measured rows.
        results: Figures on them.
        votes: Figures of the second head on the majority of the FER+ votes.
        private: Figures on PrivateTest.
    """
    lines = [
        "| accuracy (95 % bootstrap) | rows | single crop | mean of crop and mirror image |",
        "|---|---|---|---|",
        *_pair(rows, results),
    ]
    if votes is not None:
        lines += _pair("majority of the FER+ votes, second head", votes)
    if private is not None:
        lines.append(
            f"| PrivateTest, opened once for {private.version} | {private.rows:,} | "
            f"{100 * private.single_crop:.2f} % | {100 * private.flip:.2f} % |"
        )
    return "\n".join(lines)


def _pair(rows: str, results: Results) -> list[str]:
    """Return the line of all rows, and that of those without a copy among the training rows."""
    single, flip = results.single_crop, results.flip
    lines = [f"| {rows} | {single.rows:,} | {_accuracy(single)} | {_accuracy(flip)} |"]
    unique = single.without_duplicates
    if unique is not None and unique.rows < single.rows:
        mirrored = None if flip is None else flip.without_duplicates
        lines.append(
            f"| the same without exact copies of training rows | {unique.rows:,} | "
            f"{_accuracy(unique)} | {_accuracy(mirrored)} |"
        )
    return lines


def _accuracy(entry: Figures | None) -> str:
    if entry is None:
        return "-"
    low, high = entry.accuracy_95
    return f"{100 * entry.accuracy:.2f} % ({100 * low:.1f} to {100 * high:.1f})"


def per_class(result: Figures) -> str:
    """Return precision, recall and F1 of every class."""
    lines = ["| class | precision | recall | F1 | rows |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {e.precision:.3f} | {e.recall:.3f} | {e.f1:.3f} | {e.support} |"
        for name, e in result.per_class.items()
    ]
    return "\n".join(lines)


def weakest(result: Figures) -> str:
    """Name the classes whose F1 lies below the mean of all, the weakest first."""
    below = [
        (entry.f1, name)
        for name, entry in result.per_class.items()
        if entry.support and entry.f1 < result.macro_f1
    ]
    return ", ".join(f"{name} {f1:.2f}" for f1, name in sorted(below)) or "all are alike"


def confusion(result: Figures, labels: Sequence[str]) -> str:
    """Return the confusion matrix, rows the true classes."""
    lines = ["| | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for name, row in zip(labels, result.confusion, strict=True):
        lines.append(f"| **{name}** | " + " | ".join(str(count) for count in row) + " |")
    return "\n".join(lines)


def calibrated(fitted: Calibration | None, private: HeldOut | None) -> str:
    """Return temperatures, threshold and errors, and the table of coverage."""
    if fitted is None:
        return "Not calibrated, because the split lets no row select: temperature 1."
    error = calibration.cross_fitted_words(fitted.ece_cross_fitted, fitted.ece_cross_fitted_range)
    elsewhere = "" if private is None else private.calibration_words
    lines = [
        f"Temperatures {calibration.temperatures(fitted)}, threshold of UNCERTAIN "
        f"{fitted.uncertain_threshold}. Expected calibration error:",
        f"{100 * fitted.ece_uncalibrated:.1f} % uncalibrated, {error} cross-fitted{elsewhere}.",
        "",
        "| threshold | faces named | accuracy among them |",
        "|---|---|---|",
    ]
    lines += [
        f"| {p.threshold:.2f} | {100 * p.coverage:.1f} % | {100 * p.accuracy:.1f} % |"
        for p in fitted.coverage_curve
    ]
    return "\n".join(lines)


def degraded(record: RobustnessRecord, sha256: str) -> str:
    """Return the rows of one file, empty where the record has none."""
    own = [model for model in record.models if model.sha256 == sha256]
    if not own:
        return ""
    text = robustness.markdown(replace(record, models=[replace(own[0], name="accuracy")]))
    return f"{text}\n\nMeasured by `{record.command}`."


def timed(record: LatencyRecord, sha256: str) -> str:
    """Return the times of one file, empty where the record has none."""
    own = [entry for entry in record.files if entry.sha256 == sha256]
    if not own:
        return ""
    text = latency.markdown(replace(record, files=own), record.files[0].file)
    return f"{text}\n\nMeasured by `{record.command}`."
