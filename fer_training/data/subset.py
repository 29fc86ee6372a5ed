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

"""Protocols that leave rows of a data set out: classes, frames of a sequence, disputed labels."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fer_training.data.base import FERPLUS_COLUMNS, DatasetError, FaceDataset


class Selection(Protocol):
    """The selection in a recipe's ``data`` entry."""

    leave_out: list[str]
    """Classes that are left out."""
    frames: int
    """Last frames of each sequence that stay; 0 keeps all."""
    agreed: bool
    """Whether only rows stay whose FER+ majority is the label."""
    agreed_votes: int
    """Least number of FER+ voters for the label of a row that stays, where ``agreed``."""


def subset(data: FaceDataset, selection: Selection) -> FaceDataset:
    """Return the rows that a protocol uses; classes without rows leave the list of labels.

    Raises:
        DatasetError: The data set lacks the class, the sequences or the votes, or no row stays.
    """
    keep = np.ones(len(data), bool)
    for name in selection.leave_out:
        if name not in data.label_names:
            raise DatasetError(
                f"leave_out names {name!r}; {data.name} has {', '.join(data.label_names)}"
            )
        keep &= data.labels != data.label_names.index(name)
    if selection.frames:
        if data.from_end is None:
            raise DatasetError(f"{data.name} has no sequences; set data.frames to 0")
        keep &= data.from_end < selection.frames
    if selection.agreed:
        if data.votes is None:
            raise DatasetError(
                f"{data.name} comes without FER+ votes; put fer2013new.csv of microsoft/FERPlus "
                "beside the csv, or set data.agreed to false"
            )
        columns = np.array([FERPLUS_COLUMNS.index(name) for name in data.label_names])
        own = columns[data.labels]
        keep &= data.votes.argmax(1) == own
        keep &= data.votes[np.arange(len(data)), own] >= selection.agreed_votes
    if keep.all():
        return data
    if not keep.any():
        raise DatasetError(f"{data.name}: leave_out, frames and agreed leave no row")
    return _without_classes(data.select(np.flatnonzero(keep)), selection.leave_out)


def _without_classes(data: FaceDataset, names: list[str]) -> FaceDataset:
    kept = tuple(name for name in data.label_names if name not in names)
    codes = np.array([kept.index(n) if n in kept else -1 for n in data.label_names], np.int64)
    return data.relabelled(codes[data.labels], kept)
