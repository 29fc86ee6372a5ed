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

"""Photos from checkouts of public repositories, as npz files to train and to validate on.

Near-duplicates of photos that must stay unseen are left out; what people boxed is split into
training and validation by groups of near-duplicates. The files have the layout of the other photo
files that `fer-train detector data` takes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.files import read_bytes
from fer_ros.perception.detection import DetectorSettings, FaceDetector, YuNetDetector
from fer_training.data.base import DatasetError
from fer_training.detector import kinds, near_duplicates, repositories
from fer_training.detector.near_duplicates import Bits
from fer_training.detector.photo_files import Entry, rows_of, write
from fer_training.detector.repositories import Picture
from fer_training.detector.sources import SOURCES

Image = NDArray[np.uint8]

LONGEST = 640
"""Longest side of the stored photos; smaller ones stay as they are [pixels]."""
SIZES = {"320": 320, "": LONGEST, "1024": 1024}
"""Longest side of the teacher's input by the name of its detections [pixels]."""
LEAST_SCORE = 0.3
"""Of the teacher's detections that are kept; people confirm the doubtful ones or do not."""

_LEAST_SIDE = 160
"""Pictures whose longest side is below this are crops of faces, and left out [pixels]."""
_CERTAIN = 0.7
_QUALITY = 92
_MOST_TRAINED, _MOST_VALIDATED = 6, 3
"""Photos kept of a group of near-duplicates."""
_LARGEST_GROUP = 12
"""Larger groups are frames of videos and stay in training."""
_VALIDATED = 4
"""Of so many groups one goes to validation."""


@dataclass
class Tally:
    """Counts of the pictures of one source by outcome."""

    pictures: int = 0
    small: int = 0
    """Of less than the least side, or not to be decoded."""
    unseen: int = 0
    """Near-duplicates of photos that must stay unseen."""
    alike: int = 0
    """Beyond the most of a group of near-duplicates."""
    training: int = 0
    faces: int = 0
    """In training: people's boxes, or the teacher's certain detections where nobody drew any."""
    validation: int = 0
    validation_faces: int = 0


@dataclass(frozen=True)
class Request:
    """Checkouts and outputs of a gathering."""

    checkouts: tuple[Path, ...]
    """Folders with the repositories' names."""
    teacher: Path
    """YuNet file."""
    unseen: tuple[Path, ...]
    """Files of photos or of hashes whose near-duplicates are left out."""
    out: Path
    """npz of the photos to train on."""
    validation: Path | None = None
    """npz of the photos to validate on; without it all are for training."""
    without: frozenset[int] = frozenset()
    """Codes of sources to leave out."""


def gather(request: Request) -> dict[int, Tally]:
    """Write the photos of checkouts; return the tally of each source by its code.

    Raises:
        DatasetError: A checkout is unknown or empty, or no photo is left.
        DetectorError: The teacher cannot be loaded.
    """
    teachers = {
        key: YuNetDetector(
            request.teacher,
            DetectorSettings(threshold=kinds.LEAST_SCORE, detection_size=size, max_faces=1000),
        )
        for key, size in SIZES.items()
    }
    layouts = [(repositories.layout_of(folder).code, folder) for folder in request.checkouts]
    closed = near_duplicates.stacked(
        [bits for file in request.unseen for bits in near_duplicates.excluded(file)]
    )
    tallies: dict[int, Tally] = {}
    found: list[Picture] = []
    hashes: list[Bits] = []
    for code, folder in layouts:
        if code not in request.without:
            tally = tallies.setdefault(code, Tally())
            for picture, bits in _eligible(folder, closed, tally):
                found.append(picture)
                hashes.append(bits)
    if not found:
        raise DatasetError("no photo is left; name more checkouts or leave fewer sources out")
    validated = _split(found, near_duplicates.stacked(hashes), request.validation is not None)
    for picture, part in zip(found, validated, strict=True):
        tallies[picture.layout.code].alike += part is None
    for part, file in ((False, request.out), (True, request.validation)):
        if file is not None:
            chosen = [p for p, own in zip(found, validated, strict=True) if own is part]
            write((_entry(p, teachers, part, tallies) for p in chosen), file)
    return tallies


def _eligible(folder: Path, closed: Bits, tally: Tally) -> Iterator[tuple[Picture, Bits]]:
    """Yield the pictures of a checkout that are large enough and near none that stays unseen."""
    for picture in repositories.pictures(folder):
        tally.pictures += 1
        image = _read(picture.file)
        if image is None or max(image.shape[:2]) < _LEAST_SIDE:
            tally.small += 1
            continue
        bits = near_duplicates.difference_hash(image)
        if near_duplicates.nearest(bits[None], closed)[0] <= near_duplicates.NEAR:
            tally.unseen += 1
            continue
        yield picture, bits


def _split(found: Sequence[Picture], hashes: Bits, validate: bool) -> list[bool | None]:
    """Return for each picture: validation, training, or neither; a group stays together.

    The name of a group's first picture decides, so that more checkouts move none.
    """
    group = near_duplicates.groups(hashes)
    members: dict[int, list[int]] = {}
    for i, number in enumerate(group.tolist()):
        members.setdefault(number, []).append(i)
    parts: list[bool | None] = [None] * len(found)
    for own in members.values():
        name = min(found[i].name for i in own)
        chosen = (
            validate
            and len(own) <= _LARGEST_GROUP
            and zlib.crc32(name.encode()) % _VALIDATED == 0
            and any(found[i].layout.validation for i in own)
        )
        able = [i for i in own if found[i].layout.validation or not chosen]
        for i in able[: _MOST_VALIDATED if chosen else _MOST_TRAINED]:
            parts[i] = chosen
    return parts


def _entry(
    picture: Picture, teachers: dict[str, YuNetDetector], validated: bool, tallies: dict[int, Tally]
) -> Entry:
    """Return a photo as it is stored, with what the teacher sees in it."""
    image = _read(picture.file)
    assert image is not None
    large = _shrunk(image, SIZES["1024"])
    stored = _shrunk(image, LONGEST)
    size = (stored.shape[1], stored.shape[0])
    share = size[0] / large.shape[1]
    teacher = {key: _detections(finder, large, share) for key, finder in teachers.items()}
    truth = np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes * (size * 2)
    best = max(float(rows[:, 14].max(initial=0.0)) for rows in teacher.values())
    nobody = picture.boxes is not None and not len(truth) and best < _CERTAIN
    kept = {key: rows[rows[:, 14] >= LEAST_SCORE] for key, rows in teacher.items()}
    tally = tallies[picture.layout.code]
    certain = int((teacher["1024"][:, 14] >= _CERTAIN).sum())
    faces = certain if picture.boxes is None else len(truth)
    if validated:
        tally.validation += 1
        tally.validation_faces += faces
    else:
        tally.training += 1
        tally.faces += faces
    return Entry(
        jpeg=np.asarray(cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]),
        size=size,
        source=picture.layout.code,
        name=picture.name,
        truth=np.asarray(truth, np.float32),
        kinds=kinds.of_photo(stored, truth, picture.masked, teacher) if validated else None,
        negative=nobody,
        faces={key: rows[:0] if nobody else rows for key, rows in kept.items()},
        false_faces=kept["1024"][: None if nobody else 0],
    )


def _detections(finder: FaceDetector, image: Image, share: float) -> NDArray[np.float32]:
    """Return a teacher's detections, (F, 15), in pixels of an image `share` as large."""
    rows = rows_of(finder.detect(image))
    rows[:, :14] *= share
    return rows


def _read(file: Path) -> Image | None:
    packed = np.frombuffer(read_bytes(file, 1 << 30), np.uint8)
    image = cv2.imdecode(packed, cv2.IMREAD_COLOR) if len(packed) else None
    return None if image is None else np.asarray(image, np.uint8)


def _shrunk(image: Image, longest: int) -> Image:
    """Return an image with at most this longest side [pixels]."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def markdown(tallies: Mapping[int, Tally]) -> str:
    """Return the tallies as a table."""
    lines = [
        "| code | source | pictures | small | near unseen ones | alike | trained on | faces | "
        "validated on | faces |",
        "|---" * 10 + "|",
    ]
    for code, tally in sorted(tallies.items()):
        cells = (code, SOURCES[code].label, *astuple(tally))
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
