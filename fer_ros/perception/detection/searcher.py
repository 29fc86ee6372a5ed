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

"""Search of one camera's images: the windows of the plan, and faces that tracks expect.

Where a track expects a face, a less confident detection is believed as well (the second
association of ByteTrack, Zhang et al., ECCV 2022): a face that turns away or dims for a moment is
not lost, and what is seen for the first time must still be sure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_ros.perception.detection import one_shot
from fer_ros.perception.detection.base import FaceDetector
from fer_ros.perception.detection.one_shot import OneShotDetector
from fer_ros.perception.detection.search_plan import Region, SearchPlan
from fer_ros.perception.types import Box, Face, Image

_RIM = 2
"""A box that comes so near to an inner rim of a window is taken for a cut face [pixels]."""

_EXPECTED_IOU = 0.4
"""Least overlap of a less confident face with the square in which a track expects it."""


class Searcher:
    """Runs a detector over whole images and the windows of a plan, for one camera."""

    def __init__(self, detector: FaceDetector) -> None:
        """Take a detector; one without a network searches whole images only."""
        self._detector = detector
        self._plan = SearchPlan()

    def find(
        self, image: Image, budget: float, tracked: Sequence[Box], steady: Sequence[Box] = ()
    ) -> list[Face]:
        """Return the faces of the next frame, the most confident first.

        Args:
            image: As :meth:`fer_ros.perception.detection.FaceDetector.detect` takes it.
            budget: Cost allowed, in passes over the whole image.
            tracked: Boxes where faces are expected.
            steady: Those in which less confident faces are believed as well.
        """
        detector = self._detector
        if not isinstance(detector, OneShotDetector):
            return detector.detect(image)
        settings = detector.settings
        least = min(settings.threshold, settings.tracked_threshold if steady else 1.0)
        rows = [detector.candidates(image, least)]
        height, width = image.shape[:2]
        windows: list[Region] = []
        if budget > 1.0:
            scale, smallest = detector.scale(width, height), detector.smallest_face
            windows = self._plan.windows(width, height, scale, budget, smallest, tracked)
        for window in windows:
            part = image[window.y : window.y + window.height, window.x : window.x + window.width]
            rows.append(_uncut(detector.search(part, 1.0, least), window, width, height))
        found = one_shot.faces_of(one_shot.suppress(np.concatenate(rows)))
        return _believed(found, settings.threshold, steady)[: settings.max_faces]


def _believed(faces: Sequence[Face], threshold: float, steady: Sequence[Box]) -> list[Face]:
    """Return the sure faces, and for every expected one without a sure face the best unsure one."""
    believed = [face.score >= threshold for face in faces]
    for box in steady:
        overlaps = [face.box.iou(box) for face in faces]
        # A sure face in the square, or one that another track claimed, is this track's as well.
        there = [k for k, overlap in enumerate(overlaps) if overlap >= _EXPECTED_IOU]
        if there and not any(believed[k] for k in there):
            believed[max(there, key=overlaps.__getitem__)] = True
    return [face for face, kept in zip(faces, believed) if kept]


def _uncut(rows: one_shot.Rows, window: Region, width: int, height: int) -> one_shot.Rows:
    """Bring a window's candidates to the image, without faces that an inner rim cuts."""
    left, top = rows[:, 0], rows[:, 1]
    right, low = left + rows[:, 2], top + rows[:, 3]
    whole = (left > _RIM) | (window.x == 0)
    whole &= (top > _RIM) | (window.y == 0)
    whole &= (right < window.width - 1 - _RIM) | (window.x + window.width >= width)
    whole &= (low < window.height - 1 - _RIM) | (window.y + window.height >= height)
    kept = rows[whole].copy()
    kept[:, 0:14:2] += window.x
    kept[:, 1:14:2] += window.y
    kept[:, 2:4] -= (window.x, window.y)  # widths and heights do not move
    return kept
