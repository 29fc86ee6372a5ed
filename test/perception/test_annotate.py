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

"""The annotated picture: tags that follow their faces, keep apart, and do not claim too much."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_faces import sample_face

from fer_ros.perception import annotate, emotions
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.palette import PALETTE, PEOPLE, bgr, ink, person_bgr, short_id
from fer_ros.perception.tag_layout import layout
from fer_ros.perception.types import Box, FaceEmotion

SEVERE = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
"""Linear RGB as seen without one kind of cone (Machado, Oliveira and Fernandes 2009, table 1)."""


def face(
    x: float, y: float, size: float, label: str = "happy", confidence: float = 0.8, name: str = "f"
) -> FaceEmotion:
    return sample_face(name, label, confidence, Box(x, y, size, 1.2 * size))


def wall(width: int = 640, height: int = 480) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


FACES = st.lists(
    st.builds(
        face,
        st.floats(-50, 660), st.floats(-50, 500), st.floats(8, 300),
        st.sampled_from([*FER2013, emotions.UNCERTAIN]), st.floats(0, 1),
        st.sampled_from(["face_1", "a4f_123", ""]),
    ),
    max_size=40,
)  # fmt: skip


@given(FACES)
@settings(max_examples=40, deadline=None)
def test_tags_stay_in_the_picture_apart_and_no_wider_than_their_faces_allow(faces) -> None:
    tags = layout(faces, 640, 480)
    assert len(tags) == len(faces)
    for found, tag in zip(faces, tags):
        assert tag.x >= 0
        assert tag.y >= 0
        assert tag.x + tag.width <= 640 or tag.x == 0
        assert tag.y + tag.height <= 480 or tag.y == 0
        assert tag.width <= max(1.5 * found.face.box.width, 6)
    spoken = [tag for tag in tags if tag.style.capital]
    for i, one in enumerate(spoken):
        for other in spoken[:i]:
            wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            tall = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            shared = max(wide, 0) * max(tall, 0)
            assert shared <= 0.02 * max(one.width * one.height, other.width * other.height) + 1


@given(FACES)
@settings(max_examples=15, deadline=None)
def test_whatever_is_found_can_be_drawn_and_leaves_the_image_alone(faces) -> None:
    for image in (wall(), wall(33, 21)[:, :, 0].copy()):
        before = image.copy()
        picture = annotate.draw(image, faces)
        assert picture.shape == (*image.shape[:2], 3)
        assert (image == before).all()


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1920, 1080), (3840, 2160)])
def test_words_grow_with_face_and_image(size) -> None:
    width, height = size
    near, far = face(0.1 * width, 0.3 * height, 0.4 * height), face(0.8 * width, 0, 0.08 * height)
    large, small = (tag.style for tag in layout([near, far], width, height))
    assert large.capital > small.capital >= max(7, 0.8 * height / 90)
    assert large.capital <= height / 24
    assert large.track_id == "f"


def test_a_label_is_a_closed_box_and_uncertain_is_four_corners() -> None:
    middle_of_top = (100, 250)
    for label, closed in (("angry", True), (emotions.UNCERTAIN, False)):
        picture = annotate.draw(wall(), [face(200, 100, 100, label)])
        assert (picture[100, 200] == bgr(label)).all()
        changed = (picture[middle_of_top] != 120).any()
        assert changed == closed


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.9, 1.0])
def test_the_bar_is_as_long_as_the_confidence(confidence: float) -> None:
    found = face(200, 150, 150, "happy", confidence)
    tag = layout([found], 640, 480)[0]
    picture = annotate.draw(wall(), [found])
    row = picture[tag.y + tag.height - 2, tag.x : tag.x + tag.width]
    filled = (row == bgr("happy")).all(axis=1).mean()
    assert filled == pytest.approx(confidence, abs=0.03)


def test_uncertain_shows_no_bar() -> None:
    found = face(200, 150, 150, emotions.UNCERTAIN, 0.34, name="")
    tag = layout([found], 640, 480)[0]
    picture = annotate.draw(wall(), [found])
    shown = picture[tag.y : tag.y + tag.height, tag.x : tag.x + tag.width].reshape(-1, 3)
    assert (np.ptp(shown.astype(int), axis=1) < 12).all(), "grey only"


def test_every_label_has_a_colour_of_its_own_for_every_eye() -> None:
    assert set(PALETTE) == emotions.KNOWN | {emotions.UNCERTAIN}
    # What is uncertain is told by its shape: no other label has corners and no bar.
    labels = PALETTE.keys() - {emotions.UNCERTAIN}
    colors = np.array([bgr(label)[::-1] for label in sorted(labels)]) / 255
    for kind in (np.eye(3), *map(np.array, SEVERE.values())):
        seen = np.clip(colors**2.2 @ kind.T, 0, 1) ** (1 / 2.2)
        lab = cv2.cvtColor(seen[None].astype(np.float32), cv2.COLOR_RGB2LAB)[0]
        distance = np.linalg.norm(lab[:, None] - lab[None], axis=2)
        assert distance[np.triu_indices(len(lab), 1)].min() > 15


def test_words_contrast_with_their_tag() -> None:
    def luminance(color) -> float:
        return float(np.dot([0.0722, 0.7152, 0.2126], (np.array(color) / 255) ** 2.2))

    for color in (*map(bgr, PALETTE), *(person_bgr(f"face_{n}") for n in range(len(PEOPLE)))):
        bright, dark = sorted((luminance(color), luminance(ink(color))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, color


@pytest.mark.parametrize("name", ["k7w2xq_12", "face_12"])
def test_a_face_carries_the_number_and_the_colour_of_its_person(name: str) -> None:
    for size, label in ((150, "surprise"), (60, emotions.UNCERTAIN), (40, "neutral")):
        found = face(200, 150, size, label, name=name)
        (tag,) = layout([found], 640, 480)
        assert tag.style.track_id == name
        picture = annotate.draw(wall(), [found])
        shown = picture[tag.y : tag.y + tag.height, tag.x : tag.x + tag.width]
        assert (shown == person_bgr("other_12")).all(axis=2).sum() > 20
    assert short_id(name) == "12"
