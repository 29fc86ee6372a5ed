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

"""The command line ``fer-train``."""

from __future__ import annotations

import argparse
import errno
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.apps.command_line import PathParser, count
from fer_ros.apps.start import raised_interrupt
from fer_ros.perception.classification import FUSION_RULES
from fer_training.commands import bench, detector, elsewhere, export, measure, papers, train
from fer_training.commands.show import show
from fer_training.data.base import DatasetError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = PathParser(
        prog="fer-train",
        description="Train, measure and export networks for facial expressions.",
        epilog="A run: fer-train train arch1 --out runs/arch1 && "
        "fer-train export runs/arch1 arch1.onnx",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parser.set_defaults(run=lambda _: parser.print_help())

    commands.add_parser("list", help="architectures, recipes and data sets").set_defaults(run=_list)

    train.add(commands)

    _add_evaluate(commands)
    export.add(commands)
    _add_fuse(commands)
    _add_svm(commands)
    _add_saliency(commands)
    measure.add(commands)
    elsewhere.add(commands)
    detector.add(commands)
    papers.add(commands)
    bench.add(commands)
    return parser


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate", help="measure a checkpoint, run folder or ONNX file on labelled crops"
    )
    evaluate.add_argument(
        "--model",
        type=Path,
        required=True,
        nargs="+",
        help="run folder, file, or a shipped network's name; several are fused by --fusion",
    )
    evaluate.add_argument("--fusion", choices=FUSION_RULES, default="sum")
    evaluate.add_argument("--data", type=Path, help="npz with images and emotion, or owners' files")
    evaluate.add_argument("--dataset", default="fer2013", help="layout of --data")
    evaluate.add_argument(
        "--usage",
        help="rows of this split only (default: PublicTest where there is one, else all but "
        "Training; PrivateTest beside PublicTest only when named here)",
    )
    evaluate.add_argument(
        "--head",
        choices=("labels", "votes"),
        default="labels",
        help="of a run trained with votes_weight; votes predicts FER+'s classes, on its labels",
    )
    evaluate.add_argument(
        "--ferplus", action="store_true", help="true class: the FER+ majority, where there is one"
    )
    evaluate.add_argument("--json", type=Path, help="write all figures here")
    evaluate.set_defaults(run=_evaluate)


def _add_fuse(commands: Any) -> None:
    fuse = commands.add_parser("fuse", help="join the scores of finished runs on their test rows")
    fuse.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    fuse.add_argument("--rule", choices=FUSION_RULES, default="sum")
    fuse.add_argument("--out", type=Path, required=True, help="folder for metrics.json")
    fuse.set_defaults(run=_fuse)


def _add_svm(commands: Any) -> None:
    svm = commands.add_parser("svm", help="fit the support vector machine on hand-made features")
    svm.add_argument("--dataset", default="fer2013")
    svm.add_argument("--data", type=Path)
    svm.add_argument("--split", default="official")
    svm.add_argument("--features", choices=("hog", "landmarks", "hog+landmarks"), default="hog")
    svm.add_argument("--search-rows", type=count, default=3000, help="rows of the grid search")
    svm.add_argument("--rows", type=int, default=0, help="rows of the final fit (0: all)")
    svm.add_argument("--out", type=Path, required=True)
    svm.set_defaults(run=_svm)


def _add_saliency(commands: Any) -> None:
    saliency = commands.add_parser("saliency", help="where hiding the face changes the prediction")
    saliency.add_argument("--model", type=Path, required=True)
    saliency.add_argument("--data", type=Path)
    saliency.add_argument("--dataset", default="fer2013")
    saliency.add_argument(
        "--usage", default="PublicTest", help="rows taken, where there is a split"
    )
    saliency.add_argument("--square", type=int, default=8, help="side of the hidden square")
    saliency.add_argument("--stride", type=count, default=2)
    saliency.add_argument("--per-class", type=int, default=20, help="crops averaged a class")
    saliency.add_argument("--image", type=int, help="map of this one row instead of class means")
    saliency.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    saliency.set_defaults(run=_saliency)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    options = build_parser().parse_args(arguments)
    try:
        raised_interrupt()
        options.run(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fer_"):
            raise
        print(
            f"fer-train: the package {error.name} is missing; install the training extra: "
            "in the repository, pip install . ./fer_training brings it",
            file=sys.stderr,
        )
        return 1
    except (ValueError, OSError, RuntimeError) as error:
        own = type(error).__module__.startswith("fer_")
        if isinstance(error, RuntimeError) and not own:
            raise  # PyTorch's: a defect, whose traceback is wanted
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        hint = "; free some space, then go on with --resume" if full else ""
        print(f"fer-train: {error}{hint}", file=sys.stderr)
        return 1
    return 0


def _list(_: argparse.Namespace) -> None:
    from fer_training import architectures
    from fer_training.data import LOADERS
    from fer_training.recipes import recipe

    print("architectures (parameters for seven classes, batch-norm statistics counted):")
    for name in architectures.names():
        entry = architectures.get(name)
        count = architectures.parameter_count(architectures.create(name))
        side = f"{entry.size}x{entry.size}x{entry.channels}"
        print(f"  {name:24} {count:>12,}  {side:9} {entry.paper}")
    print("recipes:")
    print("  " + ", ".join(recipe.names()) + "   (NAME+OVERLAY joins two)")
    print("data sets:", ", ".join(LOADERS))


def _evaluate(options: argparse.Namespace) -> None:
    from fer_training.data import ferplus, load_dataset, splits
    from fer_training.measure import predictors
    from fer_training.measure.evaluate import evaluate
    from fer_training.measure.fusion import FusedPredictor
    from fer_training.records import files

    data = load_dataset(options.dataset, options.data or "")
    rows = splits.measured(data, options.usage)
    by_votes = options.ferplus or options.head == "votes"
    if by_votes:
        selection = ferplus.census(data.select(rows))
        rows = np.intersect1d(rows, ferplus.kept_rows(data))
    duplicates = None
    if data.usage is not None and (data.usage == "Training").any():
        groups = data.duplicate_groups
        duplicates = np.flatnonzero(np.isin(groups[rows], groups[data.usage == "Training"]))
    members = [predictors.load(path, options.head) for path in options.model]
    fused = FusedPredictor(members, options.fusion)
    predictor = members[0] if len(members) == 1 else fused
    data = data.select(rows)
    result = evaluate(predictor, ferplus.relabelled(data) if by_votes else data, duplicates)
    if by_votes:
        result.selection = selection
        print(selection.sentence().replace("\n", " "))
    show(result)
    if by_votes:
        for name, entry in result.single_crop.per_class.items():
            print(f"  {name:12} recall {entry.recall:.3f}, F1 {entry.f1:.3f}, {entry.support} rows")
    if options.json:
        files.write(result, options.json)


def _fuse(options: argparse.Namespace) -> None:
    from fer_training.measure.fusion import fuse_runs
    from fer_training.records import run

    runs = " ".join(f"runs/{path.name}" for path in options.runs)
    command = f"fer-train fuse {runs} --rule {options.rule} --out runs/{options.out.name}"
    record = fuse_runs(options.runs, options.rule, command)
    run.write(record, options.out)
    show(record.results)


def _svm(options: argparse.Namespace) -> None:
    from fer_training.data import load_dataset
    from fer_training.papers import svm
    from fer_training.records.run import SvmConfig

    config = SvmConfig(
        split=options.split,
        features=options.features,
        search_rows=options.search_rows,
        rows=options.rows,
    )
    command = (
        f"fer-train svm --dataset {options.dataset} --split {options.split} "
        f"--features {options.features} --search-rows {options.search_rows} --rows {options.rows}"
    )
    data = load_dataset(options.dataset, options.data or "")
    show(svm.run(data, config, options.out, command).results)


def _saliency(options: argparse.Namespace) -> None:
    from fer_training.data import load_dataset
    from fer_training.measure import predictors, saliency

    predictor = predictors.load(options.model)
    data = load_dataset(options.dataset, options.data or "")
    if data.usage is not None:
        data = data.select(np.flatnonzero(data.usage == options.usage))
    if options.image is not None:
        if not 0 <= options.image < len(data):
            raise DatasetError(f"--image must lie in 0..{len(data) - 1}, not {options.image}")
        image = data.images[options.image]
        one = saliency.saliency(predictor, image, options.square, options.stride)
        saliency.draw({data.label_names[data.labels[options.image]]: one}, options.out, [image])
        return
    maps = saliency.class_maps(
        predictor, data.images, data.labels, options.per_class, options.square, options.stride
    )
    if not maps:
        raise DatasetError("the network gets none of these rows right; there is nothing to map")
    saliency.draw(maps, options.out)


if __name__ == "__main__":
    sys.exit(main())
