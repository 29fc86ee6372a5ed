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

"""The mean of the weights of several runs, or of several moments of one.

Stochastic weight averaging (Izmailov et al., UAI 2018): weights that one training passed through
under falling rates lie in one basin, whose middle makes fewer mistakes than its rim. Statistics of
batch normalisation do not average and are taken anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from fer_training.detector import finish, hard
from fer_training.detector.network import FaceNet
from fer_training.detector.training import CHECKPOINT, Plan, batch_of, composer_of

_FIRST = 900_000
"""Step of the first batch for the statistics, beyond those of any training."""


def average(runs: Sequence[Path], cache: Path, out: Path, batches: int = 150) -> int:
    """Write a run folder with the mean of the averaged weights of runs.

    Args:
        runs: Run folders; their weights must have come from one another.
        cache: Folder that ``data`` wrote.
        out: New run folder, for ``export``.
        batches: Training batches for the statistics of batch normalisation.

    Returns:
        The step of the longest run.

    Raises:
        DatasetError: A folder holds no checkpoint, or the data is not there.
    """
    loaded = [finish.load(run) for run in runs]
    steps = [step for _, step in loaded]
    longest = runs[steps.index(max(steps))]
    mean = _mean([network for network, _ in loaded])
    plan = Plan(cache, longest)
    composer = composer_of(plan)
    numbers = range(_FIRST, _FIRST + batches)
    _renew_statistics(mean, (batch_of(plan, composer, number).images for number in numbers))
    out.mkdir(parents=True, exist_ok=True)
    torch.save({"averaged": mean.state_dict(), "step": max(steps)}, out / CHECKPOINT)
    if (longest / hard.FILE).is_file():
        shutil.copyfile(longest / hard.FILE, out / hard.FILE)
    about = finish.plan_of(longest) | {"averaged_steps": steps}
    (out / "plan.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return max(steps)


def _mean(networks: Sequence[FaceNet]) -> FaceNet:
    mean = FaceNet()
    states = [network.state_dict() for network in networks]
    mean.load_state_dict({key: _mean_of([state[key] for state in states]) for key in states[0]})
    return mean


def _mean_of(values: Sequence[Tensor]) -> Tensor:
    if not values[0].is_floating_point():  # counts of batches
        return values[0]
    return torch.stack(list(values)).mean(dim=0)


def _renew_statistics(network: FaceNet, batches: Iterable[Tensor]) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over all batches
    network.train()
    with torch.no_grad():
        for images in batches:
            network(images)
    network.eval()
