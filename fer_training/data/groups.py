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

"""UTKFace (Zhang et al. 2017) and SMILEsmileD: faces with groups or smiles, for measuring alone.

UTKFace: for non-commercial research, as its authors state; the groups are those of its file names,
which people did not give themselves. SMILEsmileD: no terms stated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fer_ros.files import listed
from fer_training.data.base import DatasetError

_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_\d+")
SEXES = ("male", "female")
ORIGINS = ("White", "Black", "Asian", "Indian", "other")
AGES = ((0, 2), (3, 9), (10, 19), (20, 39), (40, 59), (60, 200))
"""First and last year of each band."""
UTKFACE_WHERE = "take UTKFace's aligned and cropped faces from susanqq.github.io/UTKFace"
SMILE_WHERE = "take the folder SMILEs of github.com/hromi/SMILEsmileD"


@dataclass(frozen=True)
class Chip:
    """A face of 200 by 200 pixels and the groups given by its file name."""

    path: Path
    age: str
    """Band [years], e.g. ``20-39``."""
    sex: str
    origin: str


def band(age: int) -> str:
    """Return the band of an age [years], e.g. ``20-39`` or ``60+``."""
    first, last = next(pair for pair in AGES if age <= pair[1])
    return f"{first}+" if last >= AGES[-1][1] else f"{first}-{last}"


def chips(folder: Path) -> list[Chip]:
    """Return the faces below a folder by name; files whose name lacks a part are left out.

    Raises:
        DatasetError: There are none.
    """
    found = []
    for path in sorted(folder.rglob("*.jpg"), key=lambda path: path.name):
        match = _NAME.match(path.name)
        if match is not None:
            age, sex, origin = (int(part) for part in match.groups())
            found.append(Chip(path, band(min(age, AGES[-1][1])), SEXES[sex], ORIGINS[origin]))
    if not found:
        raise DatasetError(f"{folder} holds no face named like 23_1_2_2017….jpg; {UTKFACE_WHERE}")
    return found


def smiles(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of smiling faces and of others.

    Raises:
        DatasetError: One of them has none.
    """
    both = [listed(folder / name, "**/*.jpg") for name in ("positives", "negatives")]
    if not all(both):
        raise DatasetError(f"{folder} lacks positives/ or negatives/; {SMILE_WHERE}")
    return both[0], both[1]
