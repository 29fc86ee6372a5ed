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

"""Windows that are searched side by side give the faces that they show, where they are."""

from __future__ import annotations

import cv2
import pytest

from fer_ros.perception.detection import DetectorSettings, FerFaceDetector, mosaic
from fer_ros.perception.detection.candidates import faces_of
from fer_ros.perception.detection.search_plan import Region
from fer_ros.sources.scene import Actor, Scene


@pytest.fixture(scope="module")
def detector() -> FerFaceDetector:
    return FerFaceDetector(DetectorSettings())


def around(x: float, y: float, side: float) -> Region:
    """Return the window around a face in an image of 640x480."""
    reach = round(1.25 * side)
    left, top = min(max(round(x) - reach, 0), 640), min(max(round(y) - reach, 0), 480)
    return Region(min(left, 640 - 2 * reach), min(top, 480 - 2 * reach), 2 * reach, 2 * reach)


@pytest.mark.parametrize("count", range(1, 40))
def test_few_tiles_are_left_empty(count: int) -> None:
    columns, rows = mosaic.grid(count)
    assert count <= columns * rows < count + columns
    assert rows <= columns <= rows + 3


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_faces_are_where_a_whole_pass_sees_them(
    detector: FerFaceDetector, count: int, grey: bool
) -> None:
    places = [(90, 110, 120), (500, 90, 70), (590, 400, 90), (320, 240, 150), (120, 390, 60)]
    actors = [Actor(x, y, side, ("happy",)) for x, y, side in places[:count]]
    picture = Scene(640, 480, tuple(actors)).render(0.0)[0]
    if grey:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    windows = [around(*place) for place in places[:count]]
    found = faces_of(mosaic.search(detector, picture, windows, 0.7))
    whole = detector.detect(picture)
    assert len(whole) == len(found) == count
    for face in whole:
        near = max(found, key=lambda other: other.box.iou(face.box))
        assert near.box.iou(face.box) > 0.8
        assert near.landmarks is not None
        assert face.landmarks is not None
        assert abs(near.landmarks - face.landmarks).max() < 0.1 * face.box.width


def test_faces_that_a_window_cuts_are_left_out(detector: FerFaceDetector) -> None:
    actors = (Actor(150, 240, 120, ("happy",)), Actor(330, 240, 120, ("happy",)))
    picture = Scene(640, 480, actors).render(0.0)[0]
    (row,) = mosaic.search(detector, picture, [Region(20, 110, 290, 260)], 0.4)
    assert abs(row[0] + row[2] / 2 - 150) < 12
