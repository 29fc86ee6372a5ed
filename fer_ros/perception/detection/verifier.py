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

"""The second network of fer-face: the confidence of a candidate by its crop of the image.

The detector sees a scaled image; the verifier sees each candidate in the image's own pixels, with
the head and shoulders around it, as the refining stages of a cascade do (MTCNN, Zhang et al. 2016).
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection.base import DetectorError, shrink
from fer_ros.perception.detection.candidates import Candidates
from fer_ros.perception.exposure import exposed
from fer_ros.perception.inference import create_session
from fer_ros.perception.types import Image

SIDE = 48
"""Of a crop [pixels]."""
CONTEXT = 2.0
"""Side of a crop, in sides of the candidate's box (square root of its area)."""

FACTS_SCALE, _TYPICAL_SIDE = 3.0, 40.0
"""What logits are divided by, and sides [pixels], before the network takes them."""
LEAST_SCORE, SURE = 0.2, 0.97
"""Of the detector, below which and from which on a candidate is not looked at."""
PROMISING = 0.3
"""Of the detector: beside tracks, what is below is looked at only where one expects its face. Half
of what the detector finds in videos is of that kind, and it seldom reaches the usual threshold."""
USUAL_THRESHOLD = 0.5
"""Where a face needs less confidence than this, everything is looked at."""
_SURER = 1e-5
"""Doubt that remains of a sure candidate, of the detector's own: what was looked at comes later."""
_LARGEST_LOGIT = 30.0
_MOST = 256
"""Candidates looked at in one image, the most confident; a bound on the time."""


class Verifier:
    """Gives candidates a new confidence."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load a file, for the CPU: other providers would compile it for every number of faces.

        Raises:
            ModelError: It is missing, damaged, or another network.
        """
        self.path = path
        self._session, _ = create_session(path, threads=threads)
        inputs = {node.name: node.type for node in self._session.get_inputs()}
        if inputs != {"crops": "tensor(uint8)", "facts": "tensor(float)"}:
            raise DetectorError(
                f"{path} is no verifier: its inputs are not crops and facts; remove it, or make "
                "one with fer-train detector verifier"
            )

    def verified(self, image: Image, found: Candidates) -> Candidates:
        """See :class:`fer_ros.perception.detection.base.Verifies`.

        Sure candidates, from :data:`SURE` on, are not looked at, which saves the time of most
        tracked faces; those beyond :data:`_MOST` keep the detector's confidence.
        """
        found = found.copy()
        sure = found[:, 14] >= SURE
        found[sure, 14] = 1.0 - _SURER * (1.0 - found[sure, 14])
        rows = np.flatnonzero(~sure)[:_MOST]
        if len(rows) == 0:
            return found
        crops = np.stack([exposed(crop(image, box)) for box in found[rows, :4]])
        logits = self.logits(crops, facts(found[rows]))
        found[rows, 14] = 1.0 / (1.0 + np.exp(-logits))
        return np.asarray(found[np.argsort(-found[:, 14], kind="stable")])

    def logits(self, crops: Image, facts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logit, (N,), of each crop, (N, SIDE, SIDE), being a face."""
        (logits,) = self._session.run(None, {"crops": crops, "facts": facts})
        return np.clip(np.asarray(logits, np.float32), -_LARGEST_LOGIT, _LARGEST_LOGIT)


def crop(
    image: Image, box: NDArray[np.float32], side: int = SIDE, context: float = CONTEXT
) -> Image:
    """Return the square around a box, grey, black beyond the image's rims, (side, side).

    Args:
        image: BGR or grey.
        box: x, y, width, height [pixels].
        side: Of the crop [pixels].
        context: Side of the square, in sides of the box.
    """
    x, y, width, height = box[:4].tolist()
    half = max(context * math.sqrt(max(width * height, 1.0)), 2.0) / 2
    left, top = round(x + width / 2 + 0.5 - half), round(y + height / 2 + 0.5 - half)
    extent = round(2 * half)
    rows, columns = image.shape[:2]
    low, high = max(top, 0), min(top + extent, rows)
    first, last = max(left, 0), min(left + extent, columns)
    square = np.zeros((side, side), np.uint8)
    if high <= low or last <= first:
        return square
    part = image[low:high, first:last]
    if part.ndim == 3:
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    factor = side / extent
    above, before = round((low - top) * factor), round((first - left) * factor)
    across = min(max(round((last - first) * factor), 1), side - before)
    down = min(max(round((high - low) * factor), 1), side - above)
    if across < 1 or down < 1:
        return square
    shrink(part, across, down, into=square[above : above + down, before : before + across])
    return square


def facts(found: Candidates) -> NDArray[np.float32]:
    """Return what else the network takes of candidates, (N, 2): score and side, as logarithms."""
    score = np.clip(found[:, 14], 1e-4, 1 - 1e-4)
    side = np.sqrt(np.maximum(found[:, 2] * found[:, 3], 1.0)) / _TYPICAL_SIDE
    return np.stack([np.log(score / (1 - score)) / FACTS_SCALE, np.log(side)], 1).astype(np.float32)
