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

"""Checkouts of public repositories with face photos: where pictures and people's boxes lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.files import listed
from fer_training.data.base import DatasetError
from fer_training.detector.sources import SOURCES

Floats = NDArray[np.float32]

_EXPORT = re.compile(r"\.rf\.[0-9a-f]{32}$")
"""What Roboflow appends to the name of an original, another one for each altered copy."""
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


@dataclass(frozen=True)
class Layout:
    """Where a repository keeps its photos."""

    code: int
    """Of the source, see :mod:`fer_training.detector.sources`."""
    pictures: tuple[str, ...]
    """Patterns below the checkout; the first one that has an original wins."""
    boxed: bool = False
    """Labels in YOLO's form lie in ``labels`` beside ``images``."""
    masked: frozenset[int] = frozenset()
    """Classes of the labels that say that a mask is worn."""
    skipped: str = ""
    """Names that begin so are left out."""
    validation: bool = False
    """A part may go into a validation set: boxes and proportions are right."""


LAYOUTS = (
    Layout(30, ("Face-Detection-2/*/images/*",), boxed=True, validation=True),
    # maksssksksss...: photos of the Kaggle set that serves for validation and measurement
    Layout(
        31,
        ("dataset/*/images/*",),
        boxed=True,
        masked=frozenset({0, 1}),
        skipped="maksssksksss",
        validation=True,
    ),
    Layout(32, ("trainingimages/*", "single2-0/*", "trainingmask/*")),
    Layout(
        33,
        ("dataset/valid/images/*", "dataset/test/images/*", "dataset/train/images/*"),
        boxed=True,
        masked=frozenset({0}),
    ),
    Layout(34, ("dataset/*/images/*",), boxed=True),
    Layout(35, ("Face-Detection-2/*/images/*",), boxed=True, validation=True),
    Layout(36, ("images/*",)),
    Layout(37, ("images/*.jpg",)),
)


@dataclass(frozen=True)
class Picture:
    """One file of a checkout and its labels."""

    file: Path
    name: str
    """Path below the checkout."""
    layout: Layout
    boxes: Floats | None
    """(K, 4) x, y, width, height in shares of the picture; None where nobody drew any."""
    masked: NDArray[np.bool_]
    """(K,)."""


def layout_of(checkout: Path) -> Layout:
    """Return the layout of a checkout by its folder's name, ``name`` or ``owner+name``.

    Raises:
        DatasetError: No repository of this name is known.
    """
    name = checkout.resolve().name
    for layout in LAYOUTS:
        repository = SOURCES[layout.code].repository
        if name in (repository.partition("/")[2], repository.replace("/", "+")):
            return layout
    known = ", ".join(SOURCES[layout.code].repository for layout in LAYOUTS)
    raise DatasetError(f"{checkout} is a checkout of none of {known}; keep the repository's name")


def pictures(checkout: Path) -> Iterator[Picture]:
    """Yield the pictures of a checkout, one for each original.

    Raises:
        DatasetError: The folder is unknown or holds no picture.
    """
    layout = layout_of(checkout)
    seen: set[str] = set()
    for pattern in layout.pictures:
        for file in listed(checkout, pattern):
            if file.suffix.lower() not in _PICTURES:
                continue
            original = _EXPORT.sub("", file.stem)
            if original in seen or (layout.skipped and original.startswith(layout.skipped)):
                continue
            if layout.boxed:
                seen.add(original)
            boxes, classes = _labels(file) if layout.boxed else (None, [])
            masked = np.array([number in layout.masked for number in classes], np.bool_)
            name = file.relative_to(checkout).as_posix()
            yield Picture(file, name, layout, boxes, masked)
    if not any(True for pattern in layout.pictures for _ in checkout.glob(pattern)):
        raise DatasetError(f"{checkout} holds no pictures at {', '.join(layout.pictures)}")


def _labels(picture: Path) -> tuple[Floats | None, list[int]]:
    """Read a file in YOLO's form: a class and a box or a polygon a line, in shares."""
    file = picture.parent.parent / "labels" / f"{picture.stem}.txt"
    if not file.is_file():
        return None, []
    boxes, classes = [], []
    for line in file.read_text("utf-8").splitlines():
        numbers = [float(word) for word in line.split()]
        if len(numbers) < 5:
            continue
        x, y, w, h = numbers[1:5]
        if len(numbers) > 5:
            low = [min(numbers[k::2]) for k in (1, 2)]
            high = [max(numbers[k::2]) for k in (1, 2)]
            w, h = high[0] - low[0], high[1] - low[1]
            x, y = low[0] + w / 2, low[1] + h / 2
        boxes.append((x - w / 2, y - h / 2, w, h))
        classes.append(int(numbers[0]))
    return np.array(boxes, np.float32).reshape(-1, 4), classes
