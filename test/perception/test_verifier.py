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

"""The verifier: crops of candidates, their new confidence, and where it counts."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fer_ros.perception import model_store
from fer_ros.perception.association import Expected
from fer_ros.perception.detection import DetectorError, DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.base import merged
from fer_ros.perception.detection.factory import create_detector, locate_detector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.detection.verifier import CONTEXT, SIDE, SURE, Verifier, crop, facts
from fer_ros.perception.errors import ModelError
from fer_ros.perception.types import Box
from fer_ros.sources.scene import Actor, Scene


def verifier_file(path: Path, weight: float = 0.0, bias: float = 0.0) -> Path:
    """Write a verifier whose logit is the crop's mean (0 to 1) times a weight, and a bias."""
    nodes = [
        helper.make_node("Cast", ["crops"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["facts"], ["unused"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["unused", "nothing"], ["zero"]),
        helper.make_node("Mul", ["mean", "weight"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["shifted"]),
        helper.make_node("Add", ["shifted", "zero"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "verifier",
        [
            helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", SIDE, SIDE]),
            helper.make_tensor_value_info("facts", TensorProto.FLOAT, ["n", 2]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n"])],
        [
            numpy_helper.from_array(np.float32(weight / 255), "weight"),
            numpy_helper.from_array(np.float32(bias), "bias"),
            numpy_helper.from_array(np.float32(0), "nothing"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def candidate(x: float, y: float, side: float, score: float) -> list[float]:
    return [x, y, side, side, *[0.0] * 10, score]


def scene(size: float = 120.0) -> np.ndarray:
    return Scene(640, 480, (Actor(320, 240, size, ("happy",)),)).render(0.0)[0]


def test_a_crop_shows_the_box_in_its_middle_and_black_beyond_the_rims() -> None:
    image = np.full((200, 300), 90, np.uint8)
    image[80:120, 130:170] = 250
    seen = crop(image, np.array([130, 80, 40, 40], np.float32))
    assert seen.shape == (SIDE, SIDE)
    half = round(SIDE / 2 / CONTEXT)
    middle = seen[SIDE // 2 - half + 2 : SIDE // 2 + half - 2, SIDE // 2 - half + 2 : -half - 2]
    assert (middle == 250).all()
    assert seen[2, 2] == seen[-3, -3] == 90
    corner = crop(image, np.array([-20, -20, 40, 40], np.float32))
    assert (corner[: SIDE // 2 - 2] == 0).all()
    assert (corner[:, : SIDE // 2 - 2] == 0).all()
    assert corner[-3, -3] == 90


@pytest.mark.parametrize("box", [(900, 20, 30, 30), (-400, -400, 10, 10), (5, 5, 0, 0)])
def test_a_box_anywhere_has_a_crop(box: tuple[int, ...]) -> None:
    assert crop(np.full((60, 80), 9, np.uint8), np.array(box, np.float32)).shape == (SIDE, SIDE)


def test_colour_and_grey_give_the_same_crop() -> None:
    image = scene()
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    box = np.array([260, 180, 100, 130], np.float32)
    np.testing.assert_array_equal(crop(image, box), crop(grey, box))


def test_the_crop_of_a_large_face_is_a_mean_and_no_sample_of_its_pixels() -> None:
    stripes = np.zeros((480, 640), np.uint8)
    stripes[:, ::2] = 200
    seen = crop(stripes, np.array([200, 100, 200, 200], np.float32))
    assert np.abs(seen.astype(int) - 100).max() <= 2


def test_candidates_get_a_new_confidence_and_order(tmp_path: Path) -> None:
    image = np.full((200, 400), 20, np.uint8)
    image[:, 200:] = 230
    verifier = Verifier(verifier_file(tmp_path / "v.onnx", weight=20.0, bias=-10.0))
    found = np.array([candidate(40, 80, 30, 0.8), candidate(300, 80, 30, 0.3)], np.float32)
    before = found.copy()
    bright, dark = verifier.verified(image, found)
    np.testing.assert_array_equal(found, before)
    assert bright[0] == 300
    seen = 190  # grey level, as of all crops that are too bright
    assert bright[14] == pytest.approx(1 / (1 + np.exp(-(20 * seen / 255 - 10))), abs=1e-4)
    assert dark[14] < 0.02


def test_sure_candidates_are_not_looked_at_and_come_first(tmp_path: Path) -> None:
    verifier = Verifier(verifier_file(tmp_path / "v.onnx", bias=-9.0))
    image = np.zeros((100, 100), np.uint8)
    found = np.array([candidate(10, 10, 30, SURE), candidate(60, 60, 30, 0.9)], np.float32)
    assert verifier.verified(image, found)[:, 14].tolist() == pytest.approx([1.0, 0.0], abs=1e-3)
    found = found[::-1]  # a candidate that is looked at and found sure does not overtake
    verifier = Verifier(verifier_file(tmp_path / "w.onnx", bias=7.0))
    assert verifier.verified(image, found)[:, 0].tolist() == [10, 60]
    assert len(verifier.verified(image, found[:0])) == 0


def test_facts_are_logarithms_of_score_and_side() -> None:
    (row,) = facts(np.array([candidate(0, 0, 80, 0.5)], np.float32))
    assert row.tolist() == pytest.approx([0.0, np.log(2)], abs=1e-6)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the shipped detector without its verifier."""
    return Path(shutil.copy(model_store.shipped_detector(), tmp_path / "own.onnx"))


def test_the_file_beside_a_detector_is_its_verifier(own: Path) -> None:
    settings = DetectorSettings()
    image = np.asarray(cv2.GaussianBlur(scene(60), (0, 0), 3.5))
    (face,) = FerFaceDetector(settings, own).detect(image)
    assert face.score < SURE
    verifier_file(own.with_name("own-verifier.onnx"), bias=-9.0)
    assert FerFaceDetector(settings, own).detect(image) == []
    verifier_file(own.with_name("own-verifier.onnx"), bias=9.0)
    assert len(FerFaceDetector(settings, own).detect(image)) >= 1


def test_what_the_detector_doubts_may_begin_a_track(own: Path) -> None:
    image = np.asarray(cv2.GaussianBlur(scene(60), (0, 0), 4.5))
    plain = FerFaceDetector(DetectorSettings(), own)
    doubted = merged(plain, image, [plain.candidates(image, 0.1)])
    assert 0.1 < doubted[0, 14] < 0.7
    assert Searcher(plain).find(image, 1.0) == []
    verifier_file(own.with_name("own-verifier.onnx"), bias=3.0)
    assert len(Searcher(FerFaceDetector(DetectorSettings(), own)).find(image, 1.0)) >= 1


def test_doubtful_candidates_of_a_video_are_looked_at_where_a_track_expects_a_face(
    own: Path,
) -> None:
    verifier_file(own.with_name("own-verifier.onnx"), bias=9.0)
    finder = FerFaceDetector(DetectorSettings(), own)
    image = np.zeros((200, 400), np.uint8)
    rows = [candidate(40, 80, 30, 0.25), candidate(160, 80, 30, 0.35), candidate(300, 80, 30, 0.25)]
    found = np.array(rows, np.float32)
    assert len(finder.verified(image, found)) == 3
    elsewhere = Box(0, 0, 9, 9)
    assert finder.verified(image, found, [elsewhere])[:, 0].tolist() == [160]
    assert finder.verified(image, found, [Box(310, 90, 30, 30)])[:, 0].tolist() == [160, 300]
    finder.settings = DetectorSettings(threshold=0.4)
    assert len(finder.verified(image, found, [elsewhere])) == 3


def test_pictures_without_tracks_are_searched_as_detect_does(own: Path) -> None:
    verifier_file(own.with_name("own-verifier.onnx"), bias=3.0)
    finder = FerFaceDetector(DetectorSettings(), own)
    image = np.asarray(cv2.GaussianBlur(scene(60), (0, 0), 6.8))
    plain = finder.candidates(image, 0.1)
    assert 0.2 < plain[:, 14].max() < 0.3
    alone = [face.box for face in finder.detect(image)]
    assert [face.box for face in Searcher(finder).find(image, 1.0)] == alone != []
    elsewhere = [Expected(Box(500, 400, 60, 60), age=5, missed=0)]
    assert Searcher(finder).find(image, 1.0, elsewhere) == []


def test_another_network_beside_a_detector_is_refused(own: Path) -> None:
    shutil.copy(own, own.with_name("own-verifier.onnx"))
    with pytest.raises(DetectorError, match="its inputs are not crops and facts; remove it"):
        create_detector("fer-face", DetectorSettings(), str(own))
    own.with_name("own-verifier.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"own-verifier\.onnx cannot be loaded"):
        create_detector("fer-face", DetectorSettings(), str(own))


def test_the_verifier_is_named_with_its_detector(own: Path) -> None:
    assert locate_detector("fer-face", str(own)).verifier is None
    file = verifier_file(own.with_name("own-verifier.onnx"))
    assert locate_detector("fer-face", str(own)).verifier == file


def test_an_altered_shipped_verifier_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_store.MODELS_FOLDER, tmp_path / "models")
    detector = tmp_path / "models" / "fer-face.onnx"
    monkeypatch.setattr(model_store, "shipped_detector", lambda: detector)
    FerFaceDetector(DetectorSettings())
    file = model_store.verifier_of(detector)
    assert file is not None
    file.write_bytes(file.read_bytes() + b"\x72\x00")
    with pytest.raises(ModelError, match="has been altered"):
        FerFaceDetector(DetectorSettings())
