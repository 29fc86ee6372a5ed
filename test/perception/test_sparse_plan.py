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

"""Search below a pass an image: what it costs, what it finds when, and that it repeats itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer_ros.perception.association import Expected, Tracker, track_ids
from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.detection.sparse_plan import LONGEST, SHORTEST, SparsePlan, Step
from fer_ros.perception.types import Box, Frame
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.scene import Actor, Scene, background

SECOND = 1_000_000_000
VGA = (640, 480)
WALL = np.ascontiguousarray(background(*VGA))


@pytest.fixture(scope="module")
def detector() -> FerFaceDetector:
    return FerFaceDetector(DetectorSettings())


def face(x: float = 320.0, side: float = 90.0) -> Expected:
    return Expected(Box(x, 200.0, side, side), age=10, missed=0)


def steps(
    detector: FerFaceDetector, budget: float, expected: list[Expected], count: int = 120,
    size: tuple[int, int] = VGA, hz: float = 30.0,
) -> list[Step]:  # fmt: skip
    plan = SparsePlan()
    return [
        plan.step(detector, size, budget, expected, round((1 + k / hz) * SECOND), 0)
        for k in range(count)
    ]


def spent(detector: FerFaceDetector, found: list[Step], size: tuple[int, int]) -> float:
    """Return the mean cost of an image in whole passes."""
    unit = detector.cost(*size, detector.scale(*size))
    windows = [w for s in found for w in (*s.windows, *filter(None, [s.wandering]))]
    own = sum(detector.cost(w.width, w.height, w.scale) for w in windows)
    return (sum(s.whole for s in found) + own / unit) / len(found)


@pytest.mark.parametrize("budget", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("size", [VGA, (1280, 720), (1920, 1080)])
def test_the_budget_is_kept_on_average(
    detector: FerFaceDetector, budget: float, size: tuple[int, int]
) -> None:
    found = steps(detector, budget, [face()], 300, size)
    assert spent(detector, found, size) <= budget + 0.01


@pytest.mark.parametrize(("hz", "seconds"), [(30.0, 0.25), (10.0, 0.5), (3.0, 0.5)])
@pytest.mark.parametrize("faces", [0, 1, 6])
def test_a_whole_pass_comes_in_time_whatever_the_budget(
    detector: FerFaceDetector, hz: float, seconds: float, faces: int
) -> None:
    expected = [face(100.0 * k) for k in range(faces)]
    whole = [k for k, s in enumerate(steps(detector, 0.1, expected, hz=hz)) if s.whole]
    assert whole[0] == 0
    assert max(np.diff(whole)) <= max(seconds * hz, 1)


def test_where_nothing_happens_most_images_are_searched_in_windows(
    detector: FerFaceDetector,
) -> None:
    found = steps(detector, 0.8, [face()])
    assert [s.whole for s in found].count(True) == pytest.approx(len(found) / SHORTEST, abs=1)
    for step in found[1:]:
        assert len(step.windows) == (0 if step.whole else 1)


def test_faces_beside_each_other_share_a_window(detector: FerFaceDetector) -> None:
    near, far = [face(300), face(310, 80)], [face(50, 60), face(500, 60)]
    assert len(steps(detector, 0.8, near)[1].windows) == 1
    assert len(steps(detector, 0.8, far)[1].windows) == 2


def test_many_faces_are_cheaper_in_one_pass(detector: FerFaceDetector) -> None:
    crowd = [
        Expected(Box(20.0 + 80 * (k % 8), 20.0 + 110 * (k // 8), 40, 40), 9, 0) for k in range(32)
    ]
    assert all(step.whole for step in steps(detector, 0.8, crowd, 20))


def test_windows_that_lose_a_face_show_it_otherwise_and_then_give_way_to_whole_passes(
    detector: FerFaceDetector,
) -> None:
    plan, hard, other = SparsePlan(), replace(face(), track_id="a"), replace(face(60), track_id="b")
    sides, wholes = [], []
    for number in range(100):
        time_ns = SECOND + number * SECOND // 30
        step = plan.step(detector, VGA, 0.8, [hard, other], time_ns, 0)
        if step.windows:
            assert [w.width for w in step.windows if w.x == 0] == [225], "another's stays"
            sides += [w.width for w in step.windows if w.x > 0]
            plan.lose([hard], time_ns)
        wholes.append(step.whole)
    assert sides[:6] == [225, 171, 288] * 2
    assert wholes.count(False) == len(sides) == 3 * 100 // 15 + 1
    assert wholes[1:16] == [False] * 3 + [True] * 12


def test_a_new_face_is_followed_by_a_whole_pass_and_a_lost_one_has_it_at_once(
    detector: FerFaceDetector,
) -> None:
    shown = Scene(*VGA, (Actor(320, 240, 120, ("happy",)),)).render(0.0)[0]
    searcher, tracker = Searcher(detector), Tracker(track_ids(), lambda: None)
    whole, counts = [], []
    for number in range(40):
        time_ns = SECOND + number * SECOND // 30
        picture = shown if 12 <= number < 27 else WALL
        faces = searcher.find(picture, 0.5, tracker.expected(time_ns), time_ns)
        tracker.update(faces, time_ns, 1.0)
        whole.append(searcher.searched_whole)
        counts.append(len(faces))
    first = counts.index(1)
    assert 12 <= first <= 12 + LONGEST
    assert counts[first:27] == [1] * (27 - first), "kept by windows"
    assert whole[first + 1], "a new face"
    assert whole[27], "a lost one"
    assert not whole[28]


def test_a_nodding_face_is_tracked_between_whole_passes(detector: FerFaceDetector) -> None:
    actor = Actor(320, 240, 110, ("neutral",), sway=60.0, period=2.0)
    results = []
    for _ in range(2):
        settings = PerceptionSettings(
            detector="fer-face", models=("fer-lite",), detection_budget=0.3
        )
        pipeline = assemble(settings).pipeline
        frames = [
            Frame(Scene(*VGA, (actor,)).render(k / 30)[0], SECOND + k * SECOND // 30)
            for k in range(60)
        ]
        results.append([pipeline.process([frame])[0].faces for frame in frames])
    assert [len(faces) for faces in results[0]] == [1] * 60
    assert {f.track_id for faces in results[0] for f in faces} == {"face_1"}
    boxes = [[f.face.box for faces in run for f in faces] for run in results]
    assert boxes[0] == boxes[1], "the same every time"


def test_whole_passes_of_cameras_do_not_fall_on_one_batch() -> None:
    settings = PerceptionSettings(detector="fer-face", models=("fer-lite",), detection_budget=0.3)
    pipeline = assemble(settings).pipeline
    wholes = []
    for number in range(60):
        time_ns = SECOND + number * SECOND // 30
        pipeline.process([Frame(WALL, time_ns, topic=f"/camera{k}") for k in range(3)])
        wholes.append(
            sum(pipeline._camera(f"/camera{k}").searcher.searched_whole for k in range(3))
        )
    assert wholes[0] == 3
    assert max(wholes[LONGEST + 3 :]) == 1
    assert sum(wholes) >= 3 * 60 // LONGEST


def test_two_frames_of_one_camera_in_a_call_are_refused() -> None:
    pipeline = assemble(PerceptionSettings(detector="fer-face", models=("fer-lite",))).pipeline
    frame = Frame(WALL, SECOND)
    with pytest.raises(ValueError, match="two frames of one topic"):
        pipeline.process([frame, frame])
