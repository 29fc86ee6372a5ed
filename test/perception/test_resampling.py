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

"""Means over areas and cubic samples: exact, in grey and colour, the same on every processor."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.perception.alignment import Window, cut
from fer_ros.perception.detection.base import shrink
from fer_ros.perception.known_answer import known_crops
from fer_ros.perception.model_metadata import InputSpec
from fer_ros.perception.resampling import Samples, area_mean, cubic
from fer_ros.perception.types import Image


def noise(rows: int, columns: int, *channels: int) -> Image:
    return np.random.default_rng(rows).integers(0, 256, (rows, columns, *channels), np.uint8)


def by_fractions(image: Image, width: int, height: int) -> list[list[int]]:
    """The mean as it is defined, in whole numbers alone; round() takes halves to the even one."""

    def shares(pixels: int, cells: int) -> list[list[tuple[int, int]]]:
        found = []
        for cell in range(cells):
            low, high = cell * pixels, (cell + 1) * pixels  # in parts of a pixel: cells of them
            inside = range(low // cells, -(-high // cells))
            found.append([(i, min((i + 1) * cells, high) - max(i * cells, low)) for i in inside])
        return found

    across, area = shares(image.shape[1], width), image.shape[0] * image.shape[1]
    return [
        [
            round(Fraction(sum(a * b * int(image[y, x]) for y, a in down for x, b in over), area))
            for over in across
        ]
        for down in shares(image.shape[0], height)
    ]


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
)
def test_it_is_the_mean_over_each_pixels_area(
    rows: int, columns: int, height: int, width: int
) -> None:
    height, width = min(height, rows), min(width, columns)
    image = noise(rows, columns)
    assert area_mean(image, width, height).tolist() == by_fractions(image, width, height)


@pytest.mark.parametrize(("side", "size"), [(49, 48), (97, 48), (150, 48), (251, 64), (480, 48)])
def test_no_pixel_differs_from_opencv_by_more_than_a_grey_level(side: int, size: int) -> None:
    """OpenCV's own differs between processors, by one in a few of a thousand pixels."""
    image = noise(side, side)
    expected = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    difference = np.abs(area_mean(image, size, size).astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def test_colours_are_averaged_each_for_itself() -> None:
    image = noise(90, 70, 3)
    found = area_mean(image[:80, 5:60], 24, 48)
    assert found.shape == (48, 24, 3)
    for channel in range(3):
        alone = np.ascontiguousarray(image[:80, 5:60, channel])
        assert np.array_equal(found[:, :, channel], area_mean(alone, 24, 48))


def test_sums_beyond_32_bits_are_exact() -> None:
    image = np.full((3000, 3000), 255, np.uint8)
    image[:, 1500:] = 254
    assert area_mean(image, 2, 1).tolist() == [[255, 254]]


def test_what_grows_is_interpolated() -> None:
    image = noise(20, 30)
    assert area_mean(image, 48, 48).shape == (48, 48)
    assert np.array_equal(area_mean(image, 30, 20), image)


@pytest.mark.parametrize("channels", [(), (3,)])
@given(first=st.floats(-60, 60), step=st.floats(0.05, 1.0))
def test_cubic_samples_are_those_of_opencv(
    channels: tuple[int, ...], first: float, step: float
) -> None:
    """Whose rounding differs between processors, by one in a fifteenth of the pixels."""
    image = cv2.GaussianBlur(noise(40, 50, *channels), (0, 0), 1.5)
    first = round(first * 32) / 32  # no tie when places are rounded to parts of a pixel
    step = max(round(step * 32), 2) / 32
    found = cubic(image, Samples(first, step, 48), Samples(first / 2, step, 30))
    expected = cv2.warpAffine(
        image,
        np.array([[step, 0, first], [0, step, round(first * 16) / 32]]),
        (48, 30),
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 2
    assert (difference > 1).mean() < 0.01


def digest(image: Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def test_every_processor_gives_the_same_grey_levels() -> None:
    """Digests as found on x86-64, with and without AVX-512, and on emulated ARM."""
    image = noise(300, 400)
    assert digest(area_mean(image, 48, 48)) == "f95873c0eb1af18f"
    assert digest(area_mean(noise(97, 131, 3), 64, 56)) == "075fe1609c76f9ac"
    places = Samples(3.3, 0.77, 48), Samples(-2.1, 0.5, 48)
    assert digest(cubic(image, *places)) == "8bc3641c5d781f17"
    crops = known_crops(InputSpec(channels=1, height=48, width=48, mean=(0.0,), scale=(1.0,)))
    assert digest(np.stack(crops)) == "e7d57c7d6d9c9e62"
    tilted = cut(image, Window(200.0, 150.0, 30.0, 0.4), 48, 48, 1)
    assert digest(tilted) == "c95aad546d4b14b0"
    assert digest(shrink(image, 213, 160)) == "ed22345cbaeaef5e"
