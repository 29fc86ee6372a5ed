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

"""What holds for every network in ``fer_ros/models``, whichever they are."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.node.parameters import PARAMETERS
from fer_ros.perception import model_store
from fer_ros.perception.classification import EmotionNetwork

SHIPPED = model_store.shipped_models()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_face_gets_the_same_result_alone_and_among_sixteen(name: str) -> None:
    network = EmotionNetwork(SHIPPED[name])
    spec = network.metadata.input
    crops = list(
        np.random.default_rng(0).integers(0, 256, (16, spec.height, spec.width), dtype=np.uint8)
    )
    together = network.classify(crops)
    alone = np.concatenate([network.classify([crop]) for crop in crops])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    assert together.max(axis=0).std() > 0.01, "the answers depend on the crops"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_file_says_what_it_is(name: str) -> None:
    about = EmotionNetwork(SHIPPED[name]).metadata
    assert about.model_id == name
    assert about.dataset["sha256"]
    assert about.recipe["command"].startswith("fer-train ")
    assert about.metrics["single_crop"]["accuracy"] > 0.6
    assert about.uncertain_threshold is not None


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_beside_it_names_this_very_file(name: str) -> None:
    path = SHIPPED[name]
    assert model_store.digest_of(path) in path.with_suffix(".md").read_text(encoding="utf-8")


def test_together_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.values()) <= 8_000_000


def test_the_default_is_shipped() -> None:
    (parameter,) = [p for p in PARAMETERS if p.name == "models"]
    assert set(parameter.default) <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_predicts_the_known_faces_as_its_file_says(name: str) -> None:
    network = EmotionNetwork(SHIPPED[name])
    stored = network.metadata.known_answer
    assert set(stored) == set(network.metadata.labels)
    np.testing.assert_allclose(
        network.known_answer().T, [stored[label] for label in network.metadata.labels], atol=0.05
    )
