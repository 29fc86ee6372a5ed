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
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from fer_ros.perception.calibration import calibrated
from fer_training.measure import calibration, metrics
from fer_training.records.figures import CoveragePoint
from fer_training.train import losses

NAMES = ("a", "b", "c")
LABELS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.5, 0.3, 0.2]],
    np.float32,
)  # predicted: a, b, b, b, a


def test_every_figure_of_a_hand_worked_case() -> None:
    result = metrics.summarize(LABELS, PROBABILITIES, NAMES)
    assert result.rows == 5
    assert result.accuracy == pytest.approx(3 / 5)
    assert result.balanced_accuracy == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert result.confusion == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    b = result.per_class["b"]
    assert (b.precision, b.recall, b.support) == (pytest.approx(2 / 3), 1.0, 2)
    assert b.f1 == pytest.approx(0.8)
    assert result.per_class["c"].f1 == 0
    assert result.macro_f1 == pytest.approx((0.5 + 0.8 + 0) / 3)
    assert result.top2 == pytest.approx(4 / 5)
    gap = abs(0.8 - 1) + abs(0.6 - 0) + abs(0.7 - 1) + abs(0.9 - 1) + abs(0.5 - 0)
    assert result.ece == pytest.approx(gap / 5, abs=1e-6)
    chosen = [0.8, 0.3, 0.7, 0.9, 0.2]
    assert result.nll == pytest.approx(-sum(math.log(p) for p in chosen) / 5, rel=1e-5)


def test_absent_classes_do_not_count_in_the_means() -> None:
    result = metrics.summarize(LABELS[:4], PROBABILITIES[:4], NAMES)
    assert result.balanced_accuracy == pytest.approx(0.75)
    assert result.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)


def test_calibration_bins_join_rows_of_like_confidence() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]], np.float32)
    labels = np.array([0, 0, 0, 1])
    assert metrics.expected_calibration_error(labels, probabilities) == pytest.approx(0.15)
    (entry,) = metrics.reliability(labels, probabilities)
    assert asdict(entry) == pytest.approx({"confidence": 0.9, "accuracy": 0.75, "share": 1.0})


def test_interval_narrows_with_rows_and_holds_the_accuracy() -> None:
    for rows, width in ((100, 0.2), (10_000, 0.02)):
        labels = np.zeros(rows, int)
        predicted = (np.arange(rows) % 4 == 0).astype(int)
        low, high = metrics.accuracy_interval(labels, predicted, 1000)
        assert low < 0.75 < high
        assert width / 2 < high - low < width


def test_coverage_curve() -> None:
    curve = metrics.coverage_curve(LABELS, PROBABILITIES, (0.0, 0.65, 0.95))
    assert curve[0] == CoveragePoint(0.0, 1.0, pytest.approx(0.6))
    assert curve[1] == CoveragePoint(0.65, pytest.approx(0.6), 1.0)
    assert len(curve) == 2


def test_columns_follow_names_and_are_normalised() -> None:
    scores = np.array([[0.5, 0.25, 0.25]], np.float32)
    out = metrics.align_columns(scores, ("a", "b", "c"), ("c", "a"))
    assert out == pytest.approx(np.array([[1 / 3, 2 / 3]]))
    with pytest.raises(ValueError, match="does not know the classes d"):
        metrics.align_columns(scores, ("a", "b", "c"), ("a", "d"))


def overconfident(rows: int = 20_000, factor: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `factor` times those the labels were drawn from."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(rows, 5)) * 1.5
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (shares.cumsum(1) < rng.random((rows, 1))).sum(1)
    return (factor * logits).astype(np.float32), labels


def test_temperatures_find_the_factor() -> None:
    logits, labels = overconfident()
    assert calibration.fit_temperatures(logits, labels) == pytest.approx((2.0, 2.0), rel=0.1)


def test_temperatures_find_doubt_that_is_too_sure() -> None:
    logits = np.random.default_rng(1).normal(0, 2, (20_000, 7)).astype(np.float32)
    shares = calibrated(logits, 0.8, 1.3)
    labels = (shares.cumsum(1) < np.random.default_rng(2).random((20_000, 1))).sum(1).clip(max=6)
    assert calibration.fit_temperatures(logits, labels) == pytest.approx((0.8, 1.3), rel=0.1)


def test_undecided_faces_are_never_made_surer_than_sure_ones() -> None:
    logits = np.random.default_rng(1).normal(0, 0.2, (200, 7)).astype(np.float32)
    sure, undecided = calibration.fit_temperatures(logits, logits.argmax(1))
    assert 0.1 <= sure == pytest.approx(undecided)


def test_offsets_give_the_mean_prediction_the_labels_shares() -> None:
    logits, labels = overconfident(8000, factor=1.0)
    offset = np.array([0.0, 1.0, 0.0, -1.0, 0.0])
    bent = (logits - offset).astype(np.float32)
    fitted = calibration.class_offsets(bent, labels)
    assert fitted == pytest.approx(offset, abs=0.15)
    shares = np.exp(bent + fitted) / np.exp(bent + fitted).sum(1, keepdims=True)
    assert shares.mean(0) == pytest.approx(np.bincount(labels) / len(labels), abs=1e-3)
    right = [(scores.argmax(1) == labels).mean() for scores in (bent, bent + fitted)]
    assert right[1] > right[0] + 0.02


def test_calibration_lowers_the_error_and_keeps_the_asked_coverage() -> None:
    logits, labels = overconfident()
    fitted = calibration.calibrate(logits, labels)
    assert fitted.ece_uncalibrated > 0.1
    least, greatest = fitted.ece_cross_fitted_range
    assert least < fitted.ece_cross_fitted < greatest < 0.02
    honest = calibration.cross_fitted(logits, labels, seed=3)
    assert least <= metrics.expected_calibration_error(labels, honest) <= greatest
    assert "over 10 random halvings" in calibration.cross_fitted_words(0.01, (0.008, 0.012))
    assert calibration.cross_fitted_words(0.0289, None) == "2.9 %"
    nearest = min(
        fitted.coverage_curve, key=lambda p: abs(p.threshold - fitted.uncertain_threshold)
    )
    assert nearest.coverage == pytest.approx(calibration.COVERAGE, abs=0.06)


def test_losses_of_hand_worked_cases() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)]])
    target = torch.tensor([[1.0, 0.0]])
    assert float(losses.cross_entropy(logits, target)) == pytest.approx(math.log(4))
    assert float(losses.mse(logits, target)) == pytest.approx(0.75**2)
    assert float(losses.bce(logits, target)) == pytest.approx((math.log(2) + math.log(4)) / 2)
    hinge = losses.hinge(torch.tensor([[0.5, -2.0]]), target)
    assert float(hinge) == pytest.approx((0.5 + 0) / 2)
    with pytest.raises(ValueError, match="unknown loss 'focal'"):
        losses.get("focal")


def test_soft_targets_mix_votes_where_there_are_some() -> None:
    labels = torch.tensor([0, 1])
    votes = torch.tensor([[0.2, 0.8], [0.0, 0.0]])
    mixed = losses.soft_targets(labels, 2, votes, 0.25)
    assert torch.allclose(mixed, torch.tensor([[0.8, 0.2], [0.0, 1.0]]))
    assert torch.allclose(losses.smooth(mixed, 0.1)[1], torch.tensor([0.05, 0.95]))
