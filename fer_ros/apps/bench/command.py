"""The command line of the benchmark and the order of its parts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from fer_ros.apps.bench.drawing import measure_drawing
from fer_ros.apps.bench.graph import measure_graph
from fer_ros.apps.bench.machine import machine_facts, warn_if_busy
from fer_ros.apps.bench.offline import measure_networks, measure_pipeline
from fer_ros.apps.bench.report import print_drawing, print_graph, print_networks, print_pipeline
from fer_ros.apps.bench.rules import measure_rules, print_rules
from fer_ros.node.assembly import assemble
from fer_ros.node.parameters import Settings
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
        epilog="example: fer-ros bench --json bench.json --ros-args -p detection_size:=320",
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
    parser.add_argument("--only", choices=["rules"], help="measure this part alone")
    parser.set_defaults(func=_bench)


def _bench(args: argparse.Namespace, ros_args: RosArgs) -> int:
    if args.runs < 20:
        raise ValueError("--runs must be at least 20 for percentiles to mean anything")
    if args.only == "rules":
        print_rules(measure_rules())
        return 0
    overrides = ros_args.parameters("/fer")
    settings = Settings.from_overrides(overrides)
    assembly = assemble(settings)
    results: dict[str, Any] = {
        "machine": machine_facts(),
        "parameters": overrides,
        "model": assembly.classifier.model_id,
        "detector": assembly.detector.name,
    }
    print(f"{results['machine']['cpu']}, {results['machine']['cores']} cores")
    if assembly.choice.warning:
        print(f"note: {assembly.choice.warning}")
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
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(f"\nall figures: {args.json}")
    return 0
