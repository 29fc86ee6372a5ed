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

"""The command line of the benchmark and the order of its parts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_ros.apps.bench.drawing import measure_drawing
from fer_ros.apps.bench.files import measure_files, print_files
from fer_ros.apps.bench.graph import measure_graph
from fer_ros.apps.bench.load import measure_load
from fer_ros.apps.bench.machine import machine_facts, warn_if_busy
from fer_ros.apps.bench.offline import measure_networks, measure_pipeline
from fer_ros.apps.bench.report import (
    print_drawing,
    print_graph,
    print_load,
    print_load_head,
    print_networks,
    print_pipeline,
)
from fer_ros.apps.bench.rules import measure_rules, print_rules
from fer_ros.apps.hints import check_parameters
from fer_ros.node.parameters import Settings
from fer_ros.runtime.assembly import assemble
from fer_ros.transport.arguments import RosArgs

SIZES = {"VGA": (640, 480), "720p": (1280, 720)}
FACES = (0, 1, 4, 16)


def add_parser(subparsers: Any) -> None:
    """Add the ``bench`` command."""
    parser = subparsers.add_parser(
        "bench",
        description="Measures, in one run: each network alone; the whole pipeline for 0, 1, 4 and "
        "16 faces at VGA and 720p; drawing the annotated image; 1,000 rules of behaviours; and "
        "camera to EmotionArray over loopback DDS. Milliseconds on the steady clock. Close other "
        "programs first: the medians are robust, the p99 are not.",
        epilog="examples:\n"
        "  fer-ros bench --json bench.json --ros-args -p detection_size:=320\n"
        "  fer-ros bench --cameras 1,2,4,6 --faces 0,1,4 --seconds 20",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument(
        "--runs", type=int, default=300, help="runs per pipeline measurement (default: 300)"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0,
        help="length of the DDS measurement; 0 leaves it out (default: 60)",
    )  # fmt: skip
    parser.add_argument(
        "--rate", type=float, default=30.0, help="images per second over DDS (default: 30)"
    )
    parser.add_argument("--only", choices=["rules", "files"], help="measure this part alone; "
                        "files, which no other part measures, need PyAV")  # fmt: skip
    parser.add_argument(
        "--pictures", type=int, default=2000, metavar="N",
        help="with --only files: pictures in the folder (default: 2000)",
    )  # fmt: skip
    parser.add_argument(
        "--cameras", type=_counts, default=(), metavar="N,…",
        help="measure load alone: this many cameras on one node that has one core; several numbers "
        "make a table",
    )  # fmt: skip
    parser.add_argument(
        "--faces", type=_counts, default=(1,), metavar="N,…",
        help="faces in every image of --cameras (default: 1)",
    )  # fmt: skip
    parser.set_defaults(func=_bench)


def _counts(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} holds other than numbers") from None
    if not all(0 <= number <= 64 for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: each must lie in 0..64")
    return numbers


def _load(args: argparse.Namespace, overrides: Mapping[str, Any]) -> int:
    """Measure and print the load table."""
    if not (args.seconds > 0 and all(args.cameras)):
        raise ValueError("--cameras needs at least one, with --seconds above 0")
    machine = machine_facts()
    print(f"{machine['cpu']}, {machine['cores']} cores; the node has one of them")
    warn_if_busy()
    print_load_head()
    rows = []
    for faces in args.faces:
        for cameras in args.cameras:
            rows.append(measure_load(cameras, faces, args.seconds, args.rate, overrides))
            print_load(rows[-1])
    figures = {"machine": machine, "parameters": overrides, "load": [asdict(r) for r in rows]}
    return _save(figures, args.json)


def _check(args: argparse.Namespace) -> None:
    """Raise ValueError where minutes of measuring would end in an error."""
    if args.runs < 20:
        raise ValueError("--runs must be at least 20 for percentiles to mean anything")
    if not (0 < args.rate <= 1000 and args.seconds >= 0):
        raise ValueError("--rate must lie above 0, up to 1000, and --seconds not below 0")
    if args.pictures < 1:
        raise ValueError("--pictures must be at least 1")
    if args.json and (args.json.is_dir() or not args.json.parent.is_dir()):
        raise ValueError(f"--json {args.json}: name a file in a folder that is there")


def _save(figures: Mapping[str, Any], path: Path | None) -> int:
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(f"\nall figures: {path}")
    return 0


def _bench(args: argparse.Namespace, ros_args: RosArgs) -> int:
    _check(args)
    if args.only == "rules":
        rules = measure_rules()
        print_rules(rules)
        return _save({"machine": machine_facts(), "rules": rules}, args.json)
    if args.only == "files":
        warn_if_busy()
        files = measure_files(args.pictures)
        print_files(files)
        return _save({"machine": machine_facts(), "files": files}, args.json)
    check_parameters(ros_args, "/fer")
    overrides = ros_args.parameters("/fer")
    if args.cameras:
        return _load(args, overrides)
    settings = Settings.from_overrides(overrides)
    assembly = assemble(settings)
    results: dict[str, Any] = {
        "machine": machine_facts(),
        "parameters": overrides,
        "model": assembly.classifier.model_id,
        "detector": assembly.detector.name,
    }
    print(f"{results['machine']['cpu']}, {results['machine']['cores']} cores")
    warn_if_busy()
    results["networks"] = measure_networks(assembly, SIZES, FACES, args.runs)
    print_networks(results["networks"])
    results["pipeline"] = measure_pipeline(assembly, SIZES, FACES, args.runs)
    print_pipeline(results["pipeline"])
    results["drawing"] = measure_drawing(SIZES, FACES, args.runs)
    print_drawing(results["drawing"])
    results["rules"] = measure_rules()
    print_rules(results["rules"])
    if args.seconds > 0:
        results["dds"] = measure_graph(args.seconds, args.rate, overrides)
        print_graph(results["dds"])
    return _save(results, args.json)
