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

"""Photos with known faces, from three layouts: npz, WIDER FACE, a folder with a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.files import read_bytes, read_text
from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz
from fer_training.detector.sources import is_loose

Floats = NDArray[np.float64]

_MOST_BYTES = 1 << 30
"""Size of a list of boxes, or of a photo [bytes]."""


@dataclass(frozen=True)
class LabelledPhoto:
    """One picture and the faces in it."""

    image: NDArray[np.uint8]
    """(height, width, 3) BGR."""
    boxes: Floats
    """(F, 4) x, y, width, height [pixels]."""
    counts: NDArray[np.bool_]
    """(F,) whether a face counts; the others neither help nor hurt."""
    kinds: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """(F,) by what makes a face hard to find, where the data set says it."""
    loose: bool = False
    """Whether the boxes hold hair, hats or shoulders beside the face: a detection inside is a hit,
    and the faces count by kind, not in the whole."""


_SENSOR_NOISE = 2.0
"""Standard deviation in a dim photo [grey levels]."""


def dimmed(photo: LabelledPhoto, light: float, seed: int = 0) -> LabelledPhoto:
    """Return a photo as a camera takes it in less light: multiplied, with noise, in eight bits."""
    noise = np.random.default_rng(seed).normal(0.0, _SENSOR_NOISE, photo.image.shape)
    image = np.clip(photo.image * light + noise, 0, 255).astype(np.uint8)
    return replace(photo, image=image)


def load(path: Path) -> Iterator[LabelledPhoto]:
    """Yield the photos of a data set; its layout is recognised by its files.

    Args:
        path: An npz file with `jpeg`, `offset`, `truth` and `truth_offset`; a folder of WIDER FACE
            (``wider_face_split`` beside ``WIDER_val``); or a folder of photos with ``boxes.json``,
            an object of file names and lists of x, y, width, height.

    Raises:
        DatasetError: It is none of these.
    """
    if path.is_file():
        return _npz(path)
    if (path / "wider_face_split").is_dir():
        return _wider(path)
    if (path / "boxes.json").is_file():
        return _folder(path)
    raise DatasetError(
        f"{path} is no npz file, has no wider_face_split folder and no boxes.json; "
        "see `fer-train detector compare --help`"
    )


def without_faces(path: Path) -> list[NDArray[np.uint8]]:
    """Return the photos of a data set that show nobody, grey.

    Raises:
        DatasetError: There is none, or no data set.
    """
    images = [photo.image for photo in load(path) if len(photo.boxes) == 0]
    if not images:
        raise DatasetError(f"{path} has no photo without faces to put faces into")
    return [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8) for image in images]


def _npz(path: Path) -> Iterator[LabelledPhoto]:
    with open_npz(path) as data:
        missing = {"jpeg", "offset", "truth", "truth_offset"} - set(data.files)
        if missing:
            raise DatasetError(f"{path} lacks {', '.join(sorted(missing))}")
        packed, offset = data["jpeg"], data["offset"]
        truth, at = data["truth"], data["truth_offset"]
        names = data["kind_names"].tolist() if "kind_names" in data.files else []
        kinds = data["kinds"] if names else np.zeros((len(truth), 0), np.bool_)
        sources = data["source"].tolist() if "source" in data.files else [-1] * (len(offset) - 1)
    for i in range(len(offset) - 1):
        image = cv2.imdecode(packed[offset[i] : offset[i + 1]], cv2.IMREAD_COLOR)
        own = slice(at[i], at[i + 1])
        photo = _photo(image, truth[own], f"photo {i} of {path}")
        kinds_by_name = dict(zip(names, kinds[own].T, strict=True))
        yield replace(photo, kinds=kinds_by_name, loose=is_loose(sources[i]))


def _folder(path: Path) -> Iterator[LabelledPhoto]:
    listed = json.loads(read_text(path / "boxes.json", _MOST_BYTES))
    if isinstance(listed.get("images"), list):
        listed = {entry["file"]: entry["boxes_xywh"] for entry in listed["images"]}
    for name, boxes in listed.items():
        file = next((f for f in (path / name, path / "images" / name) if f.is_file()), path / name)
        yield _photo(_read(file), np.array(boxes, np.float64).reshape(-1, 4), str(file))


def _wider(path: Path) -> Iterator[LabelledPhoto]:
    """WIDER FACE (Yang et al. 2016): a name, a count, and lines of box and six flags a photo."""
    lines = iter(
        read_text(path / "wider_face_split" / "wider_face_val_bbx_gt.txt", _MOST_BYTES).splitlines()
    )
    for name in lines:
        count = int(next(lines))
        rows = [next(lines).split() for _ in range(max(count, 1))][:count]
        numbers = np.array(rows, np.float64).reshape(count, -1)
        file = path / "WIDER_val" / "images" / name
        photo = _photo(_read(file), numbers[:, :4].reshape(-1, 4), str(file))
        valid = numbers[:, 7] == 0 if numbers.shape[1] > 7 else np.ones(count, bool)
        yield LabelledPhoto(photo.image, photo.boxes, np.asarray(photo.counts & valid, np.bool_))


def _read(file: Path) -> NDArray[np.generic] | None:
    if not file.is_file():
        raise DatasetError(f"{file} is listed but not there")
    return cv2.imdecode(np.frombuffer(read_bytes(file, _MOST_BYTES), np.uint8), cv2.IMREAD_COLOR)


def _photo(
    image: NDArray[np.generic] | None, boxes: NDArray[np.float64], name: str
) -> LabelledPhoto:
    if image is None:
        raise DatasetError(f"{name} cannot be decoded as a picture")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    counts = np.asarray((boxes[:, 2:] > 0).all(axis=1), np.bool_).reshape(len(boxes))
    return LabelledPhoto(np.asarray(image, np.uint8), boxes, counts)
