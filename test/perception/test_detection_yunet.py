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

"""YuNet on real photos, against OpenCV's own decoder, and with files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from cascades import needs_cascades
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_ros.perception.detection import (
    DetectorError,
    DetectorSettings,
    HaarDetector,
    YuNetDetector,
)
from fer_ros.perception.types import Face, Image

DYNAMIC = "yunet_s_dynamic.onnx"
STATIC = "face_detection_yunet_2023mar.onnx"


def photos(shared: Path) -> list[tuple[Image, list[list[float]]]]:
    """The photos with their tight squares x, y, width, height."""
    folder = shared / "data" / "faces_in_photos"
    entries = json.loads((folder / "boxes.json").read_text())["images"]
    return [
        (np.asarray(cv2.imread(str(folder / entry["file"])), np.uint8), entry["boxes_xywh"])
        for entry in entries
    ]


def recall(detector: YuNetDetector | HaarDetector, shared: Path) -> tuple[int, int, int]:
    """Return the counts of faces found, faces there, and detections that match none."""
    found = total = wrong = 0
    for image, boxes in photos(shared):
        faces = detector.detect(image)
        total += len(boxes)
        matched = set()
        for index, (x, y, width, height) in enumerate(boxes):
            for face in faces:
                center = face.box.center
                inside = x <= center[0] <= x + width and y <= center[1] <= y + height
                if inside and face.box.width < 2.5 * width:
                    matched.add(index)
        found += len(matched)
        wrong += max(len(faces) - len(matched), 0)
    return found, total, wrong


@pytest.fixture(scope="module")
def dynamic(shared: Path) -> YuNetDetector:
    settings = DetectorSettings(0.6, detection_size=320)
    return YuNetDetector(shared / "models" / DYNAMIC, settings)


@pytest.fixture(scope="module")
def portrait(shared: Path) -> Image:
    with np.load(shared / "data" / "jaffe.npz") as data:
        return np.asarray(data["images"][0], np.uint8)


def close(one: Face, other: Face, pixels: float) -> bool:
    numbers = [
        (f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height) for f in (one, other)
    ]
    return bool(np.abs(np.subtract(*numbers)).max() <= pixels)


def test_photos_at_full_size(shared: Path) -> None:
    detector = YuNetDetector(
        shared / "models" / DYNAMIC, DetectorSettings(0.6, min_face=16, detection_size=0)
    )
    found, total, wrong = recall(detector, shared)
    assert total == 25
    assert found >= 24
    assert wrong <= 2


def test_photos_at_320(dynamic: YuNetDetector, shared: Path) -> None:
    found, _, wrong = recall(dynamic, shared)
    assert found >= 22
    assert wrong <= 1


@needs_cascades
def test_haar_finds_some_of_the_photos_faces(shared: Path) -> None:
    found, _, wrong = recall(HaarDetector(DetectorSettings(0.6, detection_size=500)), shared)
    assert found >= 12
    assert wrong <= 2


def test_the_decoder_agrees_with_opencv(shared: Path) -> None:
    theirs = cv2.FaceDetectorYN.create(
        str(shared / "models" / STATIC), "", (640, 640), 0.6, 0.3, 5000
    )
    ours = YuNetDetector(shared / "models" / STATIC, DetectorSettings(0.6))
    for image, _ in photos(shared):
        scale = 640 / max(image.shape)
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        canvas = np.zeros((640, 640, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(image, size)
        rows = theirs.detect(canvas)[1]
        faces = ours.detect(canvas)
        assert len(faces) == len(rows)
        for face, row in zip(faces, rows[np.argsort(-rows[:, 14], kind="stable")], strict=True):
            box = face.box
            mine = np.array([box.x + 0.5, box.y + 0.5, box.width, box.height])
            assert np.abs(mine - row[:4]).max() < 0.05
            assert face.landmarks is not None
            assert np.abs(face.landmarks.ravel() + 0.5 - row[4:14]).max() < 0.05
            assert face.score == pytest.approx(row[14], abs=1e-3)


def test_both_files_find_the_same_faces(shared: Path) -> None:
    settings_640 = DetectorSettings(0.6, detection_size=640)
    one = YuNetDetector(shared / "models" / DYNAMIC, settings_640)
    other = YuNetDetector(shared / "models" / STATIC, settings_640)
    for image, _ in photos(shared):
        first, second = one.detect(image), other.detect(image)
        # Padding differs (multiples of 32, a whole square), so borderline faces may as well.
        assert abs(len(first) - len(second)) <= 1
        for face in first[:3]:
            assert any(close(face, match, 2.0) for match in second)


def test_results_are_plain_and_sorted(dynamic: YuNetDetector, shared: Path) -> None:
    faces = dynamic.detect(photos(shared)[0][0])
    scores = [face.score for face in faces]
    assert scores == sorted(scores, reverse=True)
    for face in faces:
        assert face.landmarks is not None
        assert face.landmarks.shape == (5, 2)
        assert face.landmarks.dtype == np.float32
        right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks
        assert right_eye[0] < left_eye[0]  # the person's right is on the image's left
        assert right_mouth[1] > right_eye[1]
        assert left_mouth[1] > left_eye[1]
        assert isinstance(face.box.x, float)
        assert isinstance(face.score, float)


@pytest.mark.parametrize("pixels", [16, 24, 48, 96, 160, 256, 400, 600, 900])
def test_faces_of_all_sizes_at_once(pixels: int, portrait: Image, shared: Path) -> None:
    """A head from 16 pixels to the full height of a 1280x960 picture, with the same settings."""
    detector = YuNetDetector(
        shared / "models" / DYNAMIC, DetectorSettings(0.6, min_face=16, detection_size=0)
    )
    scale = pixels / 165  # mean side of YuNet's box in this portrait
    to_scene = np.array([[scale, 0, 640 - 128 * scale], [0, scale, 480 - 128 * scale]])
    small = cv2.GaussianBlur(portrait, (0, 0), 0.5 / scale) if scale < 0.5 else portrait
    scene = np.full((960, 1280), 100, np.uint8)
    cv2.warpAffine(small, to_scene, (1280, 960), dst=scene, borderMode=cv2.BORDER_TRANSPARENT)
    faces = detector.detect(scene)
    assert len(faces) == 1
    assert abs(faces[0].box.center[0] - 640) < 0.25 * pixels
    assert abs(faces[0].box.center[1] - 480) < 0.35 * pixels
    assert 0.6 * pixels < np.sqrt(faces[0].box.area) < 1.6 * pixels


def test_grey_colour_and_padded_rows_agree(dynamic: YuNetDetector, portrait: Image) -> None:
    grey = dynamic.detect(portrait)
    colour = dynamic.detect(np.repeat(portrait[:, :, None], 3, axis=2))
    padded = np.zeros((256, 300), np.uint8)
    padded[:, :256] = portrait
    view = padded[:, :256]
    view.flags.writeable = False
    assert len(grey) == 1
    for others in (colour, dynamic.detect(view)):
        assert len(others) == 1
        assert close(grey[0], others[0], 1e-3)


def test_a_smaller_image_leaves_nothing_of_the_larger_behind(
    dynamic: YuNetDetector, portrait: Image
) -> None:
    """Both fit the same padded input; the buffers are used again."""
    wide = np.zeros((250, 320, 3), np.uint8)
    wide[:, :250] = cv2.resize(portrait, (250, 250))[:, :, None]
    assert dynamic.detect(wide)
    assert dynamic.detect(np.zeros((225, 320, 3), np.uint8)) == []


def test_limits_hold(shared: Path) -> None:
    image = photos(shared)[0][0]
    weights = shared / "models" / DYNAMIC
    assert len(YuNetDetector(weights, DetectorSettings(0.6, max_faces=2)).detect(image)) == 2
    strict = YuNetDetector(weights, DetectorSettings(0.88, detection_size=320)).detect(image)
    assert all(face.score >= 0.88 for face in strict)
    assert len(strict) < 7


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)
@given(width=st.integers(1, 700), height=st.integers(1, 700), grey=st.booleans())
def test_any_size_of_image_is_taken(
    dynamic: YuNetDetector, width: int, height: int, grey: bool
) -> None:
    rng = np.random.default_rng(0)
    shape = (height, width) if grey else (height, width, 3)
    for face in dynamic.detect(rng.integers(0, 256, shape, np.uint8)):
        assert 0 <= face.score <= 1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10), np.float32),
        np.zeros(10, np.uint8),
    ],
)
def test_what_is_no_image_is_refused(dynamic: YuNetDetector, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        dynamic.detect(image)


@needs_cascades
def test_haar_refuses_what_is_no_image() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        HaarDetector(DetectorSettings()).detect(np.zeros((10, 10), np.float32))


@needs_cascades
def test_haar_boxes_follow_yunet(dynamic: YuNetDetector, shared: Path) -> None:
    """The cascade's squares are turned into boxes as YuNet would draw them."""
    with np.load(shared / "data" / "jaffe.npz") as data:
        portraits = data["images"][::8]
    haar = HaarDetector(DetectorSettings(0.6))
    sizes, shifts = [], []
    for picture in portraits:
        one, other = haar.detect(picture), dynamic.detect(picture)
        if len(one) != 1 or len(other) != 1:
            continue
        side = np.sqrt(other[0].box.area)
        sizes.append(np.sqrt(one[0].box.area) / side)
        shifts.append(np.subtract(one[0].box.center, other[0].box.center) / side)
        assert one[0].landmarks is None
    assert len(sizes) > 0.8 * len(portraits)
    assert abs(np.median(sizes) - 1) < 0.12
    assert np.abs(np.median(shifts, axis=0)).max() < 0.06


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"no model file at .*absent\.onnx.*models fetch"):
        YuNetDetector(tmp_path / "absent.onnx", DetectorSettings())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_file_is_refused(share: float, shared: Path, tmp_path: Path) -> None:
    whole = (shared / "models" / DYNAMIC).read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DetectorError, match=r"short\.onnx.*models fetch"):
        YuNetDetector(path, DetectorSettings())


def test_a_foreign_network_is_refused() -> None:
    from fer_ros.perception.model_store import shipped_models

    path = next(iter(shipped_models().values()))
    with pytest.raises(DetectorError, match="is no YuNet face detector"):
        YuNetDetector(path, DetectorSettings())


def test_text_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "page.onnx"
    path.write_text("<html>404 not found</html>")
    with pytest.raises(DetectorError, match="cannot be loaded as an ONNX model"):
        YuNetDetector(path, DetectorSettings())
