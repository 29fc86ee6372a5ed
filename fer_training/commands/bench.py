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

"""Subcommand of ``fer-train`` that times training: bench."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fer_ros.apps.command_line import count
from fer_training.commands.show import table


def add(commands: Any) -> None:
    """Add the subcommand to a parser's."""
    bench = commands.add_parser(
        "bench", help="images a second of a training step, revisions or settings in turns"
    )
    bench.add_argument(
        "names", nargs="*", metavar="RECIPE", help="or detector (default: ARCH-1, fer-base, both)"
    )
    bench.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="folder of another revision; comes first"
    )
    bench.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="also with these settings"
    )
    bench.add_argument("--rounds", type=count, default=3, help="turns (default: 3)")
    bench.add_argument("--steps", type=count, default=5, help="of every turn (default: 5)")
    bench.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> None:
    from fer_training.commands import speed

    variants = [speed.Variant("this revision")]
    if options.against:
        if not (options.against / "fer_training").is_dir():
            raise ValueError(f"{options.against} holds no folder fer_training")
        variants.insert(0, speed.Variant(options.against.name, options.against.resolve()))
    if options.set:
        variants.append(speed.Variant(" ".join(options.set), overrides=tuple(options.set)))
    names = options.names or speed.DEFAULT
    found = speed.measure(names, variants, options.rounds, options.steps)
    table(
        ("step of", "variant", "images/s", "times the first"),
        *((s.name, s.variant, f"{s.images_s:.1f}", f"{s.ratio:.2f}") for s in found),
    )
