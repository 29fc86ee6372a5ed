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

"""FER2013 (Goodfellow et al. 2013): the owners' files and the votes of FER+.

Terms: published for the ICML 2013 challenge in representation learning; the images come from a
web search, and their use outside research is for the user to clear. FER+ is MIT-licensed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception import emotions
from fer_training.data.base import FERPLUS_COLUMNS, DatasetError, FaceDataset
from fer_training.data.folders import read_class_folders, read_npz

TERMS = (
    "FER2013 (Goodfellow et al. 2013), images from a web search published for research in the "
    "ICML 2013 challenge; the rights in the pictures stay with their owners"
)
WHERE = (
    "ask for fer2013.csv at the Kaggle challenge 'challenges-in-representation-learning-facial-"
    "expression-recognition-challenge'"
)
USAGES = ("Training", "PublicTest", "PrivateTest")
_PIXELS = 48 * 48


def load_npz(path: Path) -> FaceDataset:
    """Read an npz with `images` and `emotion` (codes 0..6); `usage` and `ferplus` if present.

    Images have the shape (N, H, W), (N, H, W, 1) or (N, H, W, 3) in BGR, whole values 0..255;
    usage holds 0, 1, 2 or the names of :data:`USAGES`; ferplus ten votes a row.

    Raises:
        DatasetError: The file is missing, no npz, or lacks an array; an array has another shape
            or other values.
    """
    arrays = read_npz(path, ("images", "emotion"), WHERE)
    images, labels = arrays["images"], arrays["emotion"]
    usage, votes = arrays.get("usage"), arrays.get("ferplus")
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 and images.shape[3:] != (3,):
        raise DatasetError(
            f"{path}: images must have the shape (N, H, W) or (N, H, W, 3), not {images.shape}"
        )
    if labels.ndim != 1:
        raise DatasetError(f"{path}: emotion must have the shape (N,), not {labels.shape}")
    if votes is not None and votes.shape[1:] != (len(FERPLUS_COLUMNS),):
        raise DatasetError(f"{path}: ferplus must have the shape (N, 10), not {votes.shape}")
    return FaceDataset(
        name="fer2013",
        images=_bytes(f"{path}: images", images),
        labels=_bytes(f"{path}: emotion", labels).astype(np.int64),
        label_names=emotions.FER2013,
        terms=TERMS,
        usage=None if usage is None else _usage_names(f"{path}: usage", usage),
        votes=None if votes is None else _bytes(f"{path}: ferplus", votes),
    )


def _bytes(what: str, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return whole numbers as bytes; pixels scaled to 0..1 and class names are no such numbers."""
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):  # the comparison below finds what does not fit
        whole = values.astype(np.uint8) if values.dtype.kind in "iuf" else np.zeros(0, np.uint8)
    if not np.array_equal(whole, values):
        raise DatasetError(f"{what} must hold whole numbers in 0..255")
    return whole


def _usage_names(what: str, usage: NDArray[Any]) -> NDArray[np.str_]:
    if usage.dtype.kind != "U":
        codes = _bytes(what, usage)
        if codes.max(initial=0) >= len(USAGES):
            raise DatasetError(f"{what} must be 0, 1 or 2 for {', '.join(USAGES)}")
        return np.asarray(USAGES)[codes]
    other = sorted({*usage.tolist()} - {*USAGES})
    if other:
        raise DatasetError(f"{what} names {other[0]!r}, which is none of {', '.join(USAGES)}")
    return usage


def _rows(path: Path) -> Iterator[tuple[int, int, str, NDArray[np.uint8]]]:
    """Yield line number, class, usage and pixels of each row of an official csv."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = [name.strip().lower() for name in next(reader, [])]
        if "emotion" not in header or "pixels" not in header:
            raise DatasetError(
                f"{path}: the first line must name the columns emotion, pixels and Usage, "
                f"not {', '.join(header) or 'nothing'}"
            )
        emotion_at, pixels_at = header.index("emotion"), header.index("pixels")
        usage_at = header.index("usage") if "usage" in header else None
        for row in reader:
            line = reader.line_num
            if not row:  # a blank line, as some editors leave at the end
                continue
            if len(row) != len(header):
                raise DatasetError(f"{path}, line {line}: {len(row)} fields, not {len(header)}")
            code = row[emotion_at].strip()
            if code not in {"0", "1", "2", "3", "4", "5", "6"}:
                raise DatasetError(f"{path}, line {line}: class code {code!r} is not 0..6")
            try:
                pixels = np.array(row[pixels_at].split(), dtype=np.int64)
            except ValueError:
                raise DatasetError(f"{path}, line {line}: a pixel is no whole number") from None
            if len(pixels) != _PIXELS:
                raise DatasetError(f"{path}, line {line}: {len(pixels)} pixels, not {_PIXELS}")
            if pixels.min() < 0 or pixels.max() > 255:
                raise DatasetError(f"{path}, line {line}: a pixel is outside 0..255")
            usage = "Training" if usage_at is None else row[usage_at].strip()
            if usage not in USAGES:
                raise DatasetError(f"{path}, line {line}: usage {usage!r} is not in {USAGES}")
            yield line, int(code), usage, pixels.astype(np.uint8)


def load_csv(path: Path, ferplus: Path | None = None) -> FaceDataset:
    """Read ``fer2013.csv`` or ``icml_face_data.csv``, with ``fer2013new.csv`` of FER+ if given.

    Raises:
        DatasetError: A file is missing or a row is malformed; the message names the line.
    """
    if not path.is_file():
        raise DatasetError(f"no file {path}; {WHERE}")
    images, labels, usages = [], [], []
    for _, label, usage, pixels in _rows(path):
        images.append(pixels)
        labels.append(label)
        usages.append(usage)
    if not images:
        raise DatasetError(f"{path} has no rows")
    return FaceDataset(
        name="fer2013",
        images=np.stack(images).reshape(-1, 48, 48),
        labels=np.array(labels, np.int64),
        label_names=emotions.FER2013,
        terms=TERMS,
        usage=np.array(usages),
        votes=None if ferplus is None else _ferplus(ferplus, usages),
    )


def _ferplus(path: Path, usages: list[str]) -> NDArray[np.uint8]:
    """Read the votes of ``fer2013new.csv``, which has the rows of fer2013.csv in its order."""
    if not path.is_file():
        raise DatasetError(f"no file {path}; fetch fer2013new.csv from microsoft/FERPlus")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row][1:]
    if len(rows) != len(usages):
        raise DatasetError(f"{path}: {len(rows)} rows, but the images have {len(usages)}")
    for number, (row, usage) in enumerate(zip(rows, usages, strict=True), start=2):
        if len(row) != 12 or row[0].strip() != usage:
            raise DatasetError(f"{path}, line {number}: does not belong to a {usage} row")
    try:
        return np.array([row[2:] for row in rows], dtype=np.uint8)
    except ValueError as error:
        raise DatasetError(f"{path}: a vote is no small whole number ({error})") from None


def load_folders(root: Path) -> FaceDataset:
    """Read the image folders ``train|test/<class>/*`` that circulate beside the csv.

    Their ``test`` folder is read as PublicTest; check that yours is not PrivateTest, which some
    editions put there (7,178 images mean both).

    Raises:
        DatasetError: A folder is missing or empty, or a file is no 48x48 image.
    """
    parts = []
    for folder, usage in (("train", "Training"), ("test", "PublicTest")):
        images, labels, _ = read_class_folders(root / folder, emotions.FER2013, size=(48, 48))
        parts.append((images, labels, np.full(len(labels), usage)))
    return FaceDataset(
        name="fer2013",
        images=np.concatenate([part[0] for part in parts]),
        labels=np.concatenate([part[1] for part in parts]),
        label_names=emotions.FER2013,
        terms=TERMS,
        usage=np.concatenate([part[2] for part in parts]),
    )


def load(path: Path) -> FaceDataset:
    """Read FER2013 from an npz, a csv (with ``fer2013new.csv`` beside it) or image folders."""
    if path.suffix == ".npz":
        return load_npz(path)
    if path.is_dir() and (path / "fer2013.csv").is_file():
        path = path / "fer2013.csv"
    if path.is_dir():
        return load_folders(path)
    votes = path.with_name("fer2013new.csv")
    return load_csv(path, votes if votes.is_file() else None)
