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

"""Photos with a teacher's faces, decoded once to grey and kept as one flat array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz, read_npz
from fer_training.detector.matching import within_loose
from fer_training.detector.sources import SOURCES, is_loose

Floats = NDArray[np.float32]

CERTAIN = 0.7
"""Teacher's score from which on a box is taken for a face; below, it is an ignored region."""

_DOUBTFUL_SOURCES, _CERTAIN_THERE = (1, 2), 0.8
"""Everyday photos, in which detections below this are as often animals or soil."""

READABLE = 12.0
"""Faces below this side are blots, which teach to take blots for faces: no loss [pixels]."""

_CONFIRMS = 0.3
"""IoU from which on a box of people's and a detection are one face."""
_BROW_TO_CHIN = (13,)
"""Sources whose boxes leave out the forehead."""
_SAME, _WITHIN = 0.4, 0.65
"""IoU, and share of the smaller box inside the other, from which on two boxes are one face."""
_FILLS = 0.6
"""Share of the photo's longer side from which on the teacher's detection at 320 pixels counts."""
_LEAST_KEPT = 0.5
"""Teacher's score below which what people do not confirm, where they boxed faces, is no face."""
_HEAD_SOURCE = 0
"""Source of `detector_photos.npz` in which one head fills the picture."""


@dataclass(frozen=True)
class Photo:
    """One grey photo."""

    image: NDArray[np.uint8]
    faces: Floats
    """(F, 15): x, y, width, height, five landmarks (NaN where unknown), weight.

    The weight is the score to reach in 0..1, or -1 where nothing is known of the region.
    """
    false_faces: Floats
    """(K, 4): x, y, width, height of what the teacher took for a face on a photo without any."""
    empty: bool
    """No face in it, not even an uncertain one."""
    source: int


class Photos:
    """Photos of one or more npz files, grey, in a flat memory map."""

    def __init__(self, folder: Path) -> None:
        """Open what :func:`build` wrote.

        Raises:
            DatasetError: The folder is none that it wrote.
        """
        if not (folder / "photos.npz").is_file():
            raise DatasetError(f"{folder} holds no photos.npz; fer-train detector data writes it")
        with open_npz(folder / "photos.npz") as index:
            self._index = {key: index[key] for key in index.files}
        self._pixels = np.memmap(folder / "photos.bin", np.uint8, "r")
        self.empty = np.flatnonzero(self._index["empty"])
        """Photos without faces."""
        self.with_false = np.flatnonzero(np.diff(self._index["false_offset"]) > 0)
        """Photos in which the teacher was wrong."""
        faces = self._index["faces"]
        faces[np.sqrt(faces[:, 2] * faces[:, 3]) < READABLE, 14] = -1
        weight = faces[:, 14]
        self.faces = len(faces)
        """Number of faces of all photos, unknown ones included."""
        owner = np.repeat(np.arange(len(self)), np.diff(self._index["face_offset"]))
        self.certain = np.stack([owner, np.arange(len(weight))], 1)[weight > 0]
        """(photo, row among all faces) of every certain face."""

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self._index["source"])

    def __getitem__(self, i: int) -> Photo:
        """Return one photo; its image is a view on the map."""
        at = self._index
        width, height = at["size"][i]
        start = at["start"][i]
        image = np.asarray(self._pixels[start : start + width * height]).reshape(height, width)
        return Photo(
            image,
            at["faces"][at["face_offset"][i] : at["face_offset"][i + 1]],
            at["false_faces"][at["false_offset"][i] : at["false_offset"][i + 1]],
            bool(at["empty"][i]),
            int(at["source"][i]),
        )

    def sources(self) -> dict[int, int]:
        """Return the number of photos of each source."""
        codes, counts = np.unique(self._index["source"], return_counts=True)
        return {int(code): int(count) for code, count in zip(codes, counts, strict=True)}

    def first_face(self, i: int) -> int:
        """Return the row, among all faces, of the first face of a photo."""
        return int(self._index["face_offset"][i])


_OF_TEACHER = ("faces", "face_offset", "faces320", "face320_offset", "faces1024", "face1024_offset")
_ARRAYS = ("jpeg", "offset", "size", "source", *_OF_TEACHER)


def build(files: Sequence[Path], folder: Path, without: Sequence[int] = ()) -> int:
    """Decode the photos of npz files and merge the teacher's detections at three sizes.

    Args:
        files: As described in the data's own notes: `jpeg`, `offset`, `faces*`, `source`, ….
        folder: Where ``photos.bin`` and ``photos.npz`` go.
        without: Codes of sources to leave out.

    Returns:
        The number of photos kept.

    Raises:
        DatasetError: All are left out, or a file is none of photos.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes, starts, faces, false, empty, sources = [], [], [], [], [], []
    position = 0
    pixels, partial = folder / "photos.bin", folder / ".photos.bin.partial"
    with partial.open("wb") as out:
        for file in files:
            data = read_npz(file, _ARRAYS, "fer-train detector gather writes such files")
            for i in np.flatnonzero(~np.isin(data["source"], list(without))):
                detections = merged(data, int(i))
                if data["source"][i] == _HEAD_SOURCE and not (detections[:, 14] > 0).any():
                    continue
                packed = data["jpeg"][data["offset"][i] : data["offset"][i + 1]]
                image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
                out.write(image.tobytes())
                sizes.append((image.shape[1], image.shape[0]))
                starts.append(position)
                position += image.size
                faces.append(detections)
                false.append(_rows(data, "false_faces", "false_offset", int(i))[:, :4])
                negative = "negative" in data and data["negative"][i] == 1
                empty.append(negative or (len(detections) == 0 and data["source"][i] in (1, 2)))
                sources.append(data["source"][i])
    if not sizes:
        raise DatasetError("no photo is left; leave fewer sources out")
    partial.replace(pixels)  # an earlier cache stays whole until now
    np.savez(
        folder / "photos.npz",
        size=np.array(sizes, np.int64),
        start=np.array(starts, np.int64),
        faces=np.concatenate(faces),
        face_offset=np.concatenate([[0], np.cumsum([len(rows) for rows in faces])]),
        false_faces=np.concatenate(false),
        false_offset=np.concatenate([[0], np.cumsum([len(rows) for rows in false])]),
        empty=np.array(empty),
        source=np.array(sources),
    )
    return len(sizes)


def merged(data: dict[str, NDArray[np.generic]], i: int) -> Floats:
    """Return the faces of one photo as in :class:`Photo`, from all that is known of it.

    The teacher's detections at three sizes are joined, the most confident of each place kept. Boxes
    drawn by people confirm them and are added where it missed a face: without landmarks, or, from
    a source of loose boxes, as unknown; tiny ones as unknown too.
    """
    joined = _of_teacher(data, i)
    score = joined[:, 14].copy()
    code = int(np.asarray(data["source"])[i])
    certain = _CERTAIN_THERE if code in _DOUBTFUL_SOURCES else CERTAIN
    joined[:, 14] = np.where(score >= certain, np.clip(2.0 * score - 0.8, 0.9, 1), -1)
    truth = _rows(data, "truth", "truth_offset", i)
    if is_loose(code):
        confirmed, missed = _loosely(truth, joined, score, SOURCES[code].confirms_from)
        weight = np.full(len(missed), -1.0)
    else:
        overlap = _overlap(truth, joined[:, :4])
        confirmed = overlap.max(0, initial=0.0) >= _CONFIRMS
        missed = truth[overlap.max(1, initial=0.0) < _CONFIRMS]
        weight = np.where(np.sqrt(missed[:, 2] * missed[:, 3]) >= 14, 0.8, -1)
        missed = _as_teacher(missed) if code in _BROW_TO_CHIN else missed
    joined[confirmed, 14] = 1.0
    joined = joined[confirmed | (score >= _LEAST_KEPT) | (len(truth) == 0)]
    extra = np.full((len(missed), 15), np.nan, np.float32)
    extra[:, :4], extra[:, 14] = missed, weight
    return np.concatenate([joined, extra]).astype(np.float32)


def _of_teacher(data: dict[str, NDArray[np.generic]], i: int) -> Floats:
    """Return the teacher's detections, (F, 15), of three sizes: large faces as seen at 320."""
    longest = float(np.asarray(data["size"])[i].max())
    rows = []
    for key in ("", "320", "1024"):
        detections = _rows(data, f"faces{key}", f"face{key}_offset", i)
        large = detections[:, 2:4].max(1) > _FILLS * longest
        rows.append(detections[large if key == "320" else ~large])
        if key == "320":
            rows.append(detections[~large])
    return _distinct(np.concatenate(rows))


def _loosely(
    truth: Floats, joined: Floats, score: Floats, least: float
) -> tuple[NDArray[np.bool_], Floats]:
    """Return which detections, (F,), are the best in people's loose boxes, and boxes without.

    Those with a score below `least` do not count.
    """
    inside = within_loose(joined, truth).T & (score >= least)
    confirmed = np.zeros(len(joined), bool)
    held = inside.any(1)
    if held.any():
        confirmed[np.where(inside[held], score, -1.0).argmax(1)] = True
    return confirmed, truth[~held]


def _as_teacher(boxes: Floats) -> Floats:
    """Bring boxes from brow to chin (masks set) to the teacher's, from the hair line to the chin.

    Medians over 2,350 faces with both: 1.05 times as wide, 0.91 as high, 0.126 heights lower.
    """
    x, y, w, h = boxes.T
    height = h / 0.907
    middle = y + h / 2 - 0.126 * height
    width = w / 1.049
    return np.stack([x + (w - width) / 2, middle - height / 2, width, height], 1)


def _rows(data: dict[str, NDArray[np.generic]], key: str, offset: str, i: int) -> Floats:
    if key not in data:
        return np.zeros((0, 4), np.float32)
    rows = data[key][data[offset][i] : data[offset][i + 1]]
    return np.asarray(rows, np.float32)


def _distinct(rows: Floats) -> Floats:
    """Keep the most confident of boxes that overlap, or of which one lies in another."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    kept: list[int] = []
    shared = _shared(rows[:, :4], rows[:, :4])
    area = rows[:, 2] * rows[:, 3]
    within = shared / np.maximum(np.minimum(area[:, None], area[None]), 1e-6)
    alike = (_overlap(rows[:, :4], rows[:, :4]) >= _SAME) | (within >= _WITHIN)
    for i in range(len(rows)):
        if not alike[i, kept].any():
            kept.append(i)
    return rows[kept]


def _overlap(a: Floats, b: Floats) -> Floats:
    """Return the IoU of every pair of boxes x, y, width, height."""
    shared = _shared(a, b)
    union = (a[:, 2] * a[:, 3])[:, None] + (b[:, 2] * b[:, 3])[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)


def _shared(a: Floats, b: Floats) -> Floats:
    """Return the area that every pair of boxes has in common."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:4])[:, None], (b[:, :2] + b[:, 2:4])[None])
    return np.asarray(np.clip(high - low, 0, None).prod(-1), np.float32)
