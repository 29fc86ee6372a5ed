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

"""``fer-train detector verifier``: examples, training and export of the detector's verifier."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_ros import __version__
from fer_ros.apps.command_line import count


def add(actions: Any) -> None:
    """Add the subcommand to those of ``detector``."""
    verifier = actions.add_parser(
        "verifier",
        help="train the network that looks again at what the detector finds, and export it",
        description="Lets the detector look at all photos of --data, trains on what it found, and "
        "writes NAME-verifier.onnx for the detector NAME.onnx. The same command goes on after the "
        "last whole epoch.",
    )
    verifier.add_argument("--data", type=Path, required=True, help="folder that `data` wrote")
    verifier.add_argument("--out", type=Path, required=True, help="run folder")
    verifier.add_argument("--validation", type=Path, required=True, help="npz of labelled photos")
    verifier.add_argument("--export", type=Path, required=True, metavar="NAME-verifier.onnx")
    verifier.add_argument(
        "--detector", type=Path, metavar="NAME.onnx", help="of fer-face's form (default: shipped)"
    )
    verifier.add_argument("--epochs", type=count, default=12, help="default: 12")
    verifier.add_argument("--seed", type=int, default=0)
    verifier.add_argument(
        "--false-faces", type=float, default=0.08,
        help="a photo of --validation at a confidence of 0.7 (default: 0.08)",
    )  # fmt: skip
    verifier.add_argument("--version", default=__version__, help="version of the weights")
    verifier.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from fer_ros.perception import model_store
    from fer_training.data.base import DatasetError
    from fer_training.detector import card, verifier_examples, verifier_export, verifier_training
    from fer_training.detector.crops import Crops
    from fer_training.detector.photos import Photos
    from fer_training.train.memory import keep_freed_memory
    from fer_training.train.precision import subnormal_is_zero

    detector = options.detector or model_store.shipped_detector()
    wanted = f"{detector.stem}{model_store.VERIFIER_SUFFIX}.onnx"
    if options.export.name != wanted:
        raise DatasetError(f"the verifier of {detector.name} is looked for as {wanted}; name it so")
    keep_freed_memory()
    file = options.out / "examples.npz"
    if not file.is_file():
        options.out.mkdir(parents=True, exist_ok=True)
        photos, crops = Photos(options.data), Crops.load(options.data / "crops.npz")
        examples = verifier_examples.collect(photos, crops, detector, options.seed)
        examples.save(file)
        print(f"{len(examples.label)} candidates, {int(examples.label.sum())} of them faces")
    plan = verifier_training.Plan(file, options.out, options.epochs, options.seed)
    with subnormal_is_zero():
        verifier_training.train(plan)
    report = verifier_export.export_run(
        options.out,
        options.export,
        verifier_export.Origin(detector, options.data, options.version),
        options.validation,
        options.false_faces,
    )
    print(json.dumps(asdict(report), indent=1))
    print(card.write_verifier(options.export))
