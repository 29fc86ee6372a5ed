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

"""Matching of detections to faces, for training, threshold choice and comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HIT_IOU = 0.3
HIT_DISTANCE, HIT_AREA = 0.25, 3.0
"""A hit is also a middle within this share of the face and an area within this factor."""
LOOSE_AREAS = (0.1, 1.3)
"""Area of a face in a loose box [areas of the box]."""
LEAST_FALSE = 16.0
"""Detections below this side are no false faces [pixels]."""


@dataclass(frozen=True)
class Judged:
    """Detections and faces of one picture, matched."""

    scores: Floats
    """(D,) of the detections in 0..1, the most confident first."""
    face: NDArray[np.int64]
    """(D,) face hit by each detection; -1 for none."""
    false: NDArray[np.bool_]
    """(D,) detections that count as false faces."""


def judge(boxes: Floats, scores: Floats, truth: Floats, loose: bool = False) -> Judged:
    """Match detections to faces, the most confident detection first, each face once.

    Args:
        boxes: (D, 4) x, y, width, height of the detections [pixels].
        scores: (D,) in 0..1.
        truth: (T, 4) of the faces [pixels].
        loose: Whether these boxes hold more than the faces.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    fits = hits(boxes, truth)
    if loose:
        fits = np.maximum(fits, 0.01 * within_loose(boxes, truth))
    face = np.full(len(boxes), -1, np.int64)
    free = np.ones(len(truth), bool)
    for i in range(len(boxes)):
        open_ones = np.where(free, fits[i], 0.0)
        if len(truth) and open_ones.max() > 0:
            face[i] = int(open_ones.argmax())
            free[face[i]] = False
    side = np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 0))
    return Judged(scores, face, (face < 0) & (side >= LEAST_FALSE))


def hits(boxes: Floats, truth: Floats) -> Floats:
    """Return how well each detection fits each face, (D, T); 0 where it is no hit."""
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:4])[:, None], (truth[:, :2] + truth[:, 2:4])[None])
    shared = np.clip(high - low, 0, None).prod(-1)
    area, wanted = boxes[:, 2:4].prod(1)[:, None], truth[:, 2:4].prod(1)[None]
    overlap = shared / np.maximum(area + wanted - shared, 1e-9)
    offset = (boxes[:, :2] + boxes[:, 2:4] / 2)[:, None] - (truth[:, :2] + truth[:, 2:4] / 2)[None]
    close = np.hypot(*np.moveaxis(offset, -1, 0)) <= HIT_DISTANCE * np.sqrt(wanted)
    alike = (area <= HIT_AREA * wanted) & (wanted <= HIT_AREA * area)
    fit = (overlap >= HIT_IOU) | (close & alike)
    return np.where(fit, overlap + 0.01, 0.0)


def within_loose(boxes: NDArray[np.floating], loose: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return, (D, T), which detections may be the face in which loose box.

    Their middle lies in the box, and their area is one that a face in such a box has.

    Args:
        boxes: (D, 4) x, y, width, height of the detections [pixels].
        loose: (T, 4) boxes that take in hair, hats, whole heads or shoulders [pixels].
    """
    middle = (boxes[:, :2] + boxes[:, 2:4] / 2)[:, None]
    low, extent = loose[None, :, :2], loose[None, :, 2:4]
    inside = ((middle > low) & (middle < low + extent)).all(-1)
    area = boxes[:, 2:4].prod(1)[:, None] / np.maximum(extent.prod(-1), 1e-6)
    return np.asarray(inside & (area >= LOOSE_AREAS[0]) & (area <= LOOSE_AREAS[1]), np.bool_)


def recall_at(
    judged: list[Judged], wanted: list[NDArray[np.bool_]], false_a_picture: float
) -> tuple[float, float]:
    """Return the share of faces found, and the threshold, at a rate of false faces a picture.

    Args:
        judged: One entry a picture.
        wanted: (T,) for each picture, which of its faces count; the others neither help nor hurt.
        false_a_picture: False faces allowed, a mean over the pictures.
    """
    false = np.sort(np.concatenate([j.scores[j.false] for j in judged]))[::-1]
    allowed = int(false_a_picture * len(judged))
    threshold = float(false[allowed]) if len(false) > allowed else 0.0
    found = sum(
        int(w[j.face[(j.face >= 0) & (j.scores > threshold)]].sum())
        for j, w in zip(judged, wanted, strict=True)
    )
    return found / max(sum(int(w.sum()) for w in wanted), 1), threshold


def recall_over(
    judged: Sequence[Judged], wanted: Sequence[NDArray[np.bool_]], threshold: float
) -> tuple[float, float]:
    """Return the share of faces found and the false faces a picture at a threshold."""
    found = sum(
        int(mask[j.face[(j.face >= 0) & (j.scores >= threshold)]].sum())
        for j, mask in zip(judged, wanted, strict=True)
    )
    false = sum(int((j.false & (j.scores >= threshold)).sum()) for j in judged)
    return found / max(sum(int(m.sum()) for m in wanted), 1), false / max(len(judged), 1)
