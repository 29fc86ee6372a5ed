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

"""What resampling that is the same on every processor costs beside OpenCV's own.

    python tools/resampling_cost.py

One thread; the two sides of a row take turns. Times are medians in microseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from fer_ros.perception.detection.base import shrink
from fer_ros.perception.resampling import Samples, area_mean, bilinear, cubic

CROP = 48
ROUNDS = 200


def medians(*calls: Callable[[], object]) -> list[float]:
    """Return the median time of each call [us]."""
    times = np.empty((ROUNDS, len(calls)))
    for row in times:
        for index, call in enumerate(calls):
            begin = time.perf_counter()
            call()
            row[index] = time.perf_counter() - begin
    return list(np.median(times, axis=0) * 1e6)


def row(what: str, opencv: Callable[[], object], own: Callable[[], object]) -> None:
    """Print a row of the table."""
    theirs, ours = medians(opencv, own)
    print(f"| {what} | {theirs:.0f} | {ours:.0f} |", flush=True)


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1920), np.uint8)
    print("| grey | OpenCV | own |\n|---|---|---|")
    for side in (60, 100, 150, 250, 400):
        face, size = noise[50 : 50 + side, 80 : 80 + side], (CROP, CROP)
        row(
            f"face of {side} pixels, area mean",
            lambda face=face, size=size: cv2.resize(face, size, interpolation=cv2.INTER_AREA),
            lambda face=face: area_mean(face, CROP, CROP),
        )
    for side in (20, 40):
        face, step = noise[50 : 54 + side, 80 : 84 + side], side / CROP
        matrix = np.array([[step, 0, 2.3], [0, step, 1.7]])
        flags = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
        row(
            f"face of {side} pixels, cubic",
            lambda face=face, m=matrix, f=flags: cv2.warpAffine(face, m, (CROP, CROP), flags=f),
            lambda face=face, s=step: cubic(face, Samples(2.3, s, CROP), Samples(1.7, s, CROP)),
        )
    turned = np.array([[0.95, -0.3, 20.0], [0.3, 0.95, 10.0]])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    row(
        "turned crop, bilinear",
        lambda: cv2.warpAffine(noise[:100, :100], turned, (CROP, CROP), flags=flags),
        lambda: bilinear(noise[:100, :100], turned, CROP, CROP),
    )
    for (wide, tall), size in (
        ((640, 480), (320, 240)),
        ((640, 480), (427, 320)),
        ((1280, 720), (640, 360)),
        ((1920, 1080), (1280, 720)),
    ):
        image = noise[:tall, :wide]
        row(
            f"image of {wide}x{tall} to {size[0]}x{size[1]}",
            lambda image=image, size=size: cv2.resize(image, size),
            lambda image=image, size=size: shrink(image, *size),
        )


if __name__ == "__main__":
    main()
