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

"""Probabilities for another mix of classes than the training's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer_ros.perception.baseline import BaselineKind, BaselineSettings
from fer_ros.perception.class_balance import prior_weights, reweighted
from fer_ros.perception.classification import EmotionClassifier, fuse
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.filtering import ExpressionFilter, Prediction, SmoothingSettings
from fer_ros.perception.model_store import shipped_models
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings

SHARES = (0.1, 0.3, 0.6)


def test_a_balance_of_one_is_bayes_rule_for_equally_frequent_classes() -> None:
    likelihood = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    mixed = likelihood * SHARES
    mixed /= mixed.sum(axis=1, keepdims=True)
    wanted = likelihood / likelihood.sum(axis=1, keepdims=True)
    found = reweighted(mixed.astype(np.float32), prior_weights(SHARES, 1.0))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_half_a_balance_twice_is_a_whole_one() -> None:
    p = np.array([0.2, 0.5, 0.3], np.float32)
    half = prior_weights(SHARES, 0.5)
    whole = reweighted(p, prior_weights(SHARES, 1.0))
    np.testing.assert_allclose(reweighted(reweighted(p, half), half), whole, atol=1e-6)


def test_shipped_networks_tell_the_shares_of_fer2013() -> None:
    for name, path in shipped_models().items():
        if name == "arch1":  # learned from labels mixed with votes
            continue
        about = EmotionClassifier.from_files([path]).networks[0].metadata
        shares = dict(zip(about.labels, about.class_shares))
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
        assert shares["disgust"] == pytest.approx(436 / 28709, abs=1e-3)
        assert shares["happy"] == pytest.approx(7215 / 28709, abs=2e-3)


def test_the_shares_of_several_networks_are_joined_as_their_probabilities() -> None:
    names = shipped_models()
    classifier = EmotionClassifier.from_files([names["fer-base-int8"], names["fer-lite-int8"]])
    one, two = classifier.networks
    other = tuple(reversed(two.metadata.class_shares))
    two.metadata = replace(two.metadata, class_shares=other)
    pairs = list(zip(one.metadata.class_shares, other))
    assert classifier.prior_weights(1.0) == pytest.approx([2 / (a + b) for a, b in pairs])
    product = EmotionClassifier(classifier.networks, "product")
    assert product.prior_weights(1.0) == pytest.approx([1 / (a * b) for a, b in pairs])
    assert classifier.prior_weights(0.0) == ()
    two.metadata = replace(two.metadata, class_shares=())
    assert classifier.prior_weights(0.5) == ()


@pytest.mark.parametrize("fusion", ["sum", "product"])
def test_without_evidence_a_balance_of_one_is_even(fusion: str) -> None:
    names = shipped_models()
    files = [names["fer-base-int8"], names["fer-lite-int8"]]
    classifier = EmotionClassifier.from_files(files, fusion)
    shares = np.array(
        [network.metadata.class_shares for network in classifier.networks], np.float32
    )
    found = reweighted(fuse(list(shares[:, None]), fusion), classifier.prior_weights(1.0))
    np.testing.assert_allclose(found, np.full((1, 7), 1 / 7), atol=1e-3)


def test_a_track_keeps_the_networks_probabilities_and_shows_balanced_ones() -> None:
    p = np.full(7, 0.02, np.float32)
    p[FER2013.index("angry")], p[FER2013.index("disgust")] = 0.5, 0.4
    shares = [0.2, 0.02, 0.14, 0.2, 0.16, 0.12, 0.16]
    for balance, label in ((0.0, "angry"), (0.5, "disgust")):
        settings = SmoothingSettings(0.0, 0.1, 0.3, prior_weights=prior_weights(shares, balance))
        track = ExpressionFilter()
        shown = track.update(Prediction(p, 1.0, 0), FER2013, settings)
        assert shown.label == label
        assert shown.smoothed.sum() == pytest.approx(1.0, abs=1e-6)
        assert not track.changing
        assert track.last is not None
        np.testing.assert_array_equal(track.last.probabilities, p)


def test_a_baseline_takes_the_place_of_the_balance() -> None:
    p = np.array([0.3, 0.3, 0.05, 0.05, 0.05, 0.05, 0.2], np.float32)
    weights = prior_weights([0.2, 0.02, 0.14, 0.2, 0.16, 0.12, 0.16], 1.0)
    shown = []
    for own in ((), weights):
        baseline = BaselineSettings(BaselineKind.NEUTRAL, 1.0)
        settings = SmoothingSettings(0.0, 0.1, 0.3, baseline, own)
        track = ExpressionFilter()
        for frame in range(30):
            expression = track.update(Prediction(p, 1.0, frame * 100_000_000), FER2013, settings)
            if frame == 0:
                assert (expression.smoothed[1] > 0.7) == bool(own)
        shown.append(expression.smoothed)
    np.testing.assert_array_equal(*shown)


def test_the_parameter_reaches_the_tracks_while_running() -> None:
    assembly = assemble(PerceptionSettings(models=("fer-lite-int8",), detector="fer-face"))
    balances = (0.5, 0.0, 1.0)
    weights = []
    for balance in balances:
        settings = PerceptionSettings(models=("fer-lite-int8",), class_balance=balance)
        assembly.apply(settings)
        weights.append(assembly.pipeline.settings.smoothing.prior_weights)
    assert weights == [assembly.classifier.prior_weights(balance) for balance in balances]
    assert weights[1] == () != weights[2]
