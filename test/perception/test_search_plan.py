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

"""The search plan: what it covers, and what it spends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fer_ros.perception.detection.search_plan import OVERLAP, SearchPlan, places
from fer_ros.perception.types import Box

SIZES = {"VGA": (640, 480, 0.5), "720p": (1280, 720, 0.5), "1080p": (1920, 1080, 1 / 3)}
"""Width, height, scale of the whole pass: 320 pixels for VGA, else 640."""


def plan_of(width: int, height: int, scale: float, frames: int, budget: float = 2.0, tracked=()):
    plan = SearchPlan()
    return [plan.windows(width, height, scale, budget, 16.0, list(tracked)) for _ in range(frames)]


@pytest.mark.parametrize(("name", "seconds"), [("VGA", 0.5), ("720p", 0.5), ("1080p", 1.0)])
def test_every_small_face_is_whole_in_a_window_in_time(name: str, seconds: float) -> None:
    width, height, scale = SIZES[name]
    frames = plan_of(width, height, scale, round(30 * seconds))
    windows = [window for frame in frames for window in frame]
    step = 16
    for y in range(0, height - OVERLAP + 1, step):
        for x in range(0, width - OVERLAP + 1, step):
            assert any(
                w.x <= x
                and w.y <= y
                and x + OVERLAP <= w.x + w.width
                and y + OVERLAP <= w.y + w.height
                for w in windows
            ), (x, y)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("budget", [1.3, 2.0, 3.0])
@pytest.mark.parametrize("faces", [0, 1, 30])
def test_the_budget_is_kept(name: str, budget: float, faces: int) -> None:
    width, height, scale = SIZES[name]
    rng = np.random.default_rng(faces)
    tracked = [
        Box(*rng.uniform(0, 0.95, 2) * (width, height), *rng.uniform(12, 40, 2))
        for _ in range(faces)
    ]
    allowed = (budget - 1) * width * height * scale**2
    for windows in plan_of(width, height, scale, 40, budget, tracked):
        assert sum(window.area for window in windows) <= allowed
        for w in windows:
            assert 0 <= w.x <= w.x + w.width <= width
            assert 0 <= w.y <= w.y + w.height <= height


def test_a_budget_of_one_and_full_resolution_need_no_window() -> None:
    assert plan_of(1280, 720, 0.5, 3, budget=1.0) == [[], [], []]
    assert plan_of(640, 480, 1.0, 3) == [[], [], []]


def test_small_tracked_faces_get_a_window_and_large_ones_none() -> None:
    small, large = Box(600, 300, 24, 30), Box(100, 100, 200, 240)
    for windows in plan_of(1280, 720, 0.5, 5, tracked=[small, large]):
        around, wandering = windows
        assert around.x <= 600 <= 624 <= around.x + around.width
        assert around.y <= 300 <= 330 <= around.y + around.height
        assert around.area < 0.1 * wandering.area


def test_many_small_faces_take_turns() -> None:
    tracked = [Box(30.0 + 60 * i, 200, 24, 30) for i in range(20)]
    seen = set()
    for windows in plan_of(1280, 720, 0.5, 20, tracked=tracked):
        for window in windows[:-1]:
            seen |= {i for i, box in enumerate(tracked) if window.x <= box.x < window.x + 70}
    assert seen == set(range(20))


def test_places_cover_a_side() -> None:
    for side, window in ((1920, 640), (1080, 352), (640, 640), (300, 640)):
        starts = places(side, window)
        assert starts[0] == 0
        assert starts[-1] + window >= side
        assert all(b - a <= window - OVERLAP for a, b in itertools.pairwise(starts))


def test_the_plan_is_the_same_for_the_same_frames() -> None:
    tracked = [Box(600, 300, 24, 30)]
    one = plan_of(1280, 720, 0.5, 12, tracked=tracked)
    assert one == plan_of(1280, 720, 0.5, 12, tracked=tracked)
