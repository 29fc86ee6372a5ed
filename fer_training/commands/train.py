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

"""Subcommands of ``fer-train`` that train: train, search, finish."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from fer_ros.apps.command_line import count
from fer_training.commands.show import show


def add(commands: Any) -> None:
    """Add the subcommands to a parser's."""
    train = commands.add_parser("train", help="run a recipe and measure what it gives")
    train.add_argument("recipe", help="name in fer_training/recipes, or a YAML file")
    train.add_argument("--out", type=Path, help="run folder (default: runs/<name>)")
    train.add_argument(
        "--data", type=Path, help="path of the data set (default: in data/ or $FER_DATA)"
    )
    train.add_argument("--seed", type=int, help="instead of the recipe's")
    train.add_argument("--resume", action="store_true", help="go on from the folder's last epoch")
    train.add_argument("--all-folds", action="store_true", help="every fold of the split, pooled")
    train.add_argument(
        "--earlier", action="store_true", help="first make the runs that it goes on or learns from"
    )
    train.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="e.g. epochs=5 optimizer.lr=0.05"
    )
    train.set_defaults(run=_train)

    finish = commands.add_parser(
        "finish", help="end a run here: measure its best weights, so that they can be exported"
    )
    finish.add_argument("run_folder", type=Path, metavar="RUN")
    finish.add_argument("--data", type=Path, help="path of the data set, instead of the run's")
    finish.set_defaults(run=_finish)

    search = commands.add_parser(
        "search", help="train values of a recipe's open settings on folds of its training rows"
    )
    search.add_argument("recipe", help="name in fer_training/recipes, or a YAML file")
    search.add_argument(
        "places",
        nargs="*",
        metavar="KEY=V,V",
        help="e.g. options.dropout=0.1,0.2,0.3 (default: what the recipe lists as open)",
    )
    search.add_argument("--folds", type=count, default=3, help="of the training rows (default: 3)")
    search.add_argument("--rows", type=int, default=0, help="only so many of them (default: all)")
    search.add_argument("--out", type=Path, required=True, help="folder of the trials")
    search.add_argument(
        "--data", type=Path, help="path of the data set (default: in data/ or $FER_DATA)"
    )
    search.add_argument("--seed", type=int, help="instead of the recipe's")
    search.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="in every trial")
    search.set_defaults(run=_search)


def _train(options: argparse.Namespace) -> None:
    from fer_training.train import runs
    from fer_training.train.memory import keep_freed_memory

    keep_freed_memory()
    command = shlex.join(["fer-train", "train", options.recipe, *_spelled(options)])
    try:
        record = runs.train(
            options.recipe,
            _overrides(options),
            options.out,
            options.resume,
            options.all_folds,
            command,
            options.earlier,
        )
    except KeyboardInterrupt:
        folder = options.out or Path("runs") / runs.name_of(options.recipe, _overrides(options))
        again = "" if options.resume else " --resume"
        end = (
            f"\nend it here with its best weights: fer-train finish {folder}"
            if (folder / "last.pt").is_file()  # not before the first epoch, and not over all folds
            else ""
        )
        print(
            f"\nstopped; go on after the last whole epoch: the same command{again}{end}",
            file=sys.stderr,
        )
        raise
    if record:  # None in all processes of torchrun but the first
        show(record.results)


def _finish(options: argparse.Namespace) -> None:
    from fer_training.train import runs

    show(runs.finish_early(options.run_folder, str(options.data or "")).results)


def _search(options: argparse.Namespace) -> None:
    from fer_training.recipes import recipe
    from fer_training.train import search
    from fer_training.train.memory import keep_freed_memory

    keep_freed_memory()
    if options.folds < 2:
        raise ValueError(f"--folds must be 2 or more, not {options.folds}")
    if options.rows < 0:
        raise ValueError(f"--rows must be 0 or more, not {options.rows}")
    words = ["fer-train", "search", options.recipe, *options.places, *_spelled(options)]
    words += ["--rows", str(options.rows)] if options.rows else []
    words += ["--folds", str(options.folds), "--out", f"runs/{options.out.name}"]
    overrides = _overrides(options)
    places = dict(map(search.parse, options.places))
    if len(places) < len(options.places):
        raise ValueError("a key is given twice; give all of its values at once")
    places = places or search.open_places(recipe.load(options.recipe, overrides))
    record = search.search(
        options.recipe,
        places,
        overrides,
        options.out,
        shlex.join(words),
        options.folds,
        options.rows,
    )
    for step in record.steps:
        for value, accuracy in step.accuracies.items():
            mark = "  <- chosen" if value == step.chosen else ""
            print(f"{step.key}={value}  accuracy {100 * accuracy:.2f} %{mark}")


def _overrides(options: argparse.Namespace) -> list[str]:
    from fer_training.recipes import recipe

    overrides = list(options.set)
    if options.data:
        overrides.append(f"data.path={recipe.spelled(options.data)}")
    if options.seed is not None:
        overrides.append(f"seed={options.seed}")
    return overrides


def _spelled(options: argparse.Namespace) -> list[str]:
    """Return the options of `train` and `search` that decide the result, as they were given."""
    words = []
    if options.seed is not None:
        words += ["--seed", str(options.seed)]
    if getattr(options, "all_folds", False):
        words += ["--all-folds"]
    if options.set:
        words += ["--set", *options.set]
    return words
