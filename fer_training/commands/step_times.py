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

"""A program: times training steps of whichever revision of this package it finds.

``fer-train bench`` runs this file with another checkout in front of the module path, so it uses
only what earlier revisions have too. It prints one JSON object: images a step, and processor
seconds of each step.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

DETECTOR = "detector"
_SIDE, _FIELDS, _FACES = 320, 20, 4
_ROWS = 512


def main(name: str, steps: int, overrides: list[str]) -> None:
    """Print the times of a recipe's steps, or the detector's, after two that warm up."""
    torch.set_num_threads(1)
    _keep_freed_memory()
    step, images = _detector() if name == DETECTOR else _recipe(name, overrides)
    seconds = []
    for _ in range(steps + 2):
        began = time.process_time()
        step()
        seconds.append(time.process_time() - began)
    print(json.dumps({"images": images, "seconds": seconds[2:]}))


def _keep_freed_memory() -> None:
    try:
        from fer_training.train.memory import keep_freed_memory
    except ImportError:  # an earlier revision
        return
    keep_freed_memory()


def _recipe(name: str, overrides: list[str]) -> tuple[Callable[[], object], int]:
    """Return a step of the trainer on made-up crops, and its images."""
    import fer_training.train.runs  # noqa: F401 (settles the order of imports)
    from fer_ros.perception.emotions import FER2013
    from fer_training import architectures
    from fer_training.data.base import FaceDataset
    from fer_training.recipes import recipe
    from fer_training.train.trainer import Trainer

    config = recipe.load(name, ["init=''", "distill.teachers=[]", "threads=1", *overrides])
    config.data.split, config.data.leave_out, config.data.agreed = "official", [], False
    rng = np.random.default_rng(0)
    count = max(_ROWS, 2 * config.batch_size)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), rng.integers(0, 7, count)] = 10
    images = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    usage = np.where(np.arange(count) < 7, "PublicTest", "Training")
    data = FaceDataset(
        "fer2013", images, np.arange(count) % 7, FER2013, "made up", usage=usage, votes=votes
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, Path(folder), data)
    size = architectures.get(config.architecture).size
    rows = torch.arange(config.batch_size)
    trainer.stepper.train()
    return lambda: trainer._step(trainer.rows.batch(rows), size), config.batch_size


def _detector() -> tuple[Callable[[], object], int]:
    """Return a step of the detector's training on made-up fields, and its fields."""
    from fer_training.detector import training
    from fer_training.detector.network import FaceNet
    from fer_training.detector.targets import Batch

    torch.manual_seed(0)
    network = FaceNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if hasattr(training, "make_optimizer"):
        optimizer = training.make_optimizer(network, 0.02, 1e-4)
    else:  # an earlier revision, which had it inside its training
        optimizer = torch.optim.AdamW(training._groups(network, 0.02), lr=1e-4, betas=(0.9, 0.99))
    corner = torch.rand(_FIELDS, _FACES, 2) * (_SIDE - 100)
    side = 20 + torch.rand(_FIELDS, _FACES, 1) * 70
    batch = Batch(
        torch.randint(0, 256, (_FIELDS, 1, _SIDE, _SIDE), dtype=torch.uint8),
        torch.cat([corner + side / 2, side, side], dim=2),
        corner[:, :, None] + side[:, :, None] * torch.rand(_FIELDS, _FACES, 5, 2),
        torch.ones(_FIELDS, _FACES),
    )
    return lambda: training._step(network, optimizer, batch, 1e-4), _FIELDS


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
