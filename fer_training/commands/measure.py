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

"""Subcommands of ``fer-train`` that measure finished networks: robustness, latency, seeds."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from fer_ros.apps.command_line import count


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    robustness = commands.add_parser(
        "robustness", help="accuracy under jitter, blur, noise, poor light, occlusion"
    )
    robustness.add_argument("--model", type=Path, required=True, nargs="+")
    robustness.add_argument("--data", type=Path, required=True)
    robustness.add_argument("--dataset", default="fer2013", help="layout of --data")
    robustness.add_argument(
        "--usage", default="PublicTest", help="rows taken, where there is a split"
    )
    robustness.add_argument("--seed", type=int, default=0)
    robustness.add_argument(
        "--detector", type=Path, metavar="YUNET", help="also find faces in scenes with this file"
    )
    robustness.add_argument("--scene-faces", type=count, default=600)
    robustness.add_argument(
        "--scene-sizes", type=int, nargs=5, metavar="SIDE", help="of the pasted faces [pixels]"
    )
    robustness.add_argument("--json", type=Path, required=True)
    robustness.set_defaults(run=_robustness)

    latency = commands.add_parser("latency", help="time ONNX files side by side, one thread")
    latency.add_argument("--model", type=Path, required=True, nargs="+", metavar="FILE.onnx")
    latency.add_argument(
        "--untrained", nargs="+", default=[], metavar="ARCHITECTURE", help="with random weights"
    )
    latency.add_argument(
        "--against", metavar="NAME", help="file whose time the others are divided by; the first"
    )
    latency.add_argument("--rounds", type=int, default=300)
    latency.add_argument("--json", type=Path, required=True)
    latency.set_defaults(run=_latency)

    seeds = commands.add_parser("seeds", help="mean and deviation over runs of one recipe")
    seeds.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    seeds.add_argument("--json", type=Path, required=True)
    seeds.set_defaults(run=_seeds)

    cross = commands.add_parser(
        "cross", help="the shipped networks on CK+ and JAFFE, which they did not learn from"
    )
    cross.add_argument("--ckplus", type=Path, metavar="PATH", help="default: in data/ or $FER_DATA")
    cross.add_argument("--jaffe", type=Path, metavar="PATH", help="default: in data/ or $FER_DATA")
    cross.add_argument(
        "--fer2013", type=Path, metavar="PATH", help="also the int8 files on its PublicTest"
    )
    cross.add_argument("--out", type=Path, required=True, metavar="RUNS", help="folder of runs")
    cross.set_defaults(run=_cross)

    baseline = commands.add_parser(
        "baseline", help="what a person's baseline does to a network on CK+ and JAFFE"
    )
    baseline.add_argument("--model", default="fer-base-int8", metavar="NAME_OR_FILE.onnx")
    baseline.add_argument("--ckplus", type=Path, metavar="PATH", help="default as for cross")
    baseline.add_argument("--jaffe", type=Path, metavar="PATH", help="default as for cross")
    baseline.add_argument(
        "--balance", type=float, default=0.5, metavar="0..1", help="the node's class_balance "
        "(default: 0.5)"
    )  # fmt: skip
    baseline.add_argument("--data", type=Path, metavar="PATH", help="FER2013, for people drawn of "
        "PublicTest rows, who have no face of their own")  # fmt: skip
    baseline.add_argument("--seed", type=int, default=0, help="of the orders of pictures")
    baseline.set_defaults(run=_baseline)


def _robustness(options: argparse.Namespace) -> None:
    from fer_ros.perception.model_store import digest_of
    from fer_training.data import load_dataset, splits
    from fer_training.data.scenes import SIZES
    from fer_training.measure import detected, predictors, robustness
    from fer_training.records import files, provenance

    data = load_dataset(options.dataset, options.data)
    usage = None if data.usage is None else options.usage
    data = data.select(splits.measured(data, usage))
    options.model = [predictors.resolve(path) for path in options.model]
    names = [path.stem if path.suffix == ".onnx" else path.name for path in options.model]
    networks = [predictors.load(path) for path in options.model]
    results = robustness.measure(list(zip(names, networks, strict=True)), data, options.seed)
    for model, path in zip(results.models, options.model, strict=True):
        model.sha256 = digest_of(path / "best.pt" if path.is_dir() else path)
    if options.detector is not None:
        detector = detected.detector(options.detector)
        sizes = options.scene_sizes or SIZES
        scenes = detected.measure(
            networks, data, detector, options.scene_faces, options.seed, sizes
        )
        for model, own in zip(results.models, scenes, strict=True):
            model.scenes = own
    results.command = _command("robustness", options)
    results.revision, results.versions = provenance.revision(), provenance.versions()
    files.write(results, options.json)
    print(f"{robustness.NOTES}\n\n{robustness.markdown(results)}")


def _latency(options: argparse.Namespace) -> None:
    from fer_training.measure.predictors import resolve
    from fer_training.records import files, provenance
    from fer_training.ship import latency

    options.model = [resolve(path) for path in options.model]
    with tempfile.TemporaryDirectory() as folder:
        untrained = latency.write_untrained(options.untrained, Path(folder))
        paths = latency.led_by(options.against, [*options.model, *untrained])
        results = latency.measure(paths, options.rounds)
    results.untrained = [path.name for path in untrained]
    results.command, results.versions = _command("latency", options), provenance.versions()
    files.write(results, options.json)
    print(f"{latency.NOTES}\n\n{latency.markdown(results, results.files[0].file)}")


def _seeds(options: argparse.Namespace) -> None:
    from fer_training.measure import seeds
    from fer_training.records import files

    runs = " ".join(run.name for run in options.runs)
    results = seeds.summarize(options.runs)
    results.command = f"fer-train seeds {runs}"
    files.write(results, options.json)
    print(seeds.markdown(results))


def _cross(options: argparse.Namespace) -> None:
    from fer_training.papers import cross

    places = {name: str(getattr(options, name) or "") for name in (*cross.SETS, "fer2013")}
    for folder in cross.measure(options.out, places):
        print(folder)


def _command(name: str, options: argparse.Namespace) -> str:
    """Return the command without the machine's paths."""
    words = [f"fer-train {name} --model", *[path.name for path in options.model]]
    if name == "latency":
        words += ["--untrained", *options.untrained] if options.untrained else []
        words += ["--against", options.against] if options.against else []
        return " ".join([*words, "--rounds", str(options.rounds)])
    words += ["--dataset", options.dataset, "--data", options.data.name]
    words += ["--usage", options.usage, "--seed", str(options.seed)]
    if options.detector:
        words += ["--detector", options.detector.name, "--scene-faces", str(options.scene_faces)]
        sizes = options.scene_sizes or []
        words += ["--scene-sizes", *map(str, sizes)] if sizes else []
    return " ".join(words)


def _baseline(options: argparse.Namespace) -> None:
    from fer_ros.runtime.assembly import locate_model
    from fer_training.data import load_dataset, splits
    from fer_training.measure import person_baseline, predictors
    from fer_training.papers.cross import SETS
    from fer_training.recipes.recipe import Data

    network = predictors.OnnxPredictor(locate_model(options.model))
    rows = []
    for name, unknown in SETS.items():
        data = load_dataset(name, str(getattr(options, name) or ""), Data(leave_out=unknown))
        rows += person_baseline.table(network, data, options.balance, options.seed)
    fer2013 = load_dataset("fer2013", str(options.data or ""))
    rest = fer2013.select(splits.measured(fer2013, "PublicTest"))
    for shares in (0.0, 0.3):
        people = person_baseline.drawn_people(rest, shares, options.seed)
        rows += person_baseline.table(network, people, options.balance, options.seed)
    print(person_baseline.markdown(rows))
