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

from __future__ import annotations

import math
from pathlib import Path

import cv2
import networks
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.alignment import FER2013_TEMPLATE
from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.known_answer import average_faces
from fer_ros.runtime.assembly import locate_model
from fer_training.commands.cli import main
from fer_training.data import degradations, scenes
from fer_training.data.base import FaceDataset
from fer_training.data.degradations import CONDITIONS, Condition
from fer_training.measure import detected, robustness
from fer_training.measure.predictors import OnnxPredictor
from fer_training.records import files
from fer_training.records.tables import RobustnessRecord

RNG = np.random.default_rng
FACES = np.stack([cv2.resize(face, (48, 48)) for face in average_faces()])
EYES, MOUTH = FER2013_TEMPLATE.landmarks[0][1], FER2013_TEMPLATE.landmarks[3][1]


def dot(x: float, y: float) -> np.ndarray:
    """A soft bright dot on black."""
    rows, columns = np.mgrid[0:48, 0:48]
    return (255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)).astype(np.uint8)


def place(image: np.ndarray) -> tuple[float, float]:
    """The dot's centre of mass (x, y)."""
    rows, columns = np.mgrid[0:48, 0:48]
    weight = image.astype(float)
    return float((columns * weight).sum() / weight.sum()), float(
        (rows * weight).sum() / weight.sum()
    )


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
@pytest.mark.parametrize("colour", [False, True])
def test_every_condition_changes_a_face_and_repeats_itself(
    condition: Condition, colour: bool
) -> None:
    images = np.repeat(FACES[..., None], 3, axis=3) if colour else FACES
    before = images.copy()
    first = robustness.degraded(images, condition, seed=1)
    assert first.dtype == np.uint8
    assert first.shape[:3] == images.shape[:3]
    assert (images == before).all(), "the crops themselves stay"
    grey = first.ndim < images.ndim
    assert (first != (images[..., 0] if grey else images)).any()
    assert (first == robustness.degraded(images, condition, seed=1)).all()
    if condition.draws > 1:
        assert (first != robustness.degraded(images, condition, seed=1, draw=1)).any()
        assert (first != robustness.degraded(images, condition, seed=2)).any()


def test_names_are_unique_and_one_row_has_the_requirement() -> None:
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)
    required = {c.name: c.largest_drop for c in CONDITIONS if c.largest_drop is not None}
    assert required == {"crop ±10 %": 0.015}


@pytest.mark.parametrize("seed", range(5))
def test_jitter_moves_the_window_as_drawn(seed: int) -> None:
    x, y, scale = RNG(seed).uniform(-0.1, 0.1, 3)
    moved = degradations.jitter(dot(30, 20), RNG(seed), extent=0.1)
    side = 1 + scale
    expected = (23.5 + (30 - 23.5 - 48 * x) / side, 23.5 + (20 - 23.5 - 48 * y) / side)
    assert place(moved) == pytest.approx(expected, abs=0.15)


def test_only_the_inward_jitter_shows_nothing_from_outside() -> None:
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))  # flat only where it is repeated
    flat = {degradations.jitter: 0, degradations.jitter_inwards: 0}
    for change in flat:
        for seed in range(20):
            row = change(ramp, RNG(seed), extent=0.1)[24].astype(int)
            flat[change] += int((np.diff(row)[[0, -1]] == 0).any())
    assert flat[degradations.jitter_inwards] == 0
    assert flat[degradations.jitter] > 0


def test_rotation_turns_either_way_by_the_angle() -> None:
    angles = set()
    for seed in range(10):
        x, y = place(degradations.rotate(dot(38.5, 23.5), RNG(seed), degrees=20))
        assert math.hypot(x - 23.5, y - 23.5) == pytest.approx(15, abs=0.2)
        angles.add(round(math.degrees(math.atan2(y - 23.5, x - 23.5))))
    assert angles == {-20, 20}


def test_far_faces_lose_what_their_pixels_cannot_show() -> None:
    columns = np.tile(np.array([0, 200], np.uint8), (48, 24))
    assert np.abs(degradations.far(columns, RNG(0), side=24).astype(int) - 100).max() <= 1
    smooth = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    inner = degradations.far(smooth, RNG(0), side=24)[:, 4:-4].astype(int)
    assert np.abs(inner - smooth[:, 4:-4]).max() <= 2, "and nothing is shifted"


def test_light_and_noise_have_the_stated_strength() -> None:
    middle = np.full((48, 48), 128, np.uint8)
    noisy = degradations.noise(middle, RNG(0), sigma=0.1).astype(float)
    assert noisy.std() == pytest.approx(25.5, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=2)
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    dark = degradations.low_light(ramp, RNG(0), sigma=0.0)
    assert dark.max() == 102
    assert dark.reshape(-1)[128] == round(0.4 * 255 * (128 / 255) ** 2)
    bright = degradations.overexpose(ramp, RNG(0), gain=2.0).reshape(-1)
    assert bright[[100, 127, 128, 200]].tolist() == [200, 254, 255, 255]


def test_blur_and_compression_lose_more_the_stronger_they_are() -> None:
    face = FACES[3]
    lost = [
        np.abs(change(face, RNG(0), value).astype(int) - face).mean()
        for change, value in (
            (degradations.blur, 1.0),
            (degradations.blur, 2.0),
            (degradations.jpeg, 50),
            (degradations.jpeg, 20),
        )
    ]
    assert 0 < lost[0] < lost[1]
    assert 0 < lost[2] < lost[3]


def test_what_is_hidden_is_what_the_name_says() -> None:
    by_name = {condition.name: condition for condition in CONDITIONS}
    white = np.full((48, 48), 255, np.uint8)
    for name, hides, shows in (
        ("mask (lower third, light grey)", MOUTH, EYES),
        ("bar over the eyes (black)", EYES, MOUTH),
    ):
        changed = by_name[name].change(white, RNG(0))
        assert (changed[round(48 * hides)] != 255).all()
        assert (changed[round(48 * shows)] == 255).all()
    corners = set()
    for seed in range(30):
        hidden = degradations.hide_quarter(white, RNG(seed)) != 255
        assert hidden.mean() == 0.25
        corners.add((bool(hidden[0, 0]), bool(hidden[0, -1]), bool(hidden[-1, 0])))
    assert len(corners) == 4


def test_tint_goes_through_the_nodes_grey() -> None:
    face = FACES[0]
    plain = degradations.tint(face, RNG(0)).astype(int)
    assert np.abs(plain - face).max() <= 1
    grey = np.full((48, 48), 100, np.uint8)
    warm = degradations.tint(grey, RNG(0), gains=(0.5, 0.9, 1.5))
    assert warm[24, 24] == pytest.approx(0.114 * 50 + 0.587 * 90 + 0.299 * 150, abs=1)


@pytest.fixture
def by_brightness(tmp_path: Path) -> tuple[OnnxPredictor, FaceDataset]:
    """A network that calls bright crops happy and dark ones sad, and crops that it gets right."""
    gains = [1.0 if name == "happy" else 0.0 for name in FER2013]
    network = networks.write_network(tmp_path / "bright.onnx", gains, networks.metadata())
    predictor = OnnxPredictor(network)
    images = np.stack([np.full((48, 48), 30 + 25 * (row % 8), np.uint8) for row in range(40)])
    said = predictor.probabilities(images).argmax(1)
    data = FaceDataset("fer2013", images, said.astype(np.int64), FER2013, "made up")
    return predictor, data


def test_figures_of_a_network_whose_errors_are_known(
    by_brightness: tuple[OnnxPredictor, FaceDataset],
) -> None:
    predictor, data = by_brightness
    data.labels[::2] = (data.labels[::2] + 1) % 7  # half of the answers are wrong now
    same = Condition("same", lambda image, _: image, draws=2, largest_drop=0.015)
    coin = Condition("coin", lambda image, rng: image * np.uint8(rng.integers(2)))
    results = robustness.measure([("one", predictor)], data, 0, (same, coin))
    (model,) = results.models
    assert model.clean.accuracy == 0.5
    same_as_clean = model.conditions["same"]
    assert (same_as_clean.accuracy, same_as_clean.drop, same_as_clean.drop_error) == (0.5, 0, 0)
    said = predictor.probabilities(robustness.degraded(data.images, coin, 0)).argmax(1)
    lost = (np.arange(40) % 2 == 1).astype(float) - (said == data.labels)
    assert model.conditions["coin"].drop == pytest.approx(lost.mean())
    assert model.conditions["coin"].drop_error == pytest.approx(lost.std() / math.sqrt(40))
    table = robustness.markdown(results)
    assert "| clean | 50.00 % |" in table
    assert "| same (to lose less than 1.5) | 50.00 % (+0.00 ± 0.00) |" in table


def test_equal_names_are_refused(by_brightness: tuple[OnnxPredictor, FaceDataset]) -> None:
    predictor, data = by_brightness
    with pytest.raises(ValueError, match="names must differ: a, a"):
        robustness.measure([("a", predictor), ("a", predictor)], data)


def test_scenes_show_every_row_once_where_they_say() -> None:
    images = np.stack([np.full((48, 48), 20 * row + 5, np.uint8) for row in range(12)])
    shown = []
    for picture, pasted in scenes.compose(images, np.arange(12), RNG(0), (24, 64, 96, 128, 256)):
        assert picture.shape == (720, 960, 3)
        for item in pasted:
            assert (picture[item.y, item.x] == 20 * item.row + 5).all()
            assert item.near(item.x + 0.3 * item.size, item.y)
            assert not item.near(item.x, item.y + 0.4 * item.size)
        shown += pasted
    assert [item.row for item in shown] == list(range(12))
    assert {item.size for item in shown[:5]} == {24, 64, 96, 128, 256}


def test_faces_found_in_scenes_are_cropped_and_classified() -> None:
    labels = np.arange(7, dtype=np.int64)
    data = FaceDataset("averages", average_faces(), labels, FER2013, "made up")
    predictor = OnnxPredictor(locate_model("arch1"))
    finder = FerFaceDetector(DetectorSettings(detection_size=960))
    (record,) = detected.measure([predictor], data, finder, sizes=(128, 160, 192, 224, 256))
    assert record.shown == 7
    assert record.found >= 5
    assert sum(entry.found for entry in record.by_size.values()) == record.found
    assert record.accuracy >= 0.6, "averaged faces are easy"
    assert record.accuracy_bare >= 0.6
    with pytest.raises(ValueError, match="5 sides of 8 to 256 pixels"):
        detected.measure([predictor], data, finder, sizes=(64, 300))


def test_command_with_a_real_detector(shared: Path, tmp_path: Path) -> None:
    """Two networks, the same crops; the record holds all and no path of this machine."""
    data = synthetic_faces.save_npz(synthetic_faces.dataset(35), tmp_path / "data.npz")
    for name in ("one", "two"):
        networks.write_network(tmp_path / f"{name}.onnx", [0.1] * 7, networks.metadata())
    with np.load(shared / "data" / "fer2013_train_public.npz") as public:
        rows = np.flatnonzero(public["usage"] == 1)[:30]
        np.savez(data, images=public["images"][rows], emotion=public["emotion"][rows])
    out = tmp_path / "robustness.json"
    arguments = ["--model", str(tmp_path / "one.onnx"), str(tmp_path / "two.onnx")]
    arguments += ["--data", str(data), "--json", str(out), "--scene-faces", "20"]
    arguments += ["--detector", str(shared / "models" / "yunet_s_dynamic.onnx")]
    assert main(["robustness", *arguments]) == 0
    record = files.read(RobustnessRecord, out)
    first, second = record.models
    assert (first.name, second.name) == ("one", "two")
    assert first.conditions == second.conditions
    assert set(first.conditions) == {condition.name for condition in CONDITIONS}
    assert first.scenes.shown == 20
    assert first.scenes.found >= 15
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert "by yunet" in robustness.markdown(record)
