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

"""Images that can show nothing are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.perception.image_watch import ImageWatch

FRAME = 33_000_000


def remark(images, period: int = FRAME) -> str:
    watch = ImageWatch()
    for index, image in enumerate(images):
        watch.note(image, index * period)
    return watch.remark()


def noisy(level: int, count: int, shape: tuple[int, ...] = (480, 640, 3)):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield np.clip(level + rng.integers(-3, 4, shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(480, 640, 3), (480, 640), (4, 4)])
@pytest.mark.parametrize(("level", "words"), [(0, "black"), (8, "black"), (255, "overexposed")])
def test_black_and_overexposed_images(level: int, words: str, shape: tuple[int, ...]) -> None:
    assert words in remark(noisy(level, 4, shape))
    assert remark(noisy(level, 1, shape)) == ""  # one flash is none
    assert remark([*noisy(level, 4, shape), *noisy(120, 1, shape)]) == ""


def test_ordinary_images_are_no_remark() -> None:
    assert remark(noisy(120, 10)) == ""
    half = np.zeros((480, 640, 3), np.uint8)
    half[:, 300:] = 255  # a dark room with a window
    assert remark([half] * 10) == ""


def test_frozen_images_are_noticed_after_some_seconds() -> None:
    image = next(noisy(120, 1))
    assert remark([image] * 100) == ""
    assert "frozen" in remark([image] * 200)
    assert remark([image] * 20, period=FRAME * 30) == ""  # pictures shown for long are few
    assert remark([*([image] * 200), *noisy(121, 1)]) == ""


def test_frozen_images_are_noticed_after_the_clock_went_back() -> None:
    image, watch = next(noisy(120, 1)), ImageWatch()
    for number in range(400):
        start = 3600 * 10**9 if number < 20 else 10**9
        watch.note(image, start + number * FRAME)
    assert "frozen (400 equal ones in 13 s)" in watch.remark()
