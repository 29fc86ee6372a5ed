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

"""The common type of all data sets, and the errors of loaders."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


class DatasetError(ValueError):
    """A data set is missing, incomplete or malformed; the message says what to do."""


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Labelled face crops, all of one size, in memory."""

    name: str
    images: NDArray[np.uint8]
    """Shape (N, height, width) in grey or (N, height, width, 3) in BGR."""
    labels: NDArray[np.int64]
    """Class of each row, shape (N,)."""
    label_names: tuple[str, ...]
    """Canonical names (:mod:`fer_ros.perception.emotions`) in the order of the classes."""
    terms: str
    """Who may use the data for what, in a sentence."""
    usage: NDArray[np.str_] | None = None
    """The owners' split of each row, e.g. ``Training``, shape (N,)."""
    subjects: NDArray[np.str_] | None = None
    """Person shown in each row, shape (N,)."""
    from_end: NDArray[np.int64] | None = None
    """Frames between each row and the last one of its sequence, shape (N,)."""
    votes: NDArray[np.uint8] | None = None
    """FER+ votes, shape (N, 10), in the order of :data:`FERPLUS_COLUMNS`."""

    def __post_init__(self) -> None:
        rows = len(self.images)
        for name in ("labels", "usage", "subjects", "from_end", "votes"):
            column = getattr(self, name)
            if column is not None and len(column) != rows:
                raise DatasetError(f"{self.name}: {rows} images but {len(column)} {name}")
        if rows == 0:
            raise DatasetError(f"{self.name}: no images")
        if self.labels.min() < 0 or self.labels.max() >= len(self.label_names):
            raise DatasetError(
                f"{self.name}: class codes must lie in 0..{len(self.label_names) - 1}, found "
                f"{self.labels.min()}..{self.labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shape, pixels and labels: equal for equal rows whatever file held them."""
        sha = hashlib.sha256(repr(self.images.shape).encode())
        sha.update(np.ascontiguousarray(self.images).data)
        sha.update(self.labels.astype("<i8").tobytes())
        return sha.hexdigest()

    @cached_property
    def duplicate_groups(self) -> NDArray[np.int64]:
        """Equal numbers mark byte-identical images, shape (N,)."""
        flat = np.ascontiguousarray(self.images).reshape(len(self), -1)
        keys = flat.view(f"V{flat.shape[1]}").ravel()
        first: dict[bytes, int] = {}
        return np.array(
            [first.setdefault(key.tobytes(), row) for row, key in enumerate(keys)], np.int64
        )

    def select(self, rows: NDArray[np.int64]) -> FaceDataset:
        """Return the data set of some rows."""

        def pick(column: Any) -> Any:
            return None if column is None else column[rows]

        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            usage=pick(self.usage),
            subjects=pick(self.subjects),
            from_end=pick(self.from_end),
            votes=pick(self.votes),
        )

    def relabelled(self, labels: NDArray[np.int64], names: tuple[str, ...]) -> FaceDataset:
        """Return the same rows with other classes."""
        return replace(self, labels=labels, label_names=names)


def expect_rows(name: str, found: int, expected: int, where: str) -> None:
    """Warn when a data set is not as large as its owners' edition."""
    if found != expected:
        warnings.warn(
            f"{name} has {found:,} labelled images here, {expected:,} in the owners' edition; "
            f"if it should be whole, {where}",
            stacklevel=3,
        )


FERPLUS_COLUMNS = (
    "neutral",
    "happy",
    "surprise",
    "sad",
    "angry",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "not_a_face",
)
"""Columns of the FER+ votes (Barsoum et al. 2016)."""
