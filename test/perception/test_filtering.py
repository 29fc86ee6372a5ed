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

"""Smoothing in time, hysteresis and the uncertain label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.perception.filtering import LabelSmoother, SmoothingSettings

SETTINGS = SmoothingSettings(time_constant=0.3, hysteresis=0.1, threshold=0.4)


def spread(**shares: float) -> np.ndarray:
    """Probabilities with given shares; the rest is spread over the other classes."""
    rest = (1 - sum(shares.values())) / (len(FER2013) - len(shares))
    return np.array([shares.get(name, rest) for name in FER2013], np.float32)


def run(smoother: LabelSmoother, p: np.ndarray, elapsed: float, settings=SETTINGS):
    return smoother.update(p, elapsed, FER2013, settings)


def test_the_first_observation_stands_as_it_is() -> None:
    smoothed, label, confidence = run(LabelSmoother(), spread(happy=0.7), 0.0)
    assert label == "happy"
    assert confidence == pytest.approx(0.7, abs=1e-6)
    np.testing.assert_allclose(smoothed, spread(happy=0.7), atol=1e-6)


def test_the_step_response_follows_the_time_constant_at_any_rate() -> None:
    for rate in (5, 30, 100):
        smoother = LabelSmoother()
        run(smoother, spread(happy=1.0), 0.0)
        for _ in range(rate * 3 // 5):  # 0.6 s, two time constants
            smoothed, _, _ = run(smoother, spread(sad=1.0), 1 / rate)
        remaining = smoothed[FER2013.index("happy")]
        assert remaining == pytest.approx(np.exp(-2), abs=1e-3), rate


def test_time_constant_zero_switches_smoothing_off() -> None:
    off = SmoothingSettings(time_constant=0.0, hysteresis=0.0, threshold=0.3)
    smoother = LabelSmoother()
    run(smoother, spread(happy=0.9), 0.0, off)
    smoothed, label, _ = run(smoother, spread(sad=0.8), 0.03, off)
    assert label == "sad"
    np.testing.assert_allclose(smoothed, spread(sad=0.8), atol=1e-6)


def test_a_small_lead_does_not_change_the_label() -> None:
    plain = SmoothingSettings(time_constant=0.0, hysteresis=0.1, threshold=0.3)
    smoother = LabelSmoother()
    assert run(smoother, spread(happy=0.50, neutral=0.4), 0.0, plain)[1] == "happy"
    assert run(smoother, spread(happy=0.42, neutral=0.48), 0.1, plain)[1] == "happy"
    assert run(smoother, spread(happy=0.40, neutral=0.52), 0.1, plain)[1] == "neutral"


def test_alternating_observations_do_not_flicker() -> None:
    smoother, labels = LabelSmoother(), []
    for i in range(60):
        p = spread(happy=0.55, neutral=0.4) if i % 2 else spread(happy=0.4, neutral=0.55)
        labels.append(run(smoother, p, 1 / 30)[1])
    assert len(set(labels)) == 1


def test_no_supported_class_is_uncertain_with_the_best_probability() -> None:
    _, label, confidence = run(LabelSmoother(), spread(fear=0.3), 0.0)
    assert label == UNCERTAIN
    assert confidence == pytest.approx(0.3, abs=1e-6)


def test_a_label_is_kept_a_little_below_the_threshold_and_no_further() -> None:
    plain = SmoothingSettings(time_constant=0.0, hysteresis=0.1, threshold=0.4)
    smoother = LabelSmoother()
    assert run(smoother, spread(happy=0.41), 0.0, plain)[1] == "happy"
    assert run(smoother, spread(happy=0.37), 0.1, plain)[1] == "happy"
    assert run(smoother, spread(happy=0.35), 0.1, plain)[1] == UNCERTAIN
    assert run(smoother, spread(happy=0.37), 0.1, plain)[1] == UNCERTAIN


@given(
    st.lists(
        st.lists(st.floats(0.001, 1.0), min_size=7, max_size=7), min_size=1, max_size=20
    ),
    st.floats(0, 5),
    st.floats(0, 2),
)  # fmt: skip
def test_smoothed_probabilities_always_sum_to_one(rows, elapsed, time_constant) -> None:
    settings = SmoothingSettings(time_constant, 0.1, 0.3)
    smoother = LabelSmoother()
    for row in rows:
        p = np.asarray(row, np.float32)
        smoothed, label, confidence = run(smoother, p / p.sum(), elapsed, settings)
        assert smoothed.sum() == pytest.approx(1.0, abs=1e-5)
        assert (smoothed >= 0).all()
        assert label in (*FER2013, UNCERTAIN)
        assert 0 < confidence <= 1.0 + 1e-6
