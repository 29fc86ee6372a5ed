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

"""Made-up training photos of a face detector: drawn faces and a teacher's answers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_ros.sources.scene import background
from fer_training.detector import crops, photos

FACE = (40.0, 30.0, 64.0, 80.0)


def drawn_face(side: int = 48) -> np.ndarray:
    """A face in a few strokes."""
    image = np.full((side, side), 170, np.uint8)
    for x in (0.34, 0.66):
        cv2.circle(image, (round(x * side), round(0.4 * side)), side // 12, 30, -1)
    cv2.ellipse(
        image, (side // 2, round(0.72 * side)), (side // 6, side // 14), 0, 0, 180, 40, side // 16
    )
    return image


def answer(score: float) -> list[float]:
    x, y, w, h = FACE
    points = [(0.34, 0.4), (0.66, 0.4), (0.5, 0.6), (0.37, 0.75), (0.63, 0.75)]
    return [*FACE, *[v for px, py in points for v in (x + px * w, y + py * h)], score]


def write_photos(path: Path, scores: list[float]) -> Path:
    """Write an npz of photos, each with one answer of the teacher, and one without any."""
    packed, sizes, rows, counts = [], [], [], []
    for score in [*scores, None]:
        image = cv2.cvtColor(background(200, 160), cv2.COLOR_BGR2GRAY).copy()
        if score is not None:
            face = cv2.resize(drawn_face(), (64, 80))
            image[30:110, 40:104] = face
            rows.append(answer(score))
        counts.append(0 if score is None else 1)
        packed.append(cv2.imencode(".jpg", image)[1].ravel())
        sizes.append((200, 160))
    offset = np.concatenate([[0], np.cumsum(counts)])
    arrays = {f"faces{k}": np.array(rows, np.float32) for k in ("", "320", "1024")}
    arrays |= {f"face{k}_offset": offset for k in ("", "320", "1024")}
    negative = np.array([*[0] * len(scores), 1], np.uint8)
    np.savez(
        path,
        jpeg=np.concatenate(packed),
        offset=np.concatenate([[0], np.cumsum([len(p) for p in packed])]),
        size=np.array(sizes, np.int32),
        source=np.full(len(sizes), 14, np.uint8),
        negative=negative,
        false_faces=np.array([[20, 20, 40, 50, *[0] * 11]], np.float32),
        false_offset=np.array([0] * len(sizes) + [1]),
        truth=np.array([FACE] * len(scores), np.float32),
        truth_offset=offset,
        **arrays,
    )
    return path


def write_cache(folder: Path) -> Path:
    """Decode photos of a sure, a likely and a doubtful face, and two crops."""
    photos.build([write_photos(folder / "a.npz", [0.95, 0.72, 0.55])], folder)
    points = np.array([[(0.34, 0.4), (0.66, 0.4), (0.5, 0.6), (0.37, 0.75), (0.63, 0.75)]] * 2)
    boxes = np.array([[0.5, 0.52, 0.8, 1.0]] * 2, np.float32)
    crops.Crops(np.stack([drawn_face()] * 2), boxes, points.astype(np.float32)).save(
        folder / "crops.npz"
    )
    return folder
