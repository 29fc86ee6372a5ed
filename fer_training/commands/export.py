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

"""Subcommands of ``fer-train`` that write network files: export and quantize."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ros import __version__
from fer_ros.apps.command_line import count
from fer_training.commands.show import table

if TYPE_CHECKING:
    from fer_training.ship.twin_card import TwinReport


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    export = commands.add_parser("export", help="write the ONNX file of a run, parity-checked")
    export.add_argument("run_folder", type=Path, metavar="RUN")
    export.add_argument("out", type=Path, metavar="FILE.onnx")
    export.add_argument("--data", help="path of the data set, instead of the recipe's")
    export.add_argument("--version", default=__version__, help="version of the weights")
    export.add_argument(
        "--head",
        choices=("labels", "votes"),
        default="labels",
        help="votes: the network of FER+'s eight classes, of a run trained with votes_weight",
    )
    export.set_defaults(run=_export)

    quantize = commands.add_parser("quantize", help="write the int8 twin of an exported file")
    quantize.add_argument("source", type=Path, metavar="FILE.onnx")
    quantize.add_argument("out", type=Path, metavar="OUT.onnx")
    quantize.add_argument(
        "--data", type=Path, required=True, help="FER2013 with Training and PublicTest rows"
    )
    quantize.add_argument("--rows", type=count, default=512, help="Training crops for the ranges")
    quantize.add_argument("--seed", type=int, default=0, help="of their choice")
    quantize.add_argument(
        "--accept-loss", action="store_true", help="write it even if it loses over 0.5 points"
    )
    quantize.add_argument(
        "--records",
        type=Path,
        metavar="FOLDER",
        help="put its robustness.json and latency.json into the card, where they name this file",
    )
    quantize.set_defaults(run=_quantize)

    calibrate = commands.add_parser(
        "calibrate", help="fit temperatures, and the threshold of 'uncertain', of files in place"
    )
    calibrate.add_argument("files", type=Path, nargs="+", metavar="FILE.onnx")
    calibrate.add_argument("--data", type=Path, required=True, help="FER2013 with PublicTest rows")
    calibrate.add_argument(
        "--rows", type=count, default=400, help="of PublicTest, changed for the threshold"
    )
    calibrate.add_argument("--seed", type=int, default=0, help="of the draw and the changes")
    calibrate.set_defaults(run=_calibrate)


def _export(options: argparse.Namespace) -> None:
    from fer_training.data import ferplus
    from fer_training.ship import card
    from fer_training.ship.export import export_run
    from fer_training.train import runs

    data = runs.measured_rows(options.run_folder, options.data)
    if options.head == "votes":
        data = ferplus.relabelled(data)
    report = export_run(options.run_folder, options.out, data, options.version, options.head)
    card.write(options.run_folder, options.out, report, options.head)
    print(f"{options.out}, checked on {report.rows} rows\n")
    table(
        ("", "network", "file", "file, crop by crop"),
        (
            "accuracy [%]",
            f"{100 * report.accuracy_reference:.2f}",
            f"{100 * report.accuracy_onnx:.2f}",
            f"{100 * report.accuracy_onnx_batch_1:.2f}",
        ),
        (
            "largest difference of a probability",
            "",
            f"{report.max_difference:.1e}",
            f"{report.max_difference_batch_1:.1e}",
        ),
    )


def _quantize(options: argparse.Namespace) -> None:
    from fer_training.data import load_dataset
    from fer_training.ship import quantize

    data = load_dataset("fer2013", options.data)
    report = quantize.quantize(
        options.source,
        options.out,
        data,
        options.rows,
        options.seed,
        options.accept_loss,
        options.records,
    )
    show_twin(options.out, report)


def show_twin(path: Path, report: TwinReport) -> None:
    """Print an int8 file beside the one it was made of."""
    print(f"{path}, measured on {report.rows} rows\n")
    lines = [
        ("", "float", "int8"),
        (
            "accuracy [%]",
            f"{100 * report.accuracy_float:.2f}",
            f"{100 * report.accuracy_int8:.2f}",
        ),
        ("size [bytes]", f"{report.bytes_float:,}", f"{report.bytes_int8:,}"),
    ]
    if report.latency is not None:
        slow, fast = (f"{report.latency[name].median_ms:.3f}" for name in ("float", "int8"))
        lines.append(("a crop, one thread [ms]", slow, fast))
    table(*lines)
    print(
        f"\nsame class in {100 * report.same_class:.2f} % of the rows; a probability differs by "
        f"at most {report.largest_difference:.3f}, on average by {report.mean_difference:.4f}"
    )


def _calibrate(options: argparse.Namespace) -> None:
    from fer_ros.perception.model_store import digest_of
    from fer_training.data import load_dataset, splits
    from fer_training.measure import calibration
    from fer_training.measure.predictors import OnnxPredictor
    from fer_training.ship import heldout, naming, recalibrate, renew

    data = load_dataset("fer2013", options.data)
    data = data.select(splits.measured(data, "PublicTest"))

    def temperatures(path: Path) -> renew.Change:
        fitted = recalibrate.fit(OnnxPredictor(path), data)
        print(
            f"{path.name}: temperatures {calibration.temperatures(fitted)}; calibration error "
            f"{100 * fitted.ece_cross_fitted:.1f} % cross-fitted",
            flush=True,
        )
        recalibrate.note(path.with_suffix(".md"), fitted)
        heldout.forget_error(digest_of(path))
        return recalibrate.put(fitted)

    def threshold(path: Path) -> renew.Change:
        found = naming.fit(OnnxPredictor(path), data, options.rows, options.seed)
        print(
            f"{path.name}: threshold {found.threshold:.2f}; changed crops {100 * found.named:.1f} "
            f"% named, {100 * found.named_right:.1f} % of them right; unchanged "
            f"{100 * found.named_clean:.1f} %, {100 * found.named_right_clean:.1f} %",
            flush=True,
        )
        naming.note(path.with_suffix(".md"), found)
        return naming.put(found.threshold)

    renew.renew_all(options.files, temperatures)
    renew.renew_all(options.files, threshold)  # of the probabilities that these give
