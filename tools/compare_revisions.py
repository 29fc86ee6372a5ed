#!/usr/bin/env python3
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

"""Compare the processor time an image of two checkouts of this repository, in turns.

    python tools/compare_revisions.py ../base . --rounds 9

Both run the same pictures, of faces that walk and nod (fer_ros/apps/bench/moving.py), through the
way of an image from its message to tracked expressions, each in a process of its own. They work
in turns, so that a busy moment meets both; figures are processor time of the process, medians over
the rounds. `--new-set detection_budget=1` changes a parameter of the second checkout, `--old-set`
of the first.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

MOVING = Path(__file__).resolve().parent.parent / "fer_ros" / "apps" / "bench" / "moving.py"
CASES = {
    "VGA, 1 face": (640, 480, 1, 130.0),
    "VGA, 4 faces": (640, 480, 4, 110.0),
    "VGA, 16 faces": (640, 480, 16, 80.0),
    "720p, 1 small face": (1280, 720, 1, 50.0),
    "1080p, 1 small face": (1920, 1080, 1, 50.0),
}


def work(overrides: dict[str, object]) -> None:
    """Run images as asked on standard input: `case count`; reply with processor times as JSON."""
    from fer_ros.perception.images import MAX_PIXELS
    from fer_ros.transport.codec import encode
    from fer_ros.transport.messages import image as message

    try:
        from fer_ros.runtime.assembly import assemble
        from fer_ros.runtime.engine import FrameEngine
    except ImportError:  # revisions before the folder runtime/
        from fer_ros.node.assembly import assemble
        from fer_ros.node.engine import FrameEngine
    from fer_ros.node.parameters import Settings

    # Earlier revisions name one method otherwise and ask whether the image is compressed.
    process = "process" if hasattr(FrameEngine, "process") else "answer"
    typed = "type_name" in inspect.signature(FrameEngine.read).parameters
    kind = "sensor_msgs/msg/Image" if typed else False
    spec = importlib.util.spec_from_file_location("moving", MOVING)
    moving = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(moving)
    assembly = assemble(Settings.from_overrides({"detector": "fer-face", **overrides}))
    engines, shown, stamps = {}, {}, itertools.count(1)
    for line in sys.stdin:
        case, count = json.loads(line)
        if case == "networks":
            detect = assembly.detector.bare_run(640, 480)
            (network,) = assembly.classifier.networks
            crop = network.preprocess([moving.walking_scene(48, 48, 1, 40).render(0)[0][:, :, 0]])
            start = time.process_time()
            for _ in range(count):
                detect()
                network.run(crop)
            print(json.dumps([(time.process_time() - start) / count, 0]), flush=True)
            continue
        if case not in shown:
            shown[case] = moving.pictures(moving.walking_scene(*CASES[case]))
        engine = engines.setdefault(case, FrameEngine(assembly.pipeline.process, MAX_PIXELS))
        spent, faces = 0.0, 0
        for _ in range(count):
            stamp_ns = round(next(stamps) / moving.RATE * 1e9)
            data = encode(message(next(shown[case]), stamp_ns, "camera"))
            start = time.process_time()
            received = engine.read(f"/{case}", data, kind, stamp_ns)
            (result,) = getattr(engine, process)([received])
            spent += time.process_time() - start
            faces += len(result.faces)
        print(json.dumps([spent / count, faces / count]), flush=True)


def worker(checkout: Path, overrides: list[str]) -> subprocess.Popen[str]:
    """Start a process that imports fer_ros from a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--work", json.dumps(parsed(overrides))]
    return subprocess.Popen(
        command, env=environment, cwd="/", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def parsed(overrides: list[str]) -> dict[str, object]:
    """Return `name=value` texts as parameters."""
    return {name: json.loads(value) for name, _, value in (o.partition("=") for o in overrides)}


def ask(process: subprocess.Popen[str], case: str, count: int) -> list[float]:
    """Have a process run images; return processor time an image [s] and faces an image."""
    process.stdin.write(json.dumps([case, count]) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", nargs="?", type=Path, help="checkout that is 1")
    parser.add_argument("new", nargs="?", type=Path, help="checkout that is compared")
    parser.add_argument("--old-set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--new-set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=60, help="of a case and round")
    parser.add_argument("--case", action="append", choices=[*CASES, "networks"])
    parser.add_argument("--work", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work is not None:
        work(json.loads(args.work))
        return 0
    both = worker(args.old, args.old_set), worker(args.new, args.new_set)
    print("| case | old, ms an image | new | ratio (quartiles) | faces an image, old and new |")
    print("|---|---|---|---|---|")
    for case in args.case or [*CASES, "networks"]:
        turns = [[ask(process, case, args.images) for process in both] for _ in range(args.rounds)]
        turns = turns[1:]  # the first warms up
        old, new = (statistics.median(turn[side][0] for turn in turns) * 1e3 for side in (0, 1))
        ratios = [turn[1][0] / turn[0][0] for turn in turns]
        low, _, high = statistics.quantiles(ratios, n=4)
        faces = (statistics.mean(turn[side][1] for turn in turns) for side in (0, 1))
        print(
            f"| {case} | {old:.2f} | {new:.2f} | {statistics.median(ratios):.2f} ({low:.2f} to "
            f"{high:.2f}) | {', '.join(f'{count:.1f}' for count in faces)} |",
            flush=True,
        )
    for process in both:
        process.stdin.close()
        process.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
