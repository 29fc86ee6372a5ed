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

"""Crops: geometry, borders, degenerate landmarks, agreement with FER2013."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.perception.alignment import (
    FER2013_TEMPLATE,
    LANDMARK_SHARE,
    ROLL_TOLERANCE,
    Window,
    align,
    align_all,
    cut,
    face_window,
)
from fer_ros.perception.detection import DetectorSettings, YuNetDetector
from fer_ros.perception.model_metadata import CropTemplate, InputSpec
from fer_ros.perception.types import Box, Face, Image


def smooth_image(height: int = 240, width: int = 320, channels: int = 3) -> Image:
    """A picture without fine detail, so that resampling it twice changes little."""
    y, x = np.mgrid[:height, :width]
    planes = [
        127 + 60 * np.sin(x / (37 + 5 * k)) + 60 * np.cos(y / (33 + 4 * k)) for k in range(channels)
    ]
    image = np.stack(planes, axis=2).astype(np.uint8)
    return image if channels == 3 else image[:, :, 0]


def face_in(window: Window, landmarks: bool = True, roll: float = 0.0) -> Face:
    """The face that fills a window exactly as the template says."""
    template = FER2013_TEMPLATE
    side = template.box_size * window.side
    center = [
        middle + (share - 0.5) * window.side
        for middle, share in zip((window.x, window.y), template.box_center)
    ]
    box = Box(center[0] - 0.4 * side, center[1] - 0.625 * side, 0.8 * side, 1.25 * side)
    if not landmarks:
        return Face(box, 0.9)
    turn = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    offsets = (np.array(template.landmarks) - 0.5) * window.side
    points = offsets @ turn.T + (window.x, window.y)
    return Face(box, 0.9, points.astype(np.float32))


@pytest.mark.parametrize("landmarks", [True, False])
def test_a_face_as_in_the_template_gives_its_window(landmarks: bool) -> None:
    window = Window(101.25, 77.5, 90.0)
    found = face_window(face_in(window, landmarks), FER2013_TEMPLATE)
    assert (found.x, found.y, found.side) == pytest.approx((101.25, 77.5, 90.0), abs=1e-3)
    assert found.roll == 0.0


@given(
    x=st.floats(40, 280),
    y=st.floats(40, 200),
    side=st.floats(12, 300),
    size=st.sampled_from([(48, 48), (64, 64), (40, 56)]),
    roll=st.sampled_from([0.0, 0.3, -1.2]),
)
def test_every_path_samples_the_same_place(
    x: float, y: float, side: float, size: tuple[int, int], roll: float
) -> None:
    """Whole-pixel, area and affine resampling agree with plain bilinear sampling of the formula."""
    image = smooth_image(channels=1)
    width, height = size
    window = Window(x, y, side, roll)
    crop = cut(image, window, width, height, 1)
    u, v = np.meshgrid(
        (np.arange(width) + 0.5) / width - 0.5, (np.arange(height) + 0.5) / height - 0.5
    )
    map_x = x + side * (math.cos(roll) * u - math.sin(roll) * v)
    map_y = y + side * (math.sin(roll) * u + math.cos(roll) * v)
    expected = cv2.remap(
        image,
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    assert crop.shape == (height, width)
    difference = np.abs(crop.astype(int) - expected)
    # At most the averaging over a crop pixel and a rim rounded to whole source pixels.
    assert difference.mean() < 1.5 + side / 100


def test_a_large_face_is_averaged_and_not_sampled() -> None:
    image = np.indices((400, 400)).sum(axis=0).astype(np.uint8) % 2 * 255
    crop = cut(image.astype(np.uint8), Window(200.0, 200.0, 384.0), 48, 48, 1)
    assert np.all(np.abs(crop.astype(int) - 127) <= 1)
    turned = cut(image.astype(np.uint8), Window(200.0, 200.0, 384.0, 0.4), 48, 48, 1)
    assert turned.std() < 3


def test_a_tilted_speck_costs_no_more_than_a_face() -> None:
    crop = cut(smooth_image(), Window(100.0, 80.0, 1e-6, 0.4), 48, 48, 3)
    assert crop.shape == (48, 48, 3)
    assert np.abs(crop.astype(int) - smooth_image()[80, 100]).max() <= 8


def test_a_small_tilt_stays_and_a_large_one_is_reduced() -> None:
    window = Window(150.0, 120.0, 100.0)
    for degrees in (-60, -10, 0, 10, 60):
        roll = math.radians(degrees)
        kept = face_window(face_in(window, roll=roll), FER2013_TEMPLATE).roll
        expected = math.copysign(max(abs(roll) - ROLL_TOLERANCE, 0.0), roll)
        assert kept == pytest.approx(expected, abs=1e-5)


def test_a_turned_window_turns_the_picture_upright() -> None:
    upright = smooth_image(320, 320, 1)
    turn = cv2.getRotationMatrix2D((159.5, 159.5), -50, 1.0)  # clockwise by 50 degrees
    tilted = cv2.warpAffine(upright, turn, (320, 320), borderMode=cv2.BORDER_REPLICATE)
    expected = cut(upright, Window(159.5, 159.5, 120.0), 48, 48, 1)
    crop = cut(tilted, Window(159.5, 159.5, 120.0, math.radians(50)), 48, 48, 1)
    assert np.abs(crop.astype(int) - expected).mean() < 3


def test_landmarks_move_the_window_by_their_share() -> None:
    window = Window(150.0, 120.0, 100.0)
    face = face_in(window)
    assert face.landmarks is not None
    moved = Face(face.box, face.score, face.landmarks + np.float32([8, 4]))
    found = face_window(moved, FER2013_TEMPLATE)
    assert found.x == pytest.approx(150 + 8 * LANDMARK_SHARE, abs=1e-3)
    assert found.y == pytest.approx(120 + 4 * LANDMARK_SHARE, abs=1e-3)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 130.0),
        np.full((5, 2), np.nan),
        np.array([[np.inf, 0], [1, 2], [3, 4], [5, 6], [7, 8]]),
        np.array([[0.0, 0], [5000, 0], [2500, 2500], [0, 5000], [5000, 5000]]),
        np.zeros((4, 2)),
    ],
)
def test_degenerate_landmarks_fall_back_to_the_box(points: np.ndarray) -> None:
    plain = face_in(Window(150.0, 120.0, 100.0), landmarks=False)
    face = Face(plain.box, plain.score, points.astype(np.float32))
    assert face_window(face, FER2013_TEMPLATE) == face_window(plain, FER2013_TEMPLATE)


def test_a_template_without_landmarks_worth_the_name_uses_the_box() -> None:
    template = CropTemplate(((0.3, 0.6),) * 5, (0.5, 0.5), 0.9)
    face = face_in(Window(150.0, 120.0, 100.0))
    plain = Face(face.box, face.score)
    assert face_window(face, template) == face_window(plain, template)


@given(
    x=st.floats(-2000, 2000),
    y=st.floats(-2000, 2000),
    width=st.floats(0.5, 3000),
    height=st.floats(0.5, 3000),
    channels=st.sampled_from([1, 3]),
    grey=st.booleans(),
)
def test_any_box_gives_a_crop(
    x: float, y: float, width: float, height: float, channels: int, grey: bool
) -> None:
    image = smooth_image(60, 80, 1 if grey else 3)
    crop = align(image, Face(Box(x, y, width, height), 0.9), FER2013_TEMPLATE, 48, 48, channels)
    assert crop.dtype == np.uint8
    assert crop.shape == ((48, 48) if channels == 1 else (48, 48, 3))
    assert crop.flags.c_contiguous


def test_outside_the_image_its_border_is_repeated() -> None:
    image = np.full((50, 50), 40, np.uint8)
    image[:, :2] = 200
    crop = cut(image, Window(-0.5, 25.0, 20.0), 40, 40, 1)
    assert np.all(crop[:, :20] == 200)
    assert np.all(crop[:, 28:] == 40)
    far = cut(image, Window(-500.0, 25.0, 20.0), 40, 40, 1)
    assert np.all(far == 200)


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, 0, 10),
        Box(0, 0, 10, -1),
        Box(math.nan, 0, 10, 10),
        Box(0, math.inf, 10, 10),
    ],
)
def test_an_impossible_box_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="cannot crop"):
        align(smooth_image(), Face(box, 0.9), FER2013_TEMPLATE, 48, 48, 1)


def test_an_empty_image_is_refused() -> None:
    face = face_in(Window(20.0, 20.0, 20.0))
    with pytest.raises(ValueError, match="empty image"):
        align(np.zeros((0, 5), np.uint8), face, FER2013_TEMPLATE, 48, 48, 1)


def test_colour_and_grey_agree() -> None:
    image = smooth_image()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    spec = InputSpec(48, 48, 1, (0.0,), (1.0,))
    faces = [face_in(Window(100.0, 90.0, 20.0 * k)) for k in range(1, 6)]
    from_colour = align_all(image, faces, FER2013_TEMPLATE, spec)
    from_grey = align_all(np.asarray(grey), faces, FER2013_TEMPLATE, spec)
    for one, other in zip(from_colour, from_grey, strict=True):
        assert np.array_equal(one, other)
    colour_of_grey = align(np.asarray(grey), faces[2], FER2013_TEMPLATE, 48, 48, 3)
    plain = align(np.asarray(grey), faces[2], FER2013_TEMPLATE, 48, 48, 1)
    assert np.array_equal(colour_of_grey[:, :, 1], plain)
    assert align_all(image, [], FER2013_TEMPLATE, spec) == []


def test_crops_of_pasted_fer2013_faces_have_no_bias(shared: Path) -> None:
    """Faces of PublicTest in a larger picture come back where they were, on the average."""
    with np.load(shared / "data" / "fer2013_train_public.npz") as data:
        images = data["images"][data["usage"] == 1][::40]
    detector = YuNetDetector(shared / "models" / "yunet_s_dynamic.onnx", DetectorSettings(0.6))
    rng = np.random.default_rng(0)
    errors, differences = [], []
    for image in images:
        size = int(rng.integers(120, 260))
        left, top = int(rng.integers(0, 640 - size)), int(rng.integers(0, 480 - size))
        scene = np.full((480, 640), int(image.mean()), np.uint8)
        scene[top : top + size, left : left + size] = cv2.resize(
            image, (size, size), interpolation=cv2.INTER_CUBIC
        )
        faces = detector.detect(scene)
        if not faces:
            continue
        window = face_window(faces[0], FER2013_TEMPLATE)
        middle = (size - 1) / 2
        errors.append(
            (
                math.log(window.side / size),
                (window.x - left - middle) / size,
                (window.y - top - middle) / size,
            )
        )
        crop = align(scene, faces[0], FER2013_TEMPLATE, 48, 48, 1)
        differences.append(np.abs(crop.astype(float) - image).mean())
    assert len(errors) > 0.85 * len(images)
    scale, x, y = np.median(errors, axis=0)
    assert abs(scale) < 0.06
    assert abs(x) < 0.025
    assert abs(y) < 0.025
    assert np.mean(differences) < 40  # 72 between different faces, about 33 expected
