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

"""Quality: what it measures on faces, and that UNCERTAIN follows from it."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.perception.filtering import LabelSmoother, SmoothingSettings
from fer_ros.perception.quality import MODEL, FaceFeatures, features_of, quality_of
from fer_ros.perception.types import Box, Face
from fer_ros.sources.scene import Actor, Scene

GOOD = FaceFeatures(side=120.0, turn=0.0, sharpness=0.5, cut=0.0)
FRONTAL = [(80, 90), (120, 90), (100, 112), (85, 130), (115, 130)]


def face(landmarks=FRONTAL, box=(60, 60, 80, 100)) -> Face:
    return Face(Box(*box), 0.9, np.array(landmarks, np.float32))


def crop() -> np.ndarray:
    picture = Scene(200, 200, (Actor(100, 100, 150, ("happy",)),)).render(0.0)[0]
    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[40:160, 40:160], (48, 48))


def test_a_good_face_has_quality_one_and_every_fault_costs() -> None:
    assert MODEL.quality(GOOD) == pytest.approx(1.0)
    for name, values in {
        "turn": (0.0, 0.3, 0.7, 1.2),
        "sharpness": (0.5, 0.25, 0.12, 0.02),
        "side": (120.0, 30.0, 14.0, 3.0),
        "cut": (0.0, 0.1, 0.3, 0.6),
    }.items():
        row = [MODEL.quality(FaceFeatures(**{**vars(GOOD), name: v})) for v in values]
        assert all(0 < b <= a <= 1 for a, b in itertools.pairwise(row)), name
        assert row[-1] < row[0], name


def test_turn_is_told_from_the_nose_whatever_the_tilt() -> None:
    plain = features_of(face(), crop(), 640, 480)
    assert plain.turn == pytest.approx(0.0, abs=1e-6)
    turned = [(80, 90), (120, 90), (114, 112), (95, 130), (118, 130)]
    away = features_of(face(turned), crop(), 640, 480)
    assert away.turn == pytest.approx(0.7)
    rotation = cv2.getRotationMatrix2D((100, 100), 40, 1.0)
    tilted = np.array(turned) @ rotation[:, :2].T + rotation[:, 2]
    assert features_of(face(tilted), crop(), 640, 480).turn == pytest.approx(0.7, abs=1e-3)
    assert features_of(Face(Box(60, 60, 80, 100), 0.9), crop(), 640, 480).turn == 0.0


def test_the_cut_share_is_the_box_outside_the_image() -> None:
    assert features_of(face(), crop(), 640, 480).cut == 0.0
    assert features_of(face(box=(-40, 60, 80, 100)), crop(), 640, 480).cut == pytest.approx(0.5)
    assert features_of(face(box=(600, 400, 80, 160)), crop(), 640, 480).cut == pytest.approx(0.75)


def test_blur_lowers_the_quality_and_a_flat_crop_has_no_sharpness() -> None:
    sharp = crop()
    values = [
        quality_of(face(), np.asarray(cv2.GaussianBlur(sharp, (0, 0), s)) if s else sharp, 640, 480)
        for s in (0, 1.0, 2.5)
    ]
    assert values[0] > values[1] > values[2]
    assert features_of(face(), np.full((48, 48), 99, np.uint8), 640, 480).sharpness == 0.0


def test_colour_and_other_sizes_give_the_same_measure() -> None:
    grey = crop()
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    assert features_of(face(), colour, 640, 480) == features_of(face(), grey, 640, 480)
    large = cv2.resize(grey, (96, 96), interpolation=cv2.INTER_NEAREST)
    assert features_of(face(), large, 640, 480).sharpness == pytest.approx(
        features_of(face(), grey, 640, 480).sharpness, rel=0.01
    )


def test_a_poor_face_is_uncertain_where_a_good_one_is_named() -> None:
    settings = SmoothingSettings(time_constant=0.3, hysteresis=0.1, threshold=0.4)
    values = np.array([0.05, 0.05, 0.05, 0.5, 0.15, 0.1, 0.1], np.float32)
    assert LabelSmoother().update(values, 0.0, FER2013, settings, 1.0)[1] == "happy"
    smoothed, label, confidence = LabelSmoother().update(values, 0.0, FER2013, settings, 0.7)
    assert label == UNCERTAIN
    assert confidence == pytest.approx(0.5)  # the probability itself is left as it is
    assert smoothed == pytest.approx(values)


def test_one_poor_frame_does_not_unname_a_face() -> None:
    settings = SmoothingSettings(time_constant=0.3, hysteresis=0.1, threshold=0.4)
    values = np.array([0.05, 0.05, 0.05, 0.5, 0.15, 0.1, 0.1], np.float32)
    smoother = LabelSmoother()
    labels = [smoother.update(values, 0.033, FER2013, settings, q)[1] for q in (1, 1, 0.6, 1, 1)]
    assert labels == ["happy"] * 5
    labels = [smoother.update(values, 0.033, FER2013, settings, 0.5)[1] for _ in range(40)]
    assert labels[-1] == UNCERTAIN
