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

"""Search of one camera's images: whole passes, windows, and faces that tracks expect.

Where a track expects a face, a less confident detection is accepted as well (the second
association of ByteTrack, Zhang et al., ECCV 2022): a face that turns away or dims for a moment is
not lost, while a new one must be sure. Faces smaller than `min_face` begin no track, since print
and patterns of that size look like faces, and less confidence does not suffice for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fer_ros.perception.association import Expected
from fer_ros.perception.detection import mosaic
from fer_ros.perception.detection.base import DetectorSettings, FaceDetector, merged
from fer_ros.perception.detection.candidates import NEAR_IOU, Candidates, faces_of, near
from fer_ros.perception.detection.search_plan import Region, SearchPlan
from fer_ros.perception.detection.sparse_plan import SparsePlan
from fer_ros.perception.types import Box, Face, Image

_EXPECTED_IOU = 0.4
"""Least overlap of a less confident face with the square in which a track expects it."""

_DOUBT = 0.15
"""How far below the threshold a face may be sure in the next image."""


class Searcher:
    """Runs a detector over whole images and windows of them, for one camera.

    A budget of 1 is one pass over every image. What is beyond goes to windows in full resolution
    (:mod:`fer_ros.perception.detection.search_plan`); below, whole passes are spread over the
    images (:mod:`fer_ros.perception.detection.sparse_plan`).
    """

    def __init__(self, detector: FaceDetector) -> None:
        """Take a detector."""
        self._detector = detector
        self._plan = SearchPlan()
        self._sparse = SparsePlan()
        self.searched_whole = False
        """Whether the newest image was searched whole."""

    def find(
        self,
        image: Image,
        budget: float,
        expected: Sequence[Expected] = (),
        time_ns: int = 0,
        whole_passes: int = 0,
    ) -> list[Face]:
        """Return the faces of the next image, the most confident first.

        Args:
            image: As :meth:`fer_ros.perception.detection.FaceDetector.candidates` takes it.
            budget: Cost allowed, in passes over the whole image; below 1 on average.
            expected: Where tracks expect faces.
            time_ns: When the image belongs in time.
            whole_passes: In images of other cameras that are processed together with this one.
        """
        settings = self._detector.settings
        steady = any(face.steady for face in expected)
        least = min(settings.threshold, settings.tracked_threshold if steady else 1.0)
        if budget < 1.0:
            try:
                faces = self._sparsely(image, budget, expected, time_ns, whole_passes, least)
            except Exception:
                self._sparse.hasten()  # what the plan counts on was not searched
                raise
        else:
            faces = self._fully(image, budget, [face.box for face in expected], least)
        accepted = _accepted(faces, settings, expected)
        if budget < 1.0:
            self._note_new(accepted, faces, expected)
        return accepted[: settings.max_faces]

    def _fully(
        self, image: Image, budget: float, tracked: Sequence[Box], least: float
    ) -> list[Face]:
        """Search the whole image, and windows where the budget allows them."""
        detector, (height, width) = self._detector, image.shape[:2]
        self.searched_whole = True
        rows = [detector.candidates(image, least)]
        if budget > 1.0:
            scale, smallest = detector.scale(width, height), detector.smallest_face
            windows = self._plan.windows(width, height, scale, budget, smallest, tracked)
            rows += [self._in_window(image, window, least) for window in windows]
        return faces_of(merged(detector, image, rows, tracked))

    def _sparsely(
        self,
        image: Image,
        budget: float,
        expected: Sequence[Expected],
        time_ns: int,
        whole_passes: int,
        least: float,
    ) -> list[Face]:
        """Search the whole image or windows, as the plan has it."""
        height, width = image.shape[:2]
        places = [face.box for face in expected]
        step = self._sparse.step(
            self._detector, (width, height), budget, expected, time_ns, whole_passes
        )
        self.searched_whole = step.whole
        rows = []
        if step.windows:
            found = mosaic.search(self._detector, image, step.windows, least)
            rows.append(found[near(found, places)])  # new faces are for whole passes
        if step.wandering is not None:
            rows.append(self._in_window(image, step.wandering, least))
        if not step.whole:
            faces = faces_of(merged(self._detector, image, rows, places))
            lost = self._lost(faces, expected)
            if not lost:
                return faces
            self.searched_whole = True
            self._sparse.lose(lost, time_ns)
        doubtful = self._detector.settings.threshold - _DOUBT
        rows.append(self._detector.candidates(image, min(least, doubtful)))
        return faces_of(merged(self._detector, image, rows, places))

    def _note_new(
        self, accepted: Sequence[Face], faces: Sequence[Face], expected: Sequence[Expected]
    ) -> None:
        """Have the next image searched whole where a face is new or may be."""
        settings = self._detector.settings
        if not all(any(_meet(face, place) for place in expected) for face in accepted):
            self._sparse.hasten()
        elif self.searched_whole and any(
            face.score >= settings.threshold - _DOUBT
            and math.sqrt(face.box.area) >= settings.min_face
            and not any(_meet(face, place) for place in expected)
            for face in faces
        ):
            self._sparse.look_again()

    def _lost(self, faces: Sequence[Face], expected: Sequence[Expected]) -> list[Expected]:
        """Return the tracks that had a face in the last image and have none in this one."""
        accepted = _accepted(faces, self._detector.settings, expected)
        return [
            place
            for place in expected
            if not place.missed and not any(_meet(face, place) for face in accepted)
        ]

    def _in_window(self, image: Image, window: Region, least: float) -> Candidates:
        """Return the candidates of a window, in pixels of the image."""
        height, width = image.shape[:2]
        part = image[window.y : window.y + window.height, window.x : window.x + window.width]
        return _uncut(self._detector.candidates(part, least, window.scale), window, width, height)


def _meet(face: Face, place: Expected) -> bool:
    """Return whether a face may be the expected one."""
    return face.box.iou(place.box) >= NEAR_IOU


def _accepted(
    faces: Sequence[Face], settings: DetectorSettings, expected: Sequence[Expected]
) -> list[Face]:
    """Return the faces that may begin a track, and for every expected one without, the best other.

    Others are less confident ones, where a steady track expects them, and small ones.
    """
    sure = [face.score >= settings.threshold for face in faces]
    small = [math.sqrt(face.box.area) < settings.min_face for face in faces]
    accepted = [confident and not tiny for confident, tiny in zip(sure, small)]
    if all(accepted):
        return list(faces)
    for place in expected:
        overlaps = [face.box.iou(place.box) for face in faces]
        # A sure face in the square, or one that another track claimed, is this track's as well.
        if any(there and overlap >= _EXPECTED_IOU for there, overlap in zip(accepted, overlaps)):
            continue
        others = [
            index
            for index, overlap in enumerate(overlaps)
            if not accepted[index]
            and (
                overlap >= NEAR_IOU
                if sure[index]
                else place.steady
                and not small[index]
                and overlap >= _EXPECTED_IOU
                and faces[index].score >= settings.tracked_threshold
            )
        ]
        if others:
            accepted[max(others, key=overlaps.__getitem__)] = True
    return [face for face, kept in zip(faces, accepted) if kept]


def _uncut(rows: Candidates, window: Region, width: int, height: int) -> Candidates:
    """Bring a window's candidates to the image, without faces that an inner rim cuts."""
    left, top = rows[:, 0], rows[:, 1]
    right, low = left + rows[:, 2], top + rows[:, 3]
    whole = (left > mosaic.RIM) | (window.x == 0)
    whole &= (top > mosaic.RIM) | (window.y == 0)
    whole &= (right < window.width - 1 - mosaic.RIM) | (window.x + window.width >= width)
    whole &= (low < window.height - 1 - mosaic.RIM) | (window.y + window.height >= height)
    kept = rows[whole].copy()
    kept[:, 0:14:2] += window.x
    kept[:, 1:14:2] += window.y
    kept[:, 2:4] -= (window.x, window.y)  # widths and heights do not move
    return kept
