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

"""The papers' ways of choosing rows: classes, frames, disputed labels, validation rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.data import DatasetError, FaceDataset, ckplus, load_dataset, splits
from fer_training.data.base import FERPLUS_COLUMNS
from fer_training.data.subset import subset
from fer_training.recipes import recipe
from fer_training.recipes.recipe import Data
from fer_training.train.trainer import Trainer


def test_a_class_left_out_leaves_rows_and_labels() -> None:
    data = synthetic_faces.dataset(70)
    five = subset(data, Data(leave_out=["disgust", "surprise"]))
    assert five.label_names == ("angry", "fear", "happy", "sad", "neutral")
    assert len(five) == 50
    names = [data.label_names[code] for code in data.labels]
    assert [five.label_names[code] for code in five.labels] == [
        name for name in names if name not in ("disgust", "surprise")
    ]
    with pytest.raises(DatasetError, match="leave_out names 'contempt'"):
        subset(data, Data(leave_out=["contempt"]))


def test_nothing_asked_is_the_same_data() -> None:
    data = synthetic_faces.dataset(70)
    assert subset(data, Data()) is data


def test_disputed_rows_go() -> None:
    data = synthetic_faces.dataset(14)
    votes = np.zeros((14, len(FERPLUS_COLUMNS)), np.uint8)
    for row, code in enumerate(data.labels):
        votes[row, FERPLUS_COLUMNS.index(data.label_names[code])] = 6
    votes[3, FERPLUS_COLUMNS.index("contempt")] = 9
    kept = subset(replace(data, votes=votes), Data(agreed=True))
    assert len(kept) == 13
    votes[:5, :] += votes[:5, :] // 3  # 8 of 10 voters for five rows, 9 for the one that is gone
    kept = subset(replace(data, votes=votes), Data(agreed=True, agreed_votes=8))
    assert len(kept) == 4
    with pytest.raises(DatasetError, match="without FER\\+ votes"):
        subset(replace(data, votes=None), Data(agreed=True))


def crops(tmp_path: Path) -> Path:
    import cv2

    for place, label in enumerate(ckplus.LABELS):
        subject = f"S01{place}"
        (tmp_path / label).mkdir()
        for frame in (17, 18, 19):
            picture = np.full((48, 48), frame, np.uint8)
            cv2.imwrite(str(tmp_path / label / f"{subject}_004_{frame:08}.png"), picture)
    return tmp_path


@pytest.mark.filterwarnings("ignore:CK")
def test_last_frames_of_a_sequence(tmp_path: Path) -> None:
    data = load_dataset("ckplus", crops(tmp_path), Data(frames=1))
    assert sorted(data.images[:, 0, 0]) == [19] * 7
    assert len(ckplus.load(tmp_path)) == 21
    with pytest.raises(DatasetError, match="no sequences"):
        subset(synthetic_faces.dataset(14), Data(frames=1))


def check_apart(split: splits.Split, rows: int) -> None:
    assert split.validation is not None
    parts = [split.train, split.validation, split.test]
    joined = np.concatenate(parts)
    assert len(np.unique(joined)) == len(joined) <= rows
    assert split.choosing is split.validation


def test_shares_with_validation_rows() -> None:
    data = synthetic_faces.dataset(210)
    split = splits.make(data, "part-70-10-20")[0]
    check_apart(split, 210)
    assert split.validation is not None
    assert (len(split.train), len(split.validation), len(split.test)) == (147, 21, 42)


def test_numbers_of_rows_test_every_class_equally_often() -> None:
    data = synthetic_faces.dataset(213)
    split = splits.make(data, "rows-120-23-70")[0]
    check_apart(split, 213)
    assert split.validation is not None
    assert (len(split.train), len(split.validation), len(split.test)) == (120, 23, 70)
    assert np.bincount(data.labels[split.test]).tolist() == [10] * 7


@pytest.mark.parametrize("kind", ["part-70-10-21", "part-70-30", "rows-1-2", "rows-120-23-71"])
def test_other_numbers_are_refused(kind: str) -> None:
    with pytest.raises(DatasetError, match=r"unknown split|too few"):
        splits.make(synthetic_faces.dataset(70), kind)


def test_validation_rows_choose_the_epoch(tmp_path: Path) -> None:
    config = synthetic_faces.recipe(epochs=3, keep="best")
    config.data.split = "part-60-20-20"
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset(70))
    trainer.fit()
    scores = [epoch.validation_accuracy for epoch in trainer.history]
    assert trainer.progress.best_epoch == scores.index(max(scores))
    assert trainer.progress.best_score == max(scores)


def test_half_of_each_class_of_ck_plus(shared: Path) -> None:
    config = recipe.load("umer-cnn1").data
    data: FaceDataset = load_dataset("ckplus", shared / "data" / "ck48.npz", config)
    assert "contempt" not in data.label_names
    split = splits.choose(data, config.split, 0)
    counts = [np.bincount(data.labels[rows]) for rows in (split.train, split.test)]
    assert np.abs(counts[0] - counts[1]).max() <= 1


def test_one_frame_a_sequence_of_ck_plus(shared: Path) -> None:
    config = recipe.load("deep-emotion+ckplus-random").data
    assert len(load_dataset("ckplus", shared / "data" / "ck48.npz", config)) == 327
