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

"""The choice of a detector, and what all detectors share."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from cascades import needs_cascades
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.perception import model_store
from fer_ros.perception.detection import (
    DetectorError,
    DetectorSettings,
    HaarDetector,
    create_detector,
)
from fer_ros.perception.detection.base import shrink
from fer_ros.perception.errors import ModelError


@pytest.fixture(autouse=True)
def no_yunet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No YuNet file in environment or cache; returns the empty cache folder."""
    monkeypatch.delenv(model_store.YUNET_ENV, raising=False)
    monkeypatch.setenv(model_store.CACHE_ENV, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", -0.1),
        ("threshold", 1.5),
        ("threshold", math.nan),
        ("min_face", 0),
        ("detection_size", 31),
        ("detection_size", 5000),
        ("detection_size", -1),
        ("max_faces", 0),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        DetectorSettings(**{name: value})


def test_auto_takes_the_shipped_detector_where_no_file_is_placed() -> None:
    choice = create_detector("auto", DetectorSettings())
    assert choice.detector.name == "fer-face"
    assert choice.asked == "auto"


def test_a_file_of_fer_faces_form_is_known_by_what_it_says(tmp_path: Path) -> None:
    own = tmp_path / "mine.onnx"
    own.write_bytes(model_store.shipped_detector().read_bytes())
    assert create_detector("auto", DetectorSettings(), str(own)).detector.name == "fer-face"
    with pytest.raises(DetectorError, match="is no YuNet face detector"):
        create_detector("yunet", DetectorSettings(), str(own))


def test_yunet_without_a_file_is_an_error_with_the_remedy(no_yunet: Path) -> None:
    with pytest.raises(DetectorError, match="fer-ros models fetch") as caught:
        create_detector("yunet", DetectorSettings())
    assert str(no_yunet) in str(caught.value)


@needs_cascades
def test_haar_by_wish_is_no_reason_to_warn() -> None:
    choice = create_detector("haar", DetectorSettings())
    assert choice.detector.name == "haar"


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="auto, fer-face, yunet, haar"):
        create_detector("mtcnn", DetectorSettings())


@pytest.mark.parametrize("kind", ["auto", "yunet"])
def test_a_named_file_that_is_missing_is_an_error(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"no YuNet file at .*absent\.onnx"):
        create_detector(kind, DetectorSettings(), model_path=str(tmp_path / "absent.onnx"))
    monkeypatch.setenv(model_store.YUNET_ENV, str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match=model_store.YUNET_ENV):
        create_detector(kind, DetectorSettings())


@pytest.mark.parametrize("way", ["argument", "environment", "cache", "zoo file in cache"])
def test_yunet_is_found(
    way: str, shared: Path, no_yunet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = shared / "models" / "yunet_s_dynamic.onnx"
    argument = ""
    if way == "argument":
        argument = str(weights)
        monkeypatch.setenv(model_store.YUNET_ENV, "/not/looked/at")
    elif way == "environment":
        monkeypatch.setenv(model_store.YUNET_ENV, str(weights))
    else:
        name = "yunet" if way == "cache" else "yunet-640"
        file_name = model_store.EXTERNAL[name].file_name
        (no_yunet / file_name).write_bytes((shared / "models" / file_name).read_bytes())
    choice = create_detector("auto", DetectorSettings(), model_path=argument)
    assert choice.detector.name == "yunet"


def test_an_altered_file_in_the_cache_is_refused(shared: Path, no_yunet: Path) -> None:
    content = bytearray((shared / "models" / "yunet_s_dynamic.onnx").read_bytes())
    content[-1000] ^= 1
    (no_yunet / "yunet_s_dynamic.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or has been altered"):
        create_detector("auto", DetectorSettings())


@needs_cascades
def test_a_missing_cascade_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_ros.perception.detection.haar.CASCADE", "not_there.xml")
    with pytest.raises(DetectorError, match=r"not_there\.xml.*fer-ros models fetch"):
        HaarDetector(DetectorSettings())


def test_an_opencv_without_cascades_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier", raising=False)
    with pytest.raises(DetectorError, match="opencv-python-headless<5"):
        HaarDetector(DetectorSettings())


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    share=st.floats(0.01, 2.0),
    grey=st.booleans(),
)
def test_shrinking_keeps_size_and_brightness(
    width: int, height: int, share: float, grey: bool
) -> None:
    rng = np.random.default_rng(width * 1000 + height)
    image = rng.integers(0, 256, (height, width) if grey else (height, width, 3), np.uint8)
    wanted = max(round(width * share), 1), max(round(height * share), 1)
    small = shrink(image, *wanted)
    assert small.shape[:2] == wanted[::-1]
    assert small.ndim == image.ndim


def test_shrinking_averages() -> None:
    checkers = (np.indices((480, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for width, height in ((320, 240), (160, 120), (80, 60), (213, 160)):
        assert abs(float(shrink(checkers, width, height).mean()) - 127.5) < 1.5
    assert shrink(checkers, 160, 120).std() < 1
