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

"""Subcommands of ``fer-train detector``: its data, training, export, and comparison."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fer_ros import __version__
from fer_ros.apps.command_line import count
from fer_training.commands import verifier


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    detector = commands.add_parser("detector", help="train, export and compare face detectors")
    actions = detector.add_subparsers(dest="action", metavar="ACTION")
    detector.set_defaults(run=lambda _: detector.print_help())
    _add_gather(actions)
    _add_data(actions)
    _add_train(actions)
    _add_mine(actions)
    _add_average(actions)
    _add_export(actions)
    _add_compare(actions)
    verifier.add(actions)
    _add_card(actions)
    _add_quality(actions)
    _add_budget(actions)
    _add_clips(actions)
    _add_sparse(actions)


def _add_gather(actions: Any) -> None:
    gather = actions.add_parser(
        "gather",
        help="make photo files of public repositories' checkouts",
        description="Reads checkouts (`git clone`) of the repositories that the card names, leaves "
        "out near-duplicates of the photos of --unseen, and writes npz files for `data` and for "
        "`compare`: what people boxed is split by groups of near-duplicates.",
    )
    gather.add_argument("checkouts", type=Path, nargs="+", metavar="CHECKOUT")
    gather.add_argument("--teacher", type=Path, required=True, metavar="YUNET")
    gather.add_argument(
        "--unseen", type=Path, nargs="+", required=True, metavar="FILE",
        help="npz of photos, or JSON of their hashes, that no training may see",
    )  # fmt: skip
    gather.add_argument("--out", type=Path, required=True, help="npz of the photos to train on")
    gather.add_argument("--validation", type=Path, help="npz of the photos to validate on")
    gather.add_argument(
        "--without", type=int, nargs="+", default=[], metavar="CODE", help="sources to leave out"
    )
    gather.set_defaults(run=_gather)


def _add_data(actions: Any) -> None:
    data = actions.add_parser("data", help="decode photos once, let the teacher see the crops")
    data.add_argument("photos", type=Path, nargs="+", help="npz files with a teacher's boxes")
    data.add_argument("--fer2013", type=Path, required=True, help="npz; its Training rows are put "
                      "into photos")  # fmt: skip
    data.add_argument("--teacher", type=Path, required=True, metavar="YUNET")
    data.add_argument(
        "--without", type=int, nargs="+", default=[], metavar="CODE", help="sources to leave out"
    )
    data.add_argument("--out", type=Path, required=True, help="folder of the decoded data")
    data.set_defaults(run=_data)


def _add_train(actions: Any) -> None:
    train = actions.add_parser("train", help="train, or go on from the folder's checkpoint")
    train.add_argument("--data", type=Path, required=True, help="folder that `data` wrote")
    train.add_argument("--out", type=Path, required=True, help="run folder")
    train.add_argument("--validation", type=Path, help="npz with boxes drawn by people")
    train.add_argument(
        "--recipe", metavar="NAME|FILE.yaml",
        help="what decides the weights: steps, rate, what the fields show; options go before it",
    )  # fmt: skip
    train.add_argument(
        "--start", type=Path, metavar="FILE.onnx",
        help="exported file whose weights the training begins with (default: as the recipe says)",
    )  # fmt: skip
    train.add_argument("--steps", type=int, help="default: 12000")
    train.add_argument(
        "--cool-from", type=int, help="step at which the rate begins to fall (default: 3/4)"
    )
    train.add_argument("--rate", type=float, help="learning rate (default: 0.002)")
    train.add_argument("--seed", type=int)
    train.add_argument(
        "--workers", type=int, choices=(0, 1), default=1,
        help="processes that compose fields beside the training; 0: one process does both",
    )  # fmt: skip
    train.set_defaults(run=_train)


def _add_mine(actions: Any) -> None:
    mine = actions.add_parser(
        "mine",
        help="find what a run still takes for faces, and faces it overlooks",
        description="Looks at every training photo and writes hard.npz into RUN; `train` then "
        "shows overlooked faces and mistakes more often. Again every some thousand steps.",
    )
    mine.add_argument("run_folder", type=Path, metavar="RUN")
    mine.add_argument("--data", type=Path, required=True, help="folder that `data` wrote")
    mine.set_defaults(run=_mine)


def _add_average(actions: Any) -> None:
    average = actions.add_parser(
        "average",
        help="average the weights of runs, or of copies of one at several steps",
        description="Writes a run folder for `export`, with the mean of the weights and statistics "
        "of batch normalisation taken anew.",
    )
    average.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    average.add_argument("--data", type=Path, required=True, help="folder that `data` wrote")
    average.add_argument("--out", type=Path, required=True, help="run folder to write")
    average.set_defaults(run=_average)


def _add_export(actions: Any) -> None:
    export = actions.add_parser("export", help="write the ONNX file of a run, parity-checked")
    export.add_argument("run_folder", type=Path, metavar="RUN")
    export.add_argument("out", type=Path, metavar="FILE.onnx")
    export.add_argument("--data", type=Path, required=True, help="folder that `data` wrote")
    export.add_argument("--validation", type=Path, required=True)
    export.add_argument("--threshold", type=float, help="score of the network that becomes 0.7 "
                        "(default: the one at --false-faces)")  # fmt: skip
    export.add_argument(
        "--false-faces", type=float, default=0.03, help="a photo of --validation, for the threshold"
    )
    export.add_argument("--version", default=__version__, help="version of the weights")
    export.set_defaults(run=_export)


def _add_compare(actions: Any) -> None:
    compare = actions.add_parser(
        "compare",
        help="recall against false faces by size, tilts, landmarks, cost, in one run",
        description="PHOTOS is an npz file with people's boxes, a WIDER FACE folder, or a folder "
        "of photos with boxes.json (file name: list of x, y, width, height).",
    )
    compare.add_argument(
        "--detector", nargs="+", required=True, metavar="NAME@SIZE",
        help="fer-face, haar or an ONNX file of YuNet's or fer-face's form, and the longest side "
        "of its input; the first one's cost is 1",
    )  # fmt: skip
    compare.add_argument("--photos", type=Path, required=True)
    compare.add_argument("--fer2013", type=Path, help="npz; its PublicTest faces go into scenes")
    compare.add_argument("--faces", type=count, default=400, help="of FER2013 in the scenes")
    compare.add_argument("--emotions", type=Path, help="ONNX emotion network, for expressions")
    compare.add_argument("--points", type=Path, help="npz with eyes, nose and mouth by people")
    compare.add_argument("--teacher", type=Path, metavar="YUNET", help="landmarks beside its own")
    compare.add_argument("--threshold", type=float, default=0.7)
    compare.add_argument("--light", type=float, default=1.0, help="of the photos, less than 1: dim")
    compare.add_argument("--json", type=Path, required=True)
    compare.set_defaults(run=_compare)


def _add_card(actions: Any) -> None:
    card = actions.add_parser("card", help="write the model card beside an exported file")
    card.add_argument("file", type=Path, metavar="FILE.onnx")
    card.add_argument("--record", type=Path, help="what `compare --json` wrote")
    card.set_defaults(run=_card)


def _add_quality(actions: Any) -> None:
    quality = actions.add_parser("quality", help="fit how accuracy falls with size, turn and blur")
    quality.add_argument("--detector", default="fer-face", metavar="NAME@SIZE")
    quality.add_argument("--emotions", type=Path, required=True, help="ONNX emotion network")
    quality.add_argument("--fer2013", type=Path, required=True)
    quality.add_argument("--photos", type=Path, required=True, help="with photos without faces")
    quality.set_defaults(run=_quality)


def _add_budget(actions: Any) -> None:
    budget = actions.add_parser("budget", help="found share and cost of the search plan")
    budget.add_argument("--detector", nargs="+", required=True, metavar="NAME@SIZE")
    budget.add_argument("--budget", nargs="+", type=float, default=[1.0, 2.0])
    budget.add_argument("--fer2013", type=Path, required=True)
    budget.add_argument("--photos", type=Path, required=True, help="with photos without faces")
    budget.add_argument("--scenes", type=int, default=6)
    budget.set_defaults(run=_budget)


def _add_clips(actions: Any) -> None:
    clips = actions.add_parser("clips", help="which faces of a reference are lost in clips")
    clips.add_argument("folder", type=Path)
    clips.add_argument("--reference", required=True, metavar="NAME@SIZE")
    clips.add_argument("--detector", nargs="+", required=True, metavar="NAME@SIZE")
    clips.add_argument("--step", type=int, default=1, help="take every n-th frame")
    clips.set_defaults(run=_clips)


def _gather(options: argparse.Namespace) -> None:
    from fer_training.detector import gather

    tallies = gather.gather(
        gather.Request(
            tuple(options.checkouts),
            options.teacher,
            tuple(options.unseen),
            options.out,
            options.validation,
            frozenset(options.without),
        )
    )
    print(gather.markdown(tallies))


def _add_sparse(actions: Any) -> None:
    sparse = actions.add_parser(
        "sparse", help="what a budget below 1 and a rate of expressions keep in clips, at what cost"
    )
    sparse.add_argument("folder", type=Path)
    sparse.add_argument("--budget", nargs="+", type=float, default=[0.2, 0.4, 0.8])
    sparse.add_argument("--rate", nargs="+", type=float, default=[0.0, 10.0])
    sparse.add_argument("--rounds", type=int, default=3, help="runs of which the fastest counts")
    sparse.add_argument("--model", nargs="+", help="networks, fused (default: the node's)")
    sparse.set_defaults(run=_sparse)


def _data(options: argparse.Namespace) -> None:
    from fer_ros.perception.detection import DetectorSettings, YuNetDetector
    from fer_training.detector import crops, photos

    teacher = YuNetDetector(options.teacher, DetectorSettings(threshold=0.6, detection_size=224))
    count = photos.build(options.photos, options.out, options.without)
    print(f"{count} photos")
    seen = crops.measure(options.fer2013, teacher)
    seen.save(options.out / "crops.npz")
    print(f"{len(seen.images)} faces to put into photos")


def _train(options: argparse.Namespace) -> None:
    from fer_training.detector import recipe
    from fer_training.detector.training import CHECKPOINT, train
    from fer_training.train.memory import keep_freed_memory

    keep_freed_memory()
    chosen = recipe.load(options.recipe) if options.recipe else recipe.Recipe()
    given = {name: getattr(options, name) for name in ("steps", "cool_from", "rate", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    if "steps" in given and "cool_from" not in given:
        given["cool_from"] = given["steps"] * 3 // 4
    plan = replace(chosen, **given).plan(
        options.data, options.out, options.validation, options.start, options.workers
    )
    try:
        train(plan)
    except KeyboardInterrupt:
        export = f"fer-train detector export {options.out} FILE.onnx exports it as it is"
        print(
            "\nstopped; the same command goes on from the last checkpoint, one every "
            f"{plan.save_seconds / 60:.0f} minutes; {export}"
            if (options.out / CHECKPOINT).is_file()
            else "\nstopped before the first checkpoint; the same command begins anew",
            file=sys.stderr,
        )
        raise


def _mine(options: argparse.Namespace) -> None:
    from fer_training.detector import finish, hard
    from fer_training.detector.photos import Photos

    network, step = finish.load(options.run_folder)
    found = hard.find(network, Photos(options.data))
    found.save(options.run_folder / hard.FILE)
    print(f"step {step}: {len(found.false_box)} things taken for faces")


def _average(options: argparse.Namespace) -> None:
    from fer_training.detector.averaging import average

    step = average(options.runs, options.data, options.out)
    print(f"{options.out}: the mean of {len(options.runs)} runs, the longest of {step} steps")


def _export(options: argparse.Namespace) -> None:
    from fer_training.detector import finish

    report = finish.export_run(
        options.run_folder,
        options.out,
        finish.Choice(options.validation, options.threshold, options.false_faces),
        options.data,
        options.version,
    )
    print(json.dumps(asdict(report), indent=1))


def _compare(options: argparse.Namespace) -> None:
    from fer_training.detector import report
    from fer_training.records import files

    record = report.run(
        report.Request(
            tuple(options.detector),
            options.photos,
            options.fer2013,
            options.emotions,
            options.faces,
            options.threshold,
            options.points,
            options.teacher,
            options.light,
        )
    )
    files.write(record, options.json)
    print(report.markdown(record))


def _card(options: argparse.Namespace) -> None:
    from fer_training.detector import card

    print(card.write(options.file, options.record))


def _quality(options: argparse.Namespace) -> None:
    from fer_ros.perception.classification import EmotionNetwork
    from fer_training.detector import compare, labelled_photos, quality_fit

    empty = labelled_photos.without_faces(options.photos)
    finder = compare.contestant(options.detector).make(0.7)
    network = EmotionNetwork(options.emotions)
    fitted = quality_fit.run(options.fer2013, empty, finder, network)
    print(quality_fit.markdown(fitted))


def _budget(options: argparse.Namespace) -> None:
    from fer_training.data import fer2013
    from fer_training.detector import budget, compare, labelled_photos

    data = fer2013.load(options.fer2013)
    contestants = [compare.contestant(name) for name in options.detector]
    rows = budget.measure(
        contestants,
        options.budget,
        data.images[data.usage == "PublicTest"],
        labelled_photos.without_faces(options.photos),
        options.scenes,
    )
    print(budget.markdown(list(rows)))


def _sparse(options: argparse.Namespace) -> None:
    from fer_ros.runtime.settings import PerceptionSettings
    from fer_training.detector import sparse_clips

    base = PerceptionSettings(detector="fer-face")
    if options.model:
        base = base.with_values({"models": options.model})
    rows = sparse_clips.measure(options.folder, options.budget, options.rate, base, options.rounds)
    print(sparse_clips.markdown(list(rows)))


def _clips(options: argparse.Namespace) -> None:
    from fer_training.detector import clips, compare

    reference = compare.contestant(options.reference)
    for name in options.detector:
        other = compare.contestant(name)
        measured = clips.measure(reference, other, options.folder, options.step)
        print(clips.markdown(reference.name, other.name, measured), end="\n\n")
