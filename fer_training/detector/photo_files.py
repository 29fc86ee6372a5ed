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

"""Writing photo files: npz with packed pictures, people's boxes and a teacher's detections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Face
from fer_training.detector.kinds import KINDS

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Entry:
    """One photo as it is stored; boxes and points in its pixels."""

    jpeg: NDArray[np.uint8]
    """The file's bytes."""
    size: tuple[int, int]
    """Width and height [pixels]."""
    source: int
    name: str
    truth: Floats
    """(K, 4) x, y, width, height drawn by people."""
    kinds: NDArray[np.bool_] | None
    """(K, len(KINDS)) of the people's boxes; None where nobody asked."""
    negative: bool
    """No face in it."""
    faces: Mapping[str, Floats]
    """(F, 15) box, five points and score of the teacher, by the name of its size."""
    false_faces: Floats
    """(F, 15) what the teacher took for faces where there is none."""


def rows_of(faces: Sequence[Face]) -> Floats:
    """Return faces as (F, 15): x, y, width, height, five landmarks (NaN: none), score."""
    rows = np.full((len(faces), 15), np.nan, np.float32)
    for row, face in zip(rows, faces, strict=True):
        row[:4] = (face.box.x, face.box.y, face.box.width, face.box.height)
        if face.landmarks is not None:
            row[4:14] = face.landmarks.ravel()
        row[14] = face.score
    return rows


def write(entries: Iterable[Entry], file: Path) -> int:
    """Write photos as npz; return their number.

    Keys: `jpeg` and `offset` (photo i is ``jpeg[offset[i]:offset[i + 1]]``), `size`, `source`,
    `name`, `negative`, `truth` and `truth_offset`, `faces`, `faces320`, `faces1024` with
    `face_offset`, …, `false_faces` and `false_offset`; with kinds, `kinds` (K, len(KINDS)) and
    `kind_names`.
    """
    kept = list(entries)
    arrays: dict[str, Any] = {
        "jpeg": np.concatenate([entry.jpeg for entry in kept] or [np.zeros(0, np.uint8)]),
        "offset": _offsets([entry.jpeg for entry in kept]),
        "size": np.array([entry.size for entry in kept], np.int32).reshape(-1, 2),
        "source": np.array([entry.source for entry in kept], np.uint8),
        "name": np.array([entry.name for entry in kept], np.str_),
        "negative": np.array([entry.negative for entry in kept], np.uint8),
        "truth": _joined([entry.truth for entry in kept], 4),
        "truth_offset": _offsets([entry.truth for entry in kept]),
        "false_faces": _joined([entry.false_faces for entry in kept], 15),
        "false_offset": _offsets([entry.false_faces for entry in kept]),
    }
    for key in ("", "320", "1024"):
        rows = [entry.faces[key] for entry in kept]
        arrays[f"faces{key}"], arrays[f"face{key}_offset"] = _joined(rows, 15), _offsets(rows)
    given = [entry.kinds for entry in kept if entry.kinds is not None]
    if given:
        arrays["kinds"] = np.concatenate(given)
        arrays["kind_names"] = np.array(KINDS, np.str_)
    with file.open("wb") as opened:
        np.savez(opened, **arrays)
    return len(kept)


def _joined(parts: Sequence[Floats], columns: int) -> Floats:
    return np.concatenate([*parts, np.zeros((0, columns), np.float32)])


def _offsets(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
