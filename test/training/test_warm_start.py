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

"""Trainings of expression networks that begin with the weights of an exported file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.model_store import shipped_models
from fer_training.architectures import networks
from fer_training.measure.predictors import OnnxPredictor
from fer_training.recipes import recipe
from fer_training.records import checkpoint
from fer_training.records.checkpoint import CheckpointError
from fer_training.train import warm_start
from fer_training.train.trainer import Trainer

CROPS = torch.from_numpy(synthetic_faces.dataset(rows=70).images).unsqueeze(1)


@pytest.mark.parametrize("name", ["fer-lite", "arch1"])
def test_a_network_made_of_a_file_computes_what_the_file_does(name: str) -> None:
    file = shipped_models()[name]
    predictor = OnnxPredictor(file)
    start = warm_start.from_file(file, CROPS)
    config = recipe.load(name)
    config.votes_weight = 0.0
    network = networks.build(config, 7)
    checkpoint.load_weights(network, start, config.architecture)
    images = CROPS[:20, 0].numpy()
    expected = predictor.network.run(predictor.preprocess(images))
    found = networks.predict(network, CROPS[:20], config)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    variances = torch.cat([norm.running_var for norm in norms])
    assert float(((variances - 1).abs() < 0.05).float().mean()) > 0.9


def test_a_run_begins_with_a_shipped_network_without_its_gates(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(epochs=1, epoch_rows=8)
    config.architecture, config.options, config.init = "fer-lite", {"gates": False}, "fer-lite"
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset())
    predictor = OnnxPredictor(shipped_models()["fer-lite"])
    images = trainer.test.images[:10]
    expected = predictor.network.run(predictor.preprocess(images[:, 0].numpy()))
    found = networks.predict(trainer.network, images, config)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_quantised_file_is_no_start() -> None:
    with pytest.raises(CheckpointError, match="holds other layers"):
        warm_start.from_file(shipped_models()["fer-lite-int8"], CROPS)
