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

"""Training speed: images a second of revisions and settings, timed in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import fer_training
from fer_training.commands import step_times

DEFAULT = ("chowanda-arch1+weak-l2", "fer-base", step_times.DETECTOR)


@dataclass(frozen=True)
class Variant:
    """What is timed."""

    title: str
    checkout: Path = Path(fer_training.__file__).parent.parent
    """Folder that holds the package ``fer_training``."""
    overrides: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Speed:
    """One network's steps under one variant; processor time, so other work disturbs it little."""

    name: str
    variant: str
    images_s: float
    """Median over all steps."""
    ratio: float
    """Median over the rounds of the speed by the first variant's in the same round."""


def measure(
    names: Sequence[str], variants: Sequence[Variant], rounds: int, steps: int
) -> list[Speed]:
    """Time every network under every variant, the variants in turns, a process each.

    Args:
        names: Recipes, or ``detector``.
        variants: The first one is what the others are divided by.
        rounds: Turns.
        steps: Of every process, after two that are not counted.

    Raises:
        ValueError: A process failed.
    """
    found = []
    for name in names:
        times = [[_run(name, own, steps) for own in variants] for _ in range(rounds)]
        for index, own in enumerate(variants):
            ratios = [turn[index][0] / turn[0][0] for turn in times]
            speeds = [speed for turn in times for speed in turn[index][1]]
            found.append(Speed(name, own.title, median(speeds), median(ratios)))
    return found


def _run(name: str, variant: Variant, steps: int) -> tuple[float, list[float]]:
    """Return the median of a process's images a second, and those of every step."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    paths = f"{variant.checkout}{os.pathsep}{inherited.get('PYTHONPATH', '')}".strip(os.pathsep)
    environment = {**inherited, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variant.environment}
    overrides = variant.overrides if name != step_times.DETECTOR else ()
    done = subprocess.run(
        [sys.executable, "-P", step_times.__file__, name, str(steps), *overrides],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"{name}, {variant.title}: {last}")
    result = json.loads(done.stdout.splitlines()[-1])
    speeds = [result["images"] / seconds for seconds in result["seconds"]]
    return median(speeds), speeds
