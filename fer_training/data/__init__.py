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

"""Loaders of the owners' layouts: a name and a path become a :class:`FaceDataset`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fer_training.data import ckplus, fer2013, jaffe, others, places
from fer_training.data.base import DatasetError, FaceDataset
from fer_training.data.subset import Selection, subset

LOADERS: dict[str, Callable[[Path], FaceDataset]] = {
    "fer2013": fer2013.load,
    "ckplus": ckplus.load,
    "jaffe": jaffe.load,
    "kdef": others.load_kdef,
    "sfew": others.load_sfew,
    "ferg": others.load_ferg,
    "imed": others.load_imed,
}


def load_dataset(
    name: str, path: Path | str = "", selection: Selection | None = None
) -> FaceDataset:
    """Read a data set, or those of its rows that a protocol uses.

    Args:
        name: One of :data:`LOADERS`.
        path: Where it lies; empty looks in the data folder (:func:`fer_training.data.places.find`).
        selection: What the protocol leaves out.

    Raises:
        DatasetError: The name is unknown, the files are missing or malformed, or the selection
            leaves no row.
    """
    if name not in LOADERS:
        raise DatasetError(f"unknown data set {name!r}; known: {', '.join(LOADERS)}")
    data = LOADERS[name](places.find(name, str(path)))
    return data if selection is None else subset(data, selection)


__all__ = ["LOADERS", "DatasetError", "FaceDataset", "load_dataset"]
