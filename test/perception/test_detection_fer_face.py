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

"""The shipped face detector: faces of all sizes, any image, and files that are none of its form."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_ros.perception import model_store
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import DetectorError, DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_ros.perception.errors import ModelError
from fer_ros.perception.types import Image
from fer_ros.sources.scene import Actor, Scene, background


@pytest.fixture(scope="module")
def detector() -> FerFaceDetector:
    return FerFaceDetector(DetectorSettings())


def picture(size: float, width: int = 640, height: int = 480, angle: float = 0.0) -> Image:
    """A happy averaged face in the middle."""
    scene = Scene(width, height, (Actor(width / 2, height / 2, size, ("happy",)),)).render(0.0)[0]
    if angle:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        scene = np.asarray(cv2.warpAffine(scene, turn, (width, height)), np.uint8)
    return scene


@pytest.mark.parametrize("size", [40, 64, 96, 160, 280])
def test_faces_of_many_sizes_are_found_where_they_are(detector: FerFaceDetector, size: int) -> None:
    (face,) = detector.detect(picture(size))
    x, y = face.box.center
    assert abs(x - 320) < 0.2 * size
    assert abs(y - 240) < 0.2 * size
    assert 0.6 * size < np.sqrt(face.box.area) < 1.6 * size
    assert face.score >= 0.7


@pytest.mark.parametrize("angle", [-30, 0, 30])
def test_landmarks_follow_the_head(detector: FerFaceDetector, angle: float) -> None:
    faces = detector.detect(picture(200, angle=angle))
    assert faces
    points = faces[0].landmarks
    assert points is not None
    assert points.shape == (5, 2)
    assert points.dtype == np.float32
    right_eye, left_eye, _, right_mouth, left_mouth = points
    seen = np.degrees(np.arctan2(*(left_eye - right_eye)[::-1]))
    assert abs(seen + angle) < 12  # a tilt is understated, as by its teacher
    down = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    assert (right_mouth - right_eye) @ down > 20
    assert (left_mouth - left_eye) @ down > 20


def test_a_scene_is_found_at_its_place_whatever_the_scale(detector: FerFaceDetector) -> None:
    """The centre of a face in an enlarged picture is the enlarged centre."""
    small = picture(120)
    (one,) = detector.detect(small)
    for factor in (2, 3):
        large = cv2.resize(small, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        (other,) = detector.detect(large)
        expected = factor * (np.array(one.box.center) + 0.5) - 0.5
        assert np.abs(np.array(other.box.center) - expected).max() < 0.04 * 120 * factor


def test_grey_colour_and_padded_rows_agree(detector: FerFaceDetector) -> None:
    colour = picture(160)
    grey = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    padded = np.zeros((480, 700), np.uint8)
    padded[:, :640] = grey
    view = padded[:, :640]
    view.flags.writeable = False
    (one,) = detector.detect(colour)
    for image in (grey, view):
        (other,) = detector.detect(image)
        assert one.box == other.box
        assert one.score == other.score


def test_a_mirrored_image_gets_the_mirrored_face(detector: FerFaceDetector) -> None:
    image = Scene(640, 480, (Actor(250, 200, 160, ("happy",)),)).render(0.0)[0]
    (one,), (other,) = detector.detect(image), detector.detect(image[:, ::-1])
    assert abs(639 - one.box.center[0] - other.box.center[0]) < 8
    assert abs(one.box.center[1] - other.box.center[1]) < 8


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_heads_on_their_side_are_out_of_scope_and_make_no_noise(
    detector: FerFaceDetector, turns: int
) -> None:
    assert len(detector.detect(np.rot90(picture(200), turns))) <= 1


def test_a_face_cut_by_the_border_is_one_face_or_none(detector: FerFaceDetector) -> None:
    whole = picture(200)
    for left in (240, 290, 320, 345, 380, 420):
        faces = detector.detect(np.ascontiguousarray(whole[:, left:]))
        assert len(faces) <= 1
        assert len(faces) == 1 or left > 290


def test_a_smaller_image_leaves_nothing_of_the_larger_behind(detector: FerFaceDetector) -> None:
    assert detector.detect(picture(160, 640, 480))
    assert detector.detect(np.zeros((450, 640, 3), np.uint8)) == []


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25
)
@given(width=st.integers(1, 900), height=st.integers(1, 900), grey=st.booleans())
def test_any_size_of_image_is_taken(
    detector: FerFaceDetector, width: int, height: int, grey: bool
) -> None:
    rng = np.random.default_rng(0)
    shape = (height, width) if grey else (height, width, 3)
    for face in detector.detect(rng.integers(0, 256, shape, np.uint8)):
        assert 0.7 <= face.score <= 1


def test_8k_images_are_taken(detector: FerFaceDetector) -> None:
    large = cv2.resize(picture(200), (7680, 5760))
    faces = detector.detect(large[:4320])
    assert len(faces) <= 1
    assert all(np.isfinite(face.box.area) for face in faces)


def test_faces_that_fill_the_image_are_searched_in_a_small_copy_too(
    detector: FerFaceDetector,
) -> None:
    image = Scene(640, 480, (Actor(320, 250, 400, ("happy",)),)).render(0.0)[0]
    large, small = (detector.candidates(image, 0.4, scale) for scale in (1.0, 0.25))
    assert len(large)
    assert len(small)
    np.testing.assert_array_equal(detector.candidates(image, 0.4), np.concatenate([large, small]))
    half = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    once = FerFaceDetector(DetectorSettings(detection_size=320))
    np.testing.assert_array_equal(once.candidates(half, 0.4), once.candidates(half, 0.4, 1.0))


def test_grey_and_colour_images_of_any_layout_are_searched_alike(detector: FerFaceDetector) -> None:
    image = picture(96)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    wide = np.zeros((480, 2, 640), np.uint8)
    wide[:, 1] = grey
    for other in (grey, wide[:, 1], np.repeat(grey[:, :, None], 3, axis=2)):
        np.testing.assert_array_equal(
            detector.candidates(other, 0.4), detector.candidates(image, 0.4)
        )


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1, 1), (3, 4000)])
def test_black_white_and_noise_hold_no_face(
    detector: FerFaceDetector, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(1)
    for image in (
        np.zeros(size, np.uint8),
        np.full(size, 255, np.uint8),
        rng.integers(0, 256, size, np.uint8),
        np.asarray(cv2.GaussianBlur(rng.integers(0, 256, size, np.uint8), (0, 0), 3), np.uint8),
    ):
        assert detector.detect(image) == []


def test_a_picture_without_people_holds_no_face(detector: FerFaceDetector) -> None:
    assert detector.detect(background(640, 480)) == []


def test_limits_hold() -> None:
    actors = tuple(Actor(110 + 140 * i, 240, 120, ("happy",)) for i in range(4))
    image = Scene(640, 480, actors).render(0.0)[0]
    assert len(FerFaceDetector(DetectorSettings(max_faces=2)).detect(image)) == 2
    scores = [face.score for face in FerFaceDetector(DetectorSettings()).detect(image)]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


def test_the_same_image_gets_the_same_result(detector: FerFaceDetector) -> None:
    image = picture(96)
    one, other = detector.detect(image), FerFaceDetector(DetectorSettings()).detect(image)
    assert [(f.box, f.score) for f in one] == [(f.box, f.score) for f in other]


def test_the_file_says_what_it_is_and_keeps_its_limits(detector: FerFaceDetector) -> None:
    about = detector.metadata
    assert about.model_id == "fer-face"
    assert about.threshold == 0.7
    assert all(row["terms"] for row in about.dataset["photos"])
    assert about.metrics["recall"] > 0.5
    path = model_store.shipped_detector()
    assert path.stat().st_size <= 700_000
    weights = onnx.load(path).graph.initializer
    assert sum(int(np.prod(tensor.dims)) for tensor in weights) <= 150_000
    assert model_store.digest_of(path) in path.with_suffix(".md").read_text(encoding="utf-8")


def test_foreign_files_are_refused_by_name(tmp_path: Path) -> None:
    emotions = next(iter(model_store.shipped_models().values()))
    with pytest.raises(DetectorError, match=rf"{emotions.name}.*an emotion network"):
        FerFaceDetector(DetectorSettings(), emotions)
    with pytest.raises(ModelError, match="face detector; name it in detector_model"):
        EmotionNetwork(model_store.shipped_detector())
    text = tmp_path / "page.onnx"
    text.write_text("<html>404 not found</html>", encoding="utf-8")
    with pytest.raises(DetectorError, match=r"page\.onnx cannot be loaded as an ONNX model"):
        FerFaceDetector(DetectorSettings(), text)
    with pytest.raises(DetectorError, match=r"no model file at .*absent\.onnx"):
        FerFaceDetector(DetectorSettings(), tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("fer.schema", "9", "schema is 9"),
        ("fer.strides", "[8, 12]", "strides"),
        ("fer.channels", "3", "3 channels"),
        ("fer.version", "{", "no JSON"),
        ("fer.kind", "cat-detector", "another origin"),
        ("fer.strides", "[8, 16, 32]", "tensors"),
    ],
)
def test_a_file_that_cannot_be_honoured_is_refused(
    key: str, value: str, said: str, tmp_path: Path
) -> None:
    model = onnx.load(model_store.shipped_detector())
    props = {prop.key: prop.value for prop in model.metadata_props} | {key: value}
    onnx.helper.set_model_props(model, props)
    path = tmp_path / "changed.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DetectorError, match=said):
        FerFaceDetector(DetectorSettings(), path)


def test_metadata_survives_the_file() -> None:
    about = DetectorMetadata("face", "1", (8, 16), metrics={"recall": 0.5})
    assert DetectorMetadata.from_props(about.to_props()) == about


@pytest.mark.parametrize("longest", [320, 480])
def test_smaller_inputs_still_find_near_faces(longest: int) -> None:
    finder = FerFaceDetector(DetectorSettings(detection_size=longest))
    assert len(finder.detect(picture(160))) == 1


def decoded_plainly(detector: FerFaceDetector, picture: Image, least: float) -> list[list[float]]:
    """Return what the network puts out for a picture, cell by cell as its file's form has it."""
    rows = []
    levels = detector.run_network(picture)
    for level, stride in zip(levels, detector.metadata.strides, strict=True):
        for row, column in np.ndindex(*level.shape[2:]):
            values = level[0, :, row, column].astype(np.float64)
            score = 1 / (1 + np.exp(-values[0]))
            if score < least:
                continue
            cell = np.array([column, row]) + 0.5 + 0.5 / stride
            size = np.exp(values[3:5]) * stride
            corner = (values[1:3] + cell) * stride - 0.5 - size / 2
            points = (values[5:15].reshape(5, 2) + cell) * stride - 0.5
            rows.append([*corner, *size, *points.ravel(), score])
    return rows


@pytest.mark.parametrize("least", [0.05, 0.5, 0.9999])
def test_candidates_are_the_cells_of_all_levels(least: float, tmp_path: Path) -> None:
    alone = Path(shutil.copy(model_store.shipped_detector(), tmp_path))  # without a verifier
    detector = FerFaceDetector(DetectorSettings(detection_size=320), alone)
    actors = (Actor(80, 100, 120, ("happy",)), Actor(230, 120, 40, ("angry",)))
    picture = cv2.cvtColor(Scene(320, 224, actors).render(0.0)[0], cv2.COLOR_BGR2GRAY)
    found = detector.candidates(picture, least)
    expected = np.array(decoded_plainly(detector, picture, least)).reshape(-1, 15)
    assert len(found) == len(expected)
    assert (len(found) > 0) == (least < 0.9999)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)
