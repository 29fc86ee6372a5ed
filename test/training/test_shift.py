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

"""Measurements away from FER2013's own crops: shifted crops, groups of people, smiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.class_balance import prior_weights
from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.known_answer import average_faces
from fer_ros.perception.model_store import shipped_models
from fer_ros.perception.types import Box, Face
from fer_training.data import groups as files
from fer_training.data.base import DatasetError
from fer_training.data.degradations import LIGHTS, SHIFTS, border, contrast, sharpen
from fer_training.measure import groups, shift
from fer_training.measure.predictors import Balanced

RNG = np.random.default_rng(0)


@dataclass
class Fixed:
    """A network whose probabilities are given, row by row."""

    scores: np.ndarray
    labels: tuple[str, ...] = FER2013
    name: str = "fixed"

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return self.scores[: len(images)]


def test_a_row_counts_named_and_right_faces() -> None:
    data = synthetic_faces.dataset(rows=14)
    scores = np.full((14, 7), 0.3 / 6, np.float32)
    scores[np.arange(14), data.labels] = 0.7
    scores[0] = scores[7] = np.full(7, 0.1)  # both angry: wrong, and too weak to be named
    scores[[0, 7], 1] = 0.4
    scores[1] = np.eye(7)[3]  # disgust called happy with all confidence
    found = shift.row("x", Fixed(scores), data, 0.5)
    assert (found.rows, found.named) == (14, pytest.approx(12 / 14))
    assert found.accuracy == pytest.approx(11 / 14)
    assert found.named_right == pytest.approx(11 / 12)
    assert found.least == ("angry", 0.0)


def test_balanced_probabilities_are_measured_as_the_node_weighs_them() -> None:
    scores = np.full((1, 7), 0.02, np.float32)
    scores[0, :2] = 0.5, 0.4
    shares = (0.2, 0.02, 0.14, 0.2, 0.16, 0.12, 0.16)
    found = Balanced(Fixed(scores), prior_weights(shares, 0.5), 0.5)
    assert found.name == "fixed, balance 0.5"
    assert found.labels == FER2013
    (row,) = found.probabilities(np.zeros((1, 48, 48), np.uint8))
    assert row.argmax() == 1
    assert row.sum() == pytest.approx(1.0)


def test_nobody_named_leaves_no_accuracy_among_the_named() -> None:
    data = synthetic_faces.dataset(rows=7)
    found = shift.row("x", Fixed(np.full((7, 7), 1 / 7, np.float32)), data, 0.5)
    assert (found.named, found.named_right) == (0.0, None)
    wild = shift.unlabelled("wild", Fixed(np.full((7, 7), 1 / 7, np.float32)), data.images, 0.1)
    assert (wild.named, wild.accuracy) == (1.0, None)


def test_rows_with_split_votes_are_those_without_a_clear_winner() -> None:
    data = synthetic_faces.dataset(rows=7)
    assert data.votes is not None
    data.votes[2] = [5, 0, 0, 0, 0, 0, 5, 0, 0, 0]
    data.votes[3] = [0, 0, 0, 0, 0, 0, 1, 0, 9, 0]  # mostly unknown: no votes at all
    assert shift.split_votes(data).tolist() == [2]


def test_the_record_has_every_condition_their_mean_and_the_other_sets() -> None:
    data = synthetic_faces.dataset(rows=14)
    scores = RNG.dirichlet(np.ones(7), 14).astype(np.float32)
    record = shift.measure(Fixed(scores), data, 0.3, [data], data.images)
    names = [row.name for row in record.rows]
    changes = [entry.name for entry in SHIFTS]
    lights = [entry.name for entry in LIGHTS]
    assert names == ["clean", *changes, "changed, mean", *lights, "fer2013", "wild"]
    assert record.rows[-3].accuracy == pytest.approx(record.rows[0].accuracy)
    assert len(shift.markdown([record, record]).splitlines()) == 2 + len(names)


def test_the_new_changes_do_what_they_say() -> None:
    image = cv2.GaussianBlur(RNG.integers(0, 256, (48, 48)).astype(np.uint8), (0, 0), 2)
    rng = np.random.default_rng(0)
    assert contrast(image, rng, 1.5).std() == pytest.approx(1.5 * image.std(), rel=0.05)
    assert sharpen(image, rng, 1.0).std() > image.std()
    lines = np.zeros((48, 48), np.uint8)
    lines[:, 23:25] = 255
    shown = border(lines, rng, 0.5)
    assert shown.sum() < 0.6 * lines.sum()
    assert shown[:, 23:25].mean() > 120


@pytest.mark.parametrize(
    ("age", "band"), [(1, "0-2"), (3, "3-9"), (39, "20-39"), (60, "60+"), (116, "60+")]
)
def test_ages_fall_into_bands(age: int, band: str) -> None:
    assert files.band(age) == band


def test_file_names_say_the_groups_and_malformed_ones_are_left_out(tmp_path: Path) -> None:
    for name in ("23_1_2_2017.jpg.chip.jpg", "61_3_2017.jpg.chip.jpg", "1_0_4_2016.jpg", "x.jpg"):
        (tmp_path / name).touch()
    found = files.chips(tmp_path)
    assert [(one.age, one.sex, one.origin) for one in found] == [
        ("0-2", "male", "other"),
        ("20-39", "female", "Asian"),
    ]
    with pytest.raises(DatasetError, match="holds no face"):
        files.chips(tmp_path / "none")


def test_draws_take_alike_many_of_every_group() -> None:
    chips = [
        files.Chip(Path(f"{sex}{i}"), "20-39", sex, "White")
        for sex, count in (("male", 50), ("female", 5))
        for i in range(count)
    ]
    drawn = groups.sample(chips, 20, seed=0)
    assert [sum(one.sex == sex for one in drawn) for sex in ("male", "female")] == [10, 5]


@pytest.mark.parametrize(
    ("count", "rows", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)]
)
def test_intervals_are_wilsons(count: int, rows: int, low: float, high: float) -> None:
    assert groups.Share(count, rows).interval == pytest.approx((low, high), abs=1e-3)


class Everything:
    """A detector that finds the middle of scenes of faces of 96 pixels only."""

    def detect(self, image: np.ndarray) -> list[Face]:
        size = 96 / groups.FACE_SHARE
        left, top = (groups.WIDTH - size) / 2, (groups.HEIGHT - size) / 2
        grey = image[groups.HEIGHT // 2, groups.WIDTH // 2 - 60]
        return [Face(Box(left, top, size, size), 0.9)] if (grey == 0).all() else []


def test_groups_are_counted_by_side_and_label(tmp_path: Path) -> None:
    network = EmotionNetwork(shipped_models()["fer-lite"])
    chips = []
    for i, sex in enumerate(("male", "female", "female")):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), np.zeros((200, 200, 3), np.uint8))
        chips.append(files.Chip(path, "3-9", sex, "Indian"))
    classifier = EmotionClassifier((network,))
    seen = list(groups.look(chips, Everything(), classifier))  # type: ignore[arg-type]
    assert [one.found for one in seen] == [(False, True)] * 3
    table = groups.table(seen, classifier.labels)
    assert [(one.kind, one.name, one.rows) for one in table] == [
        ("all", "all", 3),
        ("age", "3-9", 3),
        ("sex", "male", 1),
        ("sex", "female", 2),
        ("origin", "Indian", 3),
    ]
    assert (table[0].found["48"].count, table[0].found["96"].count) == (0, 3)
    named = sum(share.count for share in table[0].labels.values())
    assert named + table[0].uncertain.count == 3


def test_smiles_are_ranked_by_the_probability_of_happy(tmp_path: Path) -> None:
    network = EmotionNetwork(shipped_models()["fer-lite"])
    paths = {}
    for label, face in zip(FER2013, average_faces(), strict=True):
        paths[label] = tmp_path / f"{label}.png"
        cv2.imwrite(str(paths[label]), face)
    found = groups.smiles(
        EmotionClassifier((network,)),
        [paths["happy"]],
        [paths["sad"], paths["neutral"]],
    )
    assert (found.happy.count, found.happy_others.count, found.ranked) == (1, 0, 1.0)
