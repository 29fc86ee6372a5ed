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

"""The measures against scikit-learn, and percentiles against numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fer_ros.replay.judge import scores
from fer_ros.replay.judge.histogram import Histogram
from fer_ros.replay.results import Distribution

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")

CLASSES = 5


@pytest.fixture(params=range(4))
def answers(request):
    """(truth, answer) of classes where class 3 never occurs; the answer 5 is "uncertain"."""
    rng = np.random.default_rng(request.param)
    truth = rng.choice([0, 1, 2, 4], 400, p=[0.6, 0.2, 0.15, 0.05])
    guess = rng.integers(0, CLASSES + 1, 400)
    return truth, np.where(rng.random(400) < 0.5, truth, guess)


def confusion(truth, answer):
    return metrics.confusion_matrix(truth, answer, labels=range(CLASSES + 1))[:CLASSES]


def test_against_scikit_learn(answers):
    truth, answer = answers
    matrix = confusion(truth, answer)
    occurring = sorted(set(truth))
    assert scores.accuracy(matrix) == pytest.approx(metrics.accuracy_score(truth, answer))
    recall = metrics.recall_score(truth, answer, labels=occurring, average=None, zero_division=0)
    assert scores.recalls(matrix)[occurring] == pytest.approx(recall)
    assert scores.balanced_accuracy(matrix) == pytest.approx(recall.mean())
    precision = metrics.precision_score(truth, answer, labels=range(CLASSES), average=None)
    assert scores.precisions(matrix) == pytest.approx(precision)
    f1 = metrics.f1_score(truth, answer, labels=occurring, average="macro")
    assert scores.macro_f1(matrix) == pytest.approx(f1)
    assert scores.coverage(matrix) == pytest.approx(np.mean(answer != CLASSES))


def test_a_class_that_never_occurs_has_no_score_and_does_not_count(answers):
    summary = scores.summary(confusion(*answers), ("a", "b", "c", "d", "e"))
    assert summary.per_class["d"].recall is None
    assert summary.per_class["d"].f1 is None
    assert summary.per_class["d"].support == 0
    named = answers[1] != CLASSES
    expected = metrics.accuracy_score(answers[0][named], answers[1][named])
    assert summary.accuracy_where_named == pytest.approx(expected)


def test_without_results_there_are_no_scores():
    summary = scores.summary(np.zeros((2, 3), np.int64), ("a", "b"))
    assert summary.count == 0
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "coverage", "accuracy_where_named"):
        assert getattr(summary, name) is None
    assert scores.Calibration().error() is None


def test_calibration_error_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1.0, 2000)
    right = rng.random(2000) < confidence**2
    calibration = scores.Calibration()
    for value, correct in zip(confidence, right):
        calibration.add(float(value), bool(correct))
    edges = np.linspace(0, 1, scores.CALIBRATION_BINS + 1)
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration.error() == pytest.approx(expected)
    assert sum(entry.count for entry in calibration.record().bins) == 2000


@pytest.mark.parametrize("scale", [0.003, 1.0, 2500.0])
def test_percentiles_are_within_a_bin_of_the_exact_ones(scale):
    values = np.random.default_rng(1).lognormal(0.0, 0.6, 20_000) * scale
    histogram = Histogram()
    for value in values:
        histogram.add(float(value))
    summary = histogram.summary()
    for name, share in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        exact = np.percentile(values, share, method="inverted_cdf")
        assert getattr(summary, name) == pytest.approx(exact, rel=0.011)
    assert summary.mean == pytest.approx(values.mean())
    assert summary.max == values.max()
    assert sum(count for _, count in histogram.bars()) == 20_000


def test_percentiles_of_equal_values_and_of_none_are_exact():
    histogram = Histogram()
    assert histogram.summary() == Distribution(None, None, None, None, None, None)
    for _ in range(7):
        histogram.add(33.3)
    assert histogram.quantile(0.99) == pytest.approx(33.3, abs=1e-12)
    histogram.add(0.0)
    assert histogram.quantile(0.01) == 0.0
    assert histogram.mean_near(30.0, 1.25) == pytest.approx(33.3)
