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

"""Subcommands of ``fer-train`` that measure away from FER2013's own crops: shift, groups."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fer_ros.apps.command_line import count


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    shift = commands.add_parser(
        "shift", help="accuracy and uncertainty where crops differ from the training data's"
    )
    shift.add_argument(
        "--model", type=Path, required=True, nargs="+", help="files or shipped networks"
    )
    shift.add_argument("--joined", action="store_true", help="one more column: their mean")
    shift.add_argument("--mirror", action="store_true", help="one more column each: with mirror")
    shift.add_argument(
        "--balance", type=_share, nargs="+", default=[], help="one more column each: class_balance"
    )
    shift.add_argument("--exposure", action="store_true", help="one more column each: node's light")
    shift.add_argument("--threshold", type=float, help="for all (default: each network's own)")
    shift.add_argument("--data", type=Path, required=True, help="FER2013 with PublicTest rows")
    shift.add_argument("--ckplus", type=Path, help="also CK+, without contempt; for measuring only")
    shift.add_argument("--jaffe", type=Path, help="also JAFFE; for measuring only")
    shift.add_argument("--wild", type=Path, help="npz with images, crops without labels")
    shift.add_argument("--rows", type=count, help="of PublicTest, drawn at random (default: all)")
    shift.add_argument("--seed", type=int, default=0)
    shift.add_argument("--json", type=Path, required=True)
    shift.set_defaults(run=_shift)

    groups = commands.add_parser(
        "groups", help="detection, uncertainty and labels by age, sex and origin; smiles"
    )
    groups.add_argument("--utkface", type=Path, required=True, metavar="FOLDER")
    groups.add_argument("--smiles", type=Path, metavar="FOLDER", help="SMILEs of SMILEsmileD")
    groups.add_argument("--model", nargs="+", default=[], help="networks (default: the node's)")
    groups.add_argument("--detector", default="fer-face", help="as the node's parameter")
    groups.add_argument("--faces", type=count, default=3000, help="drawn, alike of all groups")
    groups.add_argument("--smile-faces", type=count, default=2000, help="of each of the two")
    groups.add_argument("--seed", type=int, default=0)
    groups.add_argument("--json", type=Path, required=True)
    groups.set_defaults(run=_groups)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} does not lie in 0..1")
    return value


def _shift(options: argparse.Namespace) -> None:
    import numpy as np

    from fer_training.data import load_dataset, splits
    from fer_training.measure import fusion, predictors, shift
    from fer_training.recipes.recipe import Data
    from fer_training.records import files

    data = load_dataset("fer2013", options.data)
    rows = splits.measured(data, "PublicTest")
    if options.rows is not None:
        drawn = np.random.default_rng(options.seed).permutation(len(rows))[: options.rows]
        rows = rows[np.sort(drawn)]
    data = data.select(rows)
    others = []
    if options.ckplus:
        others.append(load_dataset("ckplus", options.ckplus, Data(leave_out=["contempt"])))
    if options.jaffe:
        others.append(load_dataset("jaffe", options.jaffe))
    wild = None
    if options.wild:
        with np.load(options.wild) as arrays:
            wild = arrays["images"]
    members = [predictors.load(path) for path in options.model]
    limits = [predictors.threshold_of(member) for member in members]
    candidates: list[tuple[predictors.Predictor, float]] = list(zip(members, limits, strict=True))
    if options.joined:
        candidates.append((fusion.FusedPredictor(members, "sum"), sum(limits) / len(limits)))
    plain = list(candidates)
    candidates += [
        (fusion.balanced(one, balance), limit)
        for balance in options.balance
        for one, limit in plain
    ]
    if options.mirror:
        candidates += [(predictors.Mirrored(one), limit) for one, limit in plain]
    if options.exposure:
        candidates += [(predictors.Exposed(one), limit) for one, limit in plain]
    command = "fer-train shift --model " + " ".join(path.name for path in options.model)
    command += f" --rows {len(rows)} --seed {options.seed}"
    command += " --joined" * options.joined + " --mirror" * options.mirror
    command += " --exposure" * options.exposure
    if options.balance:
        command += f" --balance {' '.join(f'{balance:g}' for balance in options.balance)}"
    records = []
    for predictor, limit in candidates:
        limit = limit if options.threshold is None else options.threshold
        record = shift.measure(predictor, data, limit, others, wild, options.seed)
        record.command = command
        records.append(record)
    files.write({"records": records}, options.json)
    print(shift.markdown(records))


def _groups(options: argparse.Namespace) -> None:
    import numpy as np

    from fer_ros.perception.classification import EmotionClassifier
    from fer_ros.perception.detection import DetectorSettings, create_detector
    from fer_ros.runtime.assembly import locate_model
    from fer_ros.runtime.settings import PerceptionSettings
    from fer_training.data import groups as faces
    from fer_training.measure import groups
    from fer_training.records import files

    defaults = PerceptionSettings()
    names = options.model or list(defaults.models)
    classifier = EmotionClassifier.from_files([locate_model(name) for name in names])
    settings = DetectorSettings(detection_size=groups.WIDTH, max_faces=4)
    finder = create_detector(options.detector, settings).detector
    drawn = groups.sample(faces.chips(options.utkface), options.faces, options.seed)
    record = groups.GroupsRecord(
        network=classifier.model_id,
        detector=finder.name,
        threshold=classifier.uncertain_threshold,
        chips=len(drawn),
        seed=options.seed,
        groups=groups.table(list(groups.look(drawn, finder, classifier)), classifier.labels),
        command=f"fer-train groups --utkface UTKFace --model {' '.join(names)} --detector "
        f"{options.detector} --faces {options.faces} --seed {options.seed}",
    )
    if options.smiles:
        rng = np.random.default_rng(options.seed)
        both = [
            [own[i] for i in rng.permutation(len(own))[: options.smile_faces]]
            for own in faces.smiles(options.smiles)
        ]
        record.smiles = groups.smiles(classifier, *both)
    files.write(record, options.json)
    print(groups.markdown(record))
