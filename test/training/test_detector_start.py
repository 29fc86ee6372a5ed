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

"""Trainings that begin with the weights of an exported file, and recipes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_photos import write_cache

from fer_ros.perception import model_store
from fer_training.data.base import DatasetError
from fer_training.detector import export, recipe, validation
from fer_training.detector.compose import Mixture
from fer_training.detector.doubt import doubting
from fer_training.detector.hard import FILE
from fer_training.detector.network import FaceNet
from fer_training.detector.training import Plan, batch_of, composer_of, train
from fer_training.detector.warm_start import from_file

SHIPPED = model_store.shipped_detector()
SIDES = ((64, 2, 1.0),)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def images(cache: Path) -> torch.Tensor:
    plan = Plan(cache, cache / "none", sides=((128, 8, 1.0),))
    return batch_of(plan, composer_of(plan), 0).images


@pytest.fixture(scope="module")
def begun(images: torch.Tensor) -> FaceNet:
    return from_file(SHIPPED, [images])


def test_a_network_made_of_a_file_computes_what_the_file_does(begun: FaceNet) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (96, 128), np.uint8)
    again = Path(SHIPPED)
    # The threshold that was chosen is in the file's scores and stays in the network's.
    assert export.parity(doubting(begun), again, [picture]) < 1e-3


def test_validation_and_mining_see_what_the_network_puts_out(begun: FaceNet) -> None:
    image = np.random.default_rng(3).integers(0, 256, (90, 130)).astype(np.uint8)
    padded = torch.zeros(1, 1, 96, 160)
    padded[0, 0, :90, :130] = torch.from_numpy(image)
    with torch.no_grad():
        expected = begun.eval()(padded)
    for own, other in zip(validation.Finder(begun).outputs(image), expected, strict=True):
        torch.testing.assert_close(own, other, atol=1e-3, rtol=1e-3)


def test_batch_normalisation_has_the_statistics_of_the_batches(
    begun: FaceNet, images: torch.Tensor
) -> None:
    begun.eval()
    with torch.no_grad():
        served = begun(images.float())
        begun.train()
        trained = begun(images.float())
        begun.eval()
    for one, other in zip(served, trained, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.05)
    filters = [layer.running_var for layer in begun.modules() if hasattr(layer, "running_var")]
    alive = torch.cat([v.flatten() for v in filters if v is not None])
    assert float((abs(alive - 1) < 0.05).float().mean()) > 0.9


def test_training_begins_with_a_files_weights(cache: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (96, 128), np.uint8)
    common = {"steps": 1, "cool_from": 9, "rate": 1e-9, "sides": SIDES, "workers": 0}
    warm = train(Plan(cache, tmp_path / "warm", start=SHIPPED, **common)).eval()
    cold = train(Plan(cache, tmp_path / "cold", **common)).eval()
    apart = [export.parity(doubting(network), SHIPPED, [picture]) for network in (warm, cold)]
    assert apart[0] < 0.1 * apart[1]
    with pytest.raises(DatasetError, match="no file to start from"):
        train(Plan(cache, tmp_path / "none", start=tmp_path / "none.onnx", **common))


def test_one_process_trains_as_two_do_and_mines_on_the_way(cache: Path, tmp_path: Path) -> None:
    common = {"steps": 3, "cool_from": 9, "sides": SIDES, "mine_at": (2,)}
    alone = train(Plan(cache, tmp_path / "alone", workers=0, **common))
    helped = train(Plan(cache, tmp_path / "helped", workers=1, **common))
    assert (tmp_path / "alone" / FILE).is_file()
    for one, other in zip(alone.parameters(), helped.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    resumed = tmp_path / "resumed"
    train(Plan(cache, resumed, workers=0, **(common | {"steps": 2, "mine_at": ()})))
    again = train(Plan(cache, resumed, workers=0, **common))
    for one, other in zip(alone.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_makes_a_plan(name: str, tmp_path: Path) -> None:
    chosen = recipe.load(name)
    assert chosen.mixture != Mixture()
    if chosen.start_sha256 == model_store.digest_of(SHIPPED):
        assert chosen.plan(tmp_path, tmp_path / "run").start == SHIPPED
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another file")
    with pytest.raises(DatasetError, match="that the recipe begins with"):
        chosen.plan(tmp_path, tmp_path / "run", start=other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: many", "steps"),
        ("mixture: {sharp: 1}", "unknown key mixture.sharp"),
        ("rate: 0", "rate must be above 0, not 0"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=said):
        recipe.load(str(file)).plan(tmp_path, tmp_path / "run")


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(DatasetError, match="there are fer-face-2"):
        recipe.load("fer-face-9")
