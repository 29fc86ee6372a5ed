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

"""Which faces are classified in an image, at a rate of expressions."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.filtering import ExpressionFilter, Prediction, SmoothingSettings
from fer_ros.perception.schedule import PredictionSchedule
from fer_ros.perception.types import Frame
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.scene import crowd_scene

SECOND = 1_000_000_000
SMOOTHING = SmoothingSettings(time_constant=0.0, hysteresis=0.1, threshold=0.3)


def sure(label: str) -> np.ndarray:
    values = np.full(len(FER2013), 0.02, np.float32)
    values[FER2013.index(label)] = 1 - 0.02 * (len(FER2013) - 1)
    return values


def play(rate: float, faces: int, seconds: float = 2.0, hz: float = 30.0) -> list[list[bool]]:
    """Return which faces were chosen in every image; their labels never change."""
    schedule, filters = PredictionSchedule(), [ExpressionFilter() for _ in range(faces)]
    rows = []
    for number in range(round(seconds * hz)):
        time_ns = round((1 + number / hz) * SECOND)
        rows.append(schedule.choose(filters, time_ns, rate))
        for one, wanted in zip(filters, rows[-1]):
            if wanted:
                one.update(Prediction(sure("happy"), 1.0, time_ns), FER2013, SMOOTHING)
    return rows


def test_without_a_rate_all_faces_are_in_every_image() -> None:
    assert play(0.0, 3) == [[True] * 3] * 60


@pytest.mark.parametrize("faces", [1, 4, 16])
@pytest.mark.parametrize("rate", [3.0, 10.0])
def test_the_rate_is_kept_and_spread_over_the_images(rate: float, faces: int) -> None:
    rows = np.array(play(rate, faces, seconds=4.0))
    assert rows[0].all(), "new faces are classified at once"
    assert rows.sum(axis=0).tolist() == pytest.approx([4 * rate] * faces, rel=0.2)
    assert rows[1:].sum(axis=1).max() <= np.ceil(faces * rate / 30)


def test_a_prediction_younger_than_a_period_is_kept() -> None:
    rows = np.array(play(10.0, 16, seconds=4.0))
    for face in rows.T:
        assert np.diff(np.flatnonzero(face)).min() >= 3  # images of 33 ms


def test_images_whose_time_stands_still_are_all_classified() -> None:
    one = ExpressionFilter()
    one.update(Prediction(sure("happy"), 1.0, SECOND), FER2013, SMOOTHING)
    schedule = PredictionSchedule()
    assert schedule.choose([one], SECOND, 1.0) == [False]
    assert schedule.choose([one], SECOND, 1.0) == [True]


def test_a_rate_above_the_cameras_is_every_image() -> None:
    assert play(60.0, 2) == [[True] * 2] * 60


def test_a_face_whose_label_is_changing_comes_first() -> None:
    one = ExpressionFilter()
    slow = SmoothingSettings(time_constant=1.0, hysteresis=0.1, threshold=0.3)
    one.update(Prediction(sure("happy"), 1.0, SECOND), FER2013, slow)
    schedule = PredictionSchedule()
    assert schedule.choose([one], SECOND + 1, 1.0) == [False]
    one.update(Prediction(sure("sad"), 1.0, SECOND + 10**8), FER2013, slow)
    assert one.expression is not None
    assert one.expression.label == "happy"
    assert schedule.choose([one], SECOND + 2 * 10**8, 1.0) == [True]


def test_the_pipeline_says_how_old_a_kept_prediction_is() -> None:
    settings = PerceptionSettings(
        detector="fer-face", models=("fer-lite",), expression_rate=5.0, uncertain_threshold=0.0,
        smoothing_time=0.0,
    )  # fmt: skip
    pipeline, ages = assemble(settings).pipeline, []
    for number in range(13):
        picture = crowd_scene(640, 480, 1).render(0)[0]
        (result,) = pipeline.process([Frame(picture, SECOND + number * SECOND // 30)])
        (face,) = result.faces
        ages.append(round(face.prediction_age_ms))
        assert abs(float(face.probabilities.sum()) - 1) < 1e-5
    assert ages == [0, 33, 67, 100, 133, 167, 0, 33, 67, 100, 133, 167, 0]
