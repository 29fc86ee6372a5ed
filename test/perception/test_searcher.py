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

"""What a camera's search finds and holds on to, over the weights of YuNet and of fer-face."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros import Frame, PerceptionSettings, assemble
from fer_ros.perception import model_store
from fer_ros.perception.association import STEADY_AGE, Expected
from fer_ros.perception.detection import DetectorSettings, FerFaceDetector, YuNetDetector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.types import Box, Image
from fer_ros.sources.scene import Actor, Scene, background


@pytest.fixture(scope="module")
def detector(shared: Path) -> YuNetDetector:
    weights = shared / "models" / "yunet_s_dynamic.onnx"
    return YuNetDetector(weights, DetectorSettings(0.6, detection_size=320))


def test_a_small_face_is_found_by_the_budget_and_kept(detector: YuNetDetector) -> None:
    scene = Scene(1280, 720, (Actor(900, 400, 40, ("happy",)),)).render(0.0)[0]
    assert detector.detect(scene) == []
    searcher, tracked, found = Searcher(detector), [], []
    for _ in range(60):
        faces = searcher.find(scene, 2.0, [Expected(box, 1, 0) for box in tracked])
        found.append(len(faces))
        tracked = [face.box for face in faces] or tracked
    assert 1 in found[:30]
    assert found[found.index(1) :] == [1] * (60 - found.index(1))
    x, y = tracked[0].center
    assert abs(x - 900) < 10
    assert abs(y - 400) < 14


def test_faces_in_several_windows_are_one_face_each(detector: YuNetDetector) -> None:
    actors = (Actor(320, 240, 200, ("happy",)), Actor(900, 400, 120, ("happy",)))
    scene = Scene(1280, 720, actors).render(0.0)[0]
    searcher = Searcher(detector)
    expected = len(detector.detect(scene))
    assert expected == 2
    for _ in range(20):
        faces = searcher.find(scene, 3.0, [])
        assert len(faces) == expected
        assert all(face.box.height > 80 for face in faces)  # none cut by a window's rim


def test_a_scene_without_faces_stays_without(detector: YuNetDetector) -> None:
    scene = cv2.resize(background(640, 360), (1280, 720))
    searcher = Searcher(detector)
    assert [searcher.find(scene, 2.0, []) for _ in range(12)] == [[]] * 12


def faded(opacity: float) -> Image:
    """Return a scene whose face sinks into the wall."""
    wall = background(640, 480)
    scene = Scene(640, 480, (Actor(320, 240, 120, ("neutral",)),)).render(0.0)[0]
    return np.asarray(cv2.addWeighted(scene, opacity, wall, 1 - opacity, 0), np.uint8)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of fer-face without a verifier, whose confidence falls little by little."""
    return Path(shutil.copy(model_store.shipped_detector(), tmp_path_factory.mktemp("alone")))


@pytest.fixture(scope="module")
def doubtful(alone: Path) -> Image:
    """A picture in which it takes the face for one with a confidence of 0.56 to 0.65."""
    detector = FerFaceDetector(DetectorSettings(0.05), alone)
    for opacity in np.linspace(0.6, 0.02, 117):
        scores = [face.score for face in detector.detect(faded(opacity))]
        if scores and 0.56 < max(scores) < 0.65:
            return faded(opacity)
    raise AssertionError("no such picture")


def test_a_doubtful_face_is_believed_only_where_a_track_expects_one(
    doubtful: Image, alone: Path
) -> None:
    searcher = Searcher(FerFaceDetector(DetectorSettings(), alone))
    (face,) = searcher.find(faded(1.0), 1.0, [])
    x, y = face.box.center
    there = Box(x - 50, y - 50, 100, 100)
    assert searcher.find(doubtful, 1.0, [Expected(there, STEADY_AGE - 1, 0)]) == []
    (held,) = searcher.find(doubtful, 1.0, [Expected(there, STEADY_AGE, 0)])
    assert held.box.iou(face.box) > 0.6
    assert searcher.find(doubtful, 1.0, [Expected(Box(20, 20, 100, 100), STEADY_AGE, 0)]) == []


@pytest.mark.parametrize("detection_size", [320, 640, 1000])
def test_a_face_below_the_floor_begins_no_track_and_keeps_one_only_if_sure(
    doubtful: Image, alone: Path, detection_size: int
) -> None:
    def find(picture: Image, expected: list[Expected], min_face: int) -> int:
        settings = DetectorSettings(min_face=min_face, detection_size=detection_size)
        return len(Searcher(FerFaceDetector(settings, alone)).find(picture, 1.0, expected))

    (face,) = Searcher(FerFaceDetector(DetectorSettings(), alone)).find(faded(1.0), 1.0)
    below, above = (round(face.box.area**0.5) + margin for margin in (-20, 20))
    tracked = [Expected(face.box, STEADY_AGE, 0)]
    elsewhere = [Expected(Box(20, 20, 100, 100), STEADY_AGE, 0)]
    assert find(faded(1.0), [], below) == 1
    assert find(faded(1.0), [], above) == find(faded(1.0), elsewhere, above) == 0
    assert find(faded(1.0), tracked, above) == 1
    if detection_size == 640:
        assert (find(doubtful, tracked, below), find(doubtful, tracked, above)) == (1, 0)


@pytest.mark.parametrize("budget", [0.3, 1.0, 2.0])
def test_small_faces_are_left_out_whatever_the_budget(budget: float) -> None:
    actors = (*(Actor(80.0 + 160 * k, 380, 40, ("happy",)) for k in range(4)),)
    scene = Scene(640, 480, (*actors, Actor(320, 120, 150, ("happy",)))).render(0.0)[0]

    def counts(min_face: int) -> list[int]:
        settings = PerceptionSettings(
            detector="fer-face", models=("fer-lite",), detection_budget=budget,
            min_face_size=min_face,
        )  # fmt: skip
        pipeline = assemble(settings).pipeline
        frames = [Frame(scene, stamp_ns=(1 + k) * 10**8) for k in range(4)]
        return [len(pipeline.process([frame])[0].faces) for frame in frames]

    assert counts(14) == [5] * 4
    assert counts(60) == [1] * 4


def test_a_sure_face_leaves_no_room_for_a_doubtful_one_beside_it(
    doubtful: Image, alone: Path
) -> None:
    searcher = Searcher(FerFaceDetector(DetectorSettings(), alone))
    (sure,) = searcher.find(faded(1.0), 1.0, [])
    assert len(searcher.find(faded(1.0), 1.0, [Expected(sure.box, STEADY_AGE, 0)] * 3)) == 1


@pytest.mark.parametrize(("threshold", "held"), [(0.4, True), (0.7, False)])
def test_a_track_holds_on_to_a_face_that_dims(
    doubtful: Image, alone: Path, threshold: float, held: bool
) -> None:
    settings = PerceptionSettings(
        detector="fer-face", detector_model=str(alone), models=("fer-lite",),
        detection_budget=1.0, tracked_threshold=threshold,
    )  # fmt: skip
    pipeline = assemble(settings).pipeline

    def tracks(images: list[Image], start: int) -> list[list[str]]:
        frames = [Frame(image, stamp_ns=(start + k) * 10**8) for k, image in enumerate(images)]
        return [[f.track_id for f in pipeline.process([frame])[0].faces] for frame in frames]

    assert tracks([doubtful] * 4, 0) == [[]] * 4
    before = tracks([faded(1.0)] * 3, 4)
    assert before == [["face_1"]] * 3
    assert tracks([doubtful] * 12, 7) == [["face_1"] if held else []] * 12


def test_two_accidental_faces_make_no_track_that_holds_on(doubtful: Image, alone: Path) -> None:
    settings = PerceptionSettings(
        detector="fer-face", detector_model=str(alone), models=("fer-lite",)
    )
    pipeline = assemble(settings).pipeline
    images = [faded(1.0), faded(1.0), doubtful, doubtful]
    frames = [Frame(image, stamp_ns=k * 10**8) for k, image in enumerate(images)]
    assert [len(pipeline.process([frame])[0].faces) for frame in frames] == [1, 1, 0, 0]


@pytest.mark.parametrize("budget", [0.8, 0.3])
def test_what_the_budget_leaves_goes_to_where_a_face_may_be(
    doubtful: Image, alone: Path, budget: float
) -> None:
    searcher, whole = Searcher(FerFaceDetector(DetectorSettings(), alone)), []
    for number in range(40):
        assert searcher.find(doubtful, budget, (), number * 10**9 // 30) == []
        whole.append(searcher.searched_whole)
    assert budget - 0.06 <= np.mean(whole) <= budget + 0.01
