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

"""Identities over time: missed detections, crossings, occlusions, and time that jumps."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fer_ros.perception.association import Tracker, random_prefix, track_ids
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.filtering import SmoothingSettings
from fer_ros.perception.types import Box, Face

SMOOTHING = SmoothingSettings(time_constant=0.0, hysteresis=0.1, threshold=0.3)
FRAME_NS = 33_000_000


def face(x: float, y: float = 100.0, size: float = 60.0) -> Face:
    return Face(Box(x - size / 2, y - size / 2, size, size), 0.9)


def flat(count: int) -> np.ndarray:
    return np.full((count, len(FER2013)), 1 / len(FER2013), np.float32)


def step(tracker: Tracker, faces: list[Face], stamp_ns: int, timeout: float = 1.0) -> list[str]:
    return [track.track_id for track in tracker.update(faces, stamp_ns, timeout)]


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(track_ids(), lambda: None)


def test_a_moving_face_keeps_its_id(tracker: Tracker) -> None:
    ids = {step(tracker, [face(100 + 8 * i)], i * FRAME_NS)[0] for i in range(60)}
    assert len(ids) == 1


def test_faces_keep_their_ids_whatever_their_order(tracker: Tracker) -> None:
    left, right = step(tracker, [face(100), face(400)], 0)
    assert step(tracker, [face(402), face(103)], FRAME_NS) == [right, left]


def test_missed_detections_do_not_break_a_track(tracker: Tracker) -> None:
    first = step(tracker, [face(100)], 0)
    step(tracker, [face(104)], FRAME_NS)
    for i in range(2, 12):
        assert step(tracker, [], i * FRAME_NS) == []
    assert step(tracker, [face(148)], 12 * FRAME_NS) == first


def test_a_track_not_seen_for_the_timeout_is_closed(tracker: Tracker) -> None:
    first = step(tracker, [face(100)], 0, timeout=0.5)
    assert step(tracker, [face(100)], 600_000_000, timeout=0.5) != first


@pytest.mark.parametrize("hidden", [0, 4, 9])
def test_two_people_who_cross_keep_their_ids(tracker: Tracker, hidden: int) -> None:
    """They walk past each other; while they overlap only the nearer one is detected."""
    ids: dict[str, str] = {}
    for i in range(61):
        to_right, to_left = face(100 + 6 * i, 100), face(460 - 6 * i, 112, size=52)
        visible = [to_right] if abs(i - 30) * 2 < hidden else [to_right, to_left]
        seen = step(tracker, visible, i * FRAME_NS)
        if i == 5:
            ids = {"to_right": seen[0], "to_left": seen[1]}
    assert seen == [ids["to_right"], ids["to_left"]]


def test_one_face_behind_an_obstacle_keeps_its_id(tracker: Tracker) -> None:
    for i in range(20):
        before = step(tracker, [face(100 + 5 * i)], i * FRAME_NS)
    for i in range(20, 32):
        step(tracker, [], i * FRAME_NS)
    assert step(tracker, [face(100 + 5 * 32)], 32 * FRAME_NS) == before


def test_a_new_face_far_away_is_a_new_track(tracker: Tracker) -> None:
    first = step(tracker, [face(100)], 0)
    assert step(tracker, [face(400)], FRAME_NS) != first


def test_a_face_of_quite_another_size_at_the_same_place_is_another_one(tracker: Tracker) -> None:
    first = step(tracker, [face(100, size=30)], 0)
    assert step(tracker, [face(100, size=200)], FRAME_NS) != first


def test_time_that_jumps_back_closes_all_tracks(tracker: Tracker) -> None:
    first = step(tracker, [face(100)], 50_000_000_000)
    assert step(tracker, [face(100)], 1_000_000_000) != first


def test_a_slightly_late_image_does_not(tracker: Tracker) -> None:
    first = step(tracker, [face(100)], 1_000_000_000)
    assert step(tracker, [face(100)], 980_000_000) == first
    assert step(tracker, [face(100)], 1_033_000_000) == first


def test_the_rate_of_images_does_not_matter() -> None:
    """A walk at 5 Hz and at 60 Hz: both are one track."""
    for rate in (5, 60):
        tracker = Tracker(track_ids(), lambda: None)
        count = 3 * rate
        ids = {
            step(tracker, [face(50 + 150 * i / rate)], i * 1_000_000_000 // rate)[0]
            for i in range(count)
        }
        assert len(ids) == 1, rate


def test_ids_of_two_cameras_never_collide() -> None:
    new_id = track_ids()
    one, other = Tracker(new_id, lambda: None), Tracker(new_id, lambda: None)
    seen = step(one, [face(1), face(300)], 0) + step(other, [face(1)], 0)
    assert len(set(seen)) == 3


def test_ids_of_two_lives_never_collide() -> None:
    """Short enough to say aloud, fit for the name of a topic."""
    lives = {random_prefix() for _ in range(200)}
    assert len(lives) == 200
    for life in lives:
        assert re.fullmatch(r"[a-z][a-z2-9]{5}_1", track_ids(life)())


def test_ids_of_a_replay_repeat_themselves() -> None:
    new_id = track_ids()
    assert [new_id(), new_id()] == ["face_1", "face_2"]
