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

"""A person's baseline: what it takes out, what it must leave alone, and when it begins."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.perception.baseline import Baseline, BaselineError, BaselineKind, BaselineSettings
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.filtering import ExpressionFilter, Prediction, SmoothingSettings

RUNNING = BaselineSettings.parse("running")
NEUTRAL = BaselineSettings.parse("neutral:3.0")
RATE = 10


def spread(**shares: float) -> np.ndarray:
    """Probabilities with given shares; the rest is spread over the other classes."""
    rest = (1 - sum(shares.values())) / (len(FER2013) - len(shares))
    return np.array([shares.get(name, rest) for name in FER2013], np.float32)


SAD_AT_REST = spread(sad=0.5, neutral=0.35)
HIDDEN_ANGER = spread(sad=0.45, angry=0.3, neutral=0.2)
SMILE = spread(happy=0.9, sad=0.06)


def show(baseline: Baseline, p: np.ndarray, seconds: float, settings=RUNNING, quality=1.0):
    for _ in range(round(seconds * RATE)):
        found = baseline.update(p, 1 / RATE, FER2013, settings, quality)
    return found


def best(p: np.ndarray) -> str:
    return FER2013[int(p.argmax())]


def test_off_changes_nothing() -> None:
    baseline = Baseline()
    show(baseline, SMILE, 5, BaselineSettings())
    assert show(baseline, SAD_AT_REST, 5, BaselineSettings()) is SAD_AT_REST


def test_a_person_who_shows_one_thing_only_keeps_it_unchanged_for_ever() -> None:
    np.testing.assert_array_equal(show(Baseline(), SMILE, 120), SMILE)


@pytest.mark.parametrize("minutes", [1, 5])
def test_a_long_smile_is_not_erased(minutes: int) -> None:
    baseline = Baseline()
    show(baseline, SAD_AT_REST, 10)
    first = show(baseline, SMILE, 2)
    last = show(baseline, SMILE, 60 * minutes)
    assert best(last) == "happy"
    assert last.max() > 0.7
    assert first.max() - last.max() < 0.2


def test_what_a_face_always_shows_is_taken_out() -> None:
    baseline = Baseline()
    show(baseline, SAD_AT_REST, 20)
    show(baseline, SMILE, 5)
    assert best(HIDDEN_ANGER) == "sad"
    assert best(show(baseline, HIDDEN_ANGER, 0.1)) == "angry"


def test_class_weights_hold_until_there_is_a_baseline_and_it_starts_from_them() -> None:
    shares = np.array([0.2 if name == "sad" else 0.8 / 6 for name in FER2013])
    weights = tuple(1 / shares)
    plain = SAD_AT_REST * np.array(weights)
    plain /= plain.sum()
    off = Baseline().update(SAD_AT_REST, 0.1, FER2013, BaselineSettings(), weights=weights)
    np.testing.assert_allclose(off, plain, rtol=1e-5)
    baselines = [Baseline(), Baseline()]
    for baseline, own in zip(baselines, (weights, ()), strict=True):
        for _ in range(15):  # a second and a half of one expression
            first = baseline.update(SMILE, 0.1, FER2013, RUNNING, weights=own)
        for _ in range(11):
            last = baseline.update(SAD_AT_REST, 0.1, FER2013, RUNNING, weights=own)
        if own:
            assert best(first) == "happy"
            weighted = last
    sad = FER2013.index("sad")
    assert weighted[sad] < last[sad] < SAD_AT_REST[sad]
    # Five seconds of the mix beside 2.6 of what was shown: the two differ by 5 / 7.6 of it.
    ratio = np.log(weighted / last)
    start = np.log(shares) - np.log(1 / len(FER2013))
    expected = -start * 5 / 7.6
    np.testing.assert_allclose(ratio - ratio[0], expected - expected[0], atol=2e-3)


def test_neutral_seconds_make_the_rest_neutral_and_show_what_differs() -> None:
    baseline = Baseline()
    np.testing.assert_array_equal(show(baseline, SAD_AT_REST, 2.5, NEUTRAL), SAD_AT_REST)
    rest = show(baseline, SAD_AT_REST, 2, NEUTRAL)
    assert best(rest) == "neutral"
    assert rest[FER2013.index("neutral")] == pytest.approx(0.65, abs=0.01)
    assert best(show(baseline, SMILE, 60, NEUTRAL)) == "happy"
    assert best(show(baseline, SAD_AT_REST, 1, NEUTRAL)) == "neutral"


@pytest.mark.parametrize("rate", [1, 5, 30, 120])
def test_evidence_is_counted_in_time_not_in_images(rate: int) -> None:
    baseline = Baseline()
    for p in (SAD_AT_REST, SMILE):
        for _ in range(40 * rate if rate == 1 else 8 * rate):
            found = baseline.update(p, 1 / rate, FER2013, RUNNING)
    np.testing.assert_allclose(found, show_both(), atol=0.12 if rate == 1 else 0.02)


def show_both() -> np.ndarray:
    baseline = Baseline()
    show(baseline, SAD_AT_REST, 8)
    return show(baseline, SMILE, 8)


def test_a_gap_counts_no_more_than_half_a_second() -> None:
    baseline = Baseline()
    show(baseline, SAD_AT_REST, 10)
    np.testing.assert_array_equal(baseline.update(SMILE, 3600.0, FER2013, RUNNING), SMILE)


def test_faces_of_no_quality_are_no_evidence() -> None:
    baseline = Baseline()
    show(baseline, SMILE, 10, quality=0.0)
    np.testing.assert_array_equal(show(baseline, SAD_AT_REST, 10), SAD_AT_REST)


def test_other_settings_or_labels_start_anew() -> None:
    baseline = Baseline()
    show(baseline, SMILE, 5)
    show(baseline, SAD_AT_REST, 5)
    np.testing.assert_array_equal(show(baseline, SAD_AT_REST, 1, NEUTRAL), SAD_AT_REST)
    two = np.array([0.3, 0.7], np.float32)
    np.testing.assert_array_equal(baseline.update(two, 0.03, ("no", "yes"), NEUTRAL), two)


def test_networks_without_neutral_have_no_neutral_baseline() -> None:
    baseline, two = Baseline(), np.array([0.3, 0.7], np.float32)
    for _ in range(300):
        found = baseline.update(two, 0.1, ("no", "yes"), NEUTRAL)
    np.testing.assert_array_equal(found, two)


def test_certain_zeros_stay_finite() -> None:
    baseline = Baseline()
    for name in ("happy", "sad", "angry") * 3:
        found = show(baseline, spread(**{name: 1.0}), 2)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-6)


def test_a_filter_applies_it_before_smoothing_and_hands_it_on() -> None:
    settings = SmoothingSettings(0.3, 0.1, 0.4, BaselineSettings(BaselineKind.NEUTRAL, 1.0))
    first = ExpressionFilter()
    for index in range(60):
        shown = first.update(Prediction(SAD_AT_REST, 1.0, index * 33_333_333), FER2013, settings)
    assert shown.label == "neutral"
    assert first.last is not None
    np.testing.assert_array_equal(first.last.probabilities, SAD_AT_REST)  # raw stays raw
    second = ExpressionFilter()
    second.baseline = first.baseline
    assert second.update(Prediction(SAD_AT_REST, 1.0, 0), FER2013, settings).label == "neutral"


@pytest.mark.parametrize(
    "text", ["", "on", "neutral", "neutral:", "neutral:0", "neutral:-1", "neutral:1e3", "Running"]
)
def test_other_texts_are_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(BaselineError, match="off, running or neutral:SECONDS"):
        BaselineSettings.parse(text)
