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

"""Light of crops: what lies far outside that of the training comes back, the rest stays."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.perception.alignment import FER2013_TEMPLATE, align, crop_for
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.exposure import LEAST_SPREAD, MEANS, brighten, exposed
from fer_ros.perception.known_answer import known_crops
from fer_ros.perception.model_metadata import InputSpec
from fer_ros.perception.model_store import shipped_models
from fer_ros.perception.types import Box, Face
from fer_ros.sources.scene import Actor, Scene


def texture(mean: float, spread: float, shape: tuple[int, ...] = (48, 48)) -> np.ndarray:
    noise = np.random.default_rng(0).normal(mean, spread, shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_a_crop_in_usual_light_is_returned_itself() -> None:
    for mean, spread in ((130, 60), (90, 45), (180, 50)):
        crop = texture(mean, spread)
        assert exposed(crop) is crop


@pytest.mark.parametrize("shape", [(48, 48), (64, 32), (48, 48, 3)])
def test_dim_hazy_and_bright_crops_come_into_range(shape: tuple[int, ...]) -> None:
    for mean, spread in ((20, 6), (130, 10), (230, 6), (45, 45)):
        crop = texture(mean, spread, shape)
        before = crop.copy()
        seen = exposed(crop)
        np.testing.assert_array_equal(crop, before)
        assert seen.shape == shape
        assert seen.dtype == np.uint8
        assert MEANS[0] - 3 <= seen.mean() <= MEANS[1] + 3
        assert seen.std() >= min(LEAST_SPREAD, crop.std() * 10) - 4


def test_flat_crops_stay_flat() -> None:
    for grey in (0, 3, 128, 255):
        seen = exposed(np.full((48, 48), grey, np.uint8))
        assert seen.std() == 0
        assert MEANS[0] <= seen[0, 0] <= MEANS[1]


def test_colours_are_changed_alike() -> None:
    crop = np.zeros((48, 48, 3), np.uint8)
    crop[:24] = (10, 20, 30)
    seen = exposed(crop).astype(int)
    assert seen[0, 0, 1] - seen[0, 0, 0] == pytest.approx(seen[0, 0, 2] - seen[0, 0, 1], abs=1)


@pytest.mark.parametrize("name", ["fer-base-int8", "fer-lite-int8"])
def test_known_faces_in_the_dark_are_predicted_as_in_the_light(name: str) -> None:
    network = EmotionNetwork(shipped_models()[name])
    crops = known_crops(network.metadata.input)
    light = network.classify([exposed(crop) for crop in crops])
    dark = [np.asarray(crop // 6, np.uint8) for crop in crops]
    lost = np.abs(network.classify(dark) - light).max(axis=1)
    kept = np.abs(network.classify([exposed(crop) for crop in dark]) - light).max(axis=1)
    assert kept.mean() < 0.1
    assert kept.mean() < lost.mean() / 2


def test_dim_pictures_are_multiplied_in_place_and_others_are_not_touched() -> None:
    bright = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    for shape in ((200, 300), (200, 100, 3)):
        canvas = np.full((240, *shape[1:]), 7, np.uint8)
        place = canvas[:200]
        place[:] = bright.reshape(shape)
        brighten(place)
        np.testing.assert_array_equal(place, bright.reshape(shape))
        place[:] = bright.reshape(shape) // 5
        brighten(place)
        assert 235 <= place.max() <= 250
        assert np.abs(place - bright.reshape(shape) * 0.94).mean() < 5
        assert (canvas[200:] == 7).all()


def test_a_black_picture_and_one_with_a_lamp_stay_as_they_are() -> None:
    black = np.zeros((64, 64), np.uint8)
    brighten(black)
    assert not black.any()
    night = np.full((160, 160), 20, np.uint8)
    night[:32, :32] = 255
    lit = night.copy()
    brighten(lit)
    np.testing.assert_array_equal(lit, night)


def test_a_face_in_a_dark_room_is_found() -> None:
    image = Scene(640, 480, (Actor(320, 240, 90, ("happy",)),)).render(0.0)[0]
    detector = FerFaceDetector(DetectorSettings())
    (light,) = detector.detect(image)
    (dark,) = detector.detect(image // 16)
    assert dark.box.iou(light.box) > 0.8
    assert dark.score > 0.9


def test_the_crop_for_a_network_is_aligned_and_exposed() -> None:
    image = Scene(640, 480, (Actor(320, 240, 160, ("happy",)),)).render(0.0)[0] // 5
    spec = InputSpec(48, 48, 1, (0.0,), (1.0,))
    face = Face(Box(240, 160, 160, 160), 0.9, None)
    plain = align(image, face, FER2013_TEMPLATE, 48, 48, 1)
    crop = crop_for(image, face, FER2013_TEMPLATE, spec)
    assert plain.mean() < MEANS[0]
    np.testing.assert_array_equal(crop, exposed(plain))
