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

"""KDEF, SFEW, FERG and IMED in their owners' layouts.

Terms: all four are for non-commercial research, on request or agreement with their owners.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fer_ros.perception import emotions
from fer_training.data.base import DatasetError, FaceDataset, expect_rows
from fer_training.data.crops import read_face, read_image
from fer_training.data.folders import image_files, read_class_folders

KDEF_WHERE = "request KDEF from Karolinska Institutet (kdef.se)"
SFEW_WHERE = "request SFEW 2.0 from its owners (users.cecs.anu.edu.au/~few_group)"
FERG_WHERE = "request FERG-DB from grail.cs.washington.edu/projects/deepexpr"
IMED_WHERE = "request IMED from its owners (Universitas Indonesia)"
_KDEF_NAME = re.compile(r"^([AB])([FM])(\d\d)(AF|AN|DI|HA|NE|SA|SU)(FL|FR|HL|HR|S)$")
_KDEF_CODES = {"AN": 0, "DI": 1, "AF": 2, "HA": 3, "SA": 4, "SU": 5, "NE": 6}


def load_kdef(path: Path) -> FaceDataset:
    """Read the frontal photos of KDEF (``AF01/AF01ANS.JPG``), 980 of 4,900.

    Raises:
        DatasetError: The folder is missing or a file has another name.
    """
    _require(path, KDEF_WHERE)
    images, labels, subjects = [], [], []
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        for file in image_files(folder):
            match = _KDEF_NAME.match(file.stem.upper())
            if match is None:
                raise DatasetError(f"{file}: the name is not like AF01ANS.JPG")
            if match[5] == "S":
                images.append(read_face(file, 48))
                labels.append(_KDEF_CODES[match[4]])
                subjects.append(match[2] + match[3])
    if not images:
        raise DatasetError(f"{path} has no frontal photos; {KDEF_WHERE}")
    expect_rows("KDEF (frontal)", len(images), 980, KDEF_WHERE)
    return FaceDataset(
        "kdef",
        np.stack(images),
        np.array(labels, np.int64),
        emotions.FER2013,
        "KDEF (Lundqvist et al. 1998): non-commercial research only",
        subjects=np.array(subjects),
    )


def load_sfew(path: Path) -> FaceDataset:
    """Read SFEW 2.0: ``Train/<class>/*`` and ``Val/<class>/*`` (its test set has no labels).

    Raises:
        DatasetError: A folder is missing, a class is empty, or a photo shows no face.
    """
    _require(path, SFEW_WHERE)
    parts = []
    for folder, usage in (("Train", "Training"), ("Val", "Validation")):
        images, labels, _ = read_class_folders(path / folder, emotions.FER2013, crop=48)
        parts.append((images, labels, np.full(len(labels), usage)))
    expect_rows("SFEW", sum(len(part[1]) for part in parts), 958 + 436, SFEW_WHERE)
    return FaceDataset(
        "sfew",
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        emotions.FER2013,
        "SFEW 2.0 (Dhall et al. 2011): non-commercial research only, on agreement",
        usage=np.concatenate([part[2] for part in parts]),
    )


def load_ferg(path: Path) -> FaceDataset:
    """Read FERG-DB: ``<character>/<character>_<expression>/*``; drawn faces, already cropped.

    Raises:
        DatasetError: The folder is missing, or one has an unknown name.
    """
    _require(path, FERG_WHERE)
    return _by_subject(
        path, "ferg", "FERG-DB (Aneja et al. 2016): research only", FERG_WHERE, 55_767
    )


def load_imed(path: Path) -> FaceDataset:
    """Read IMED arranged as ``<subject>/<class>/*`` (frames of its seven basic emotions).

    Raises:
        DatasetError: The folder is missing, or one has an unknown name.
    """
    _require(path, IMED_WHERE)
    return _by_subject(path, "imed", "IMED (Liliana et al. 2018): research only", IMED_WHERE, None)


def _by_subject(path: Path, name: str, terms: str, where: str, expected: int | None) -> FaceDataset:
    images, labels, subjects = [], [], []
    for folder in sorted(entry for entry in path.glob("*/*") if entry.is_dir()):
        try:
            label = emotions.canonical(folder.name.rpartition("_")[2])
        except ValueError as error:
            raise DatasetError(f"{folder}: {error}") from None
        if label not in emotions.FER2013:
            raise DatasetError(f"{folder}: {label} is not one of {emotions.FER2013}")
        for file in image_files(folder):
            images.append(read_image(file, (48, 48)))
            labels.append(emotions.FER2013.index(label))
            subjects.append(folder.parent.name)
    if not images:
        raise DatasetError(f"{path} has no images; {where}")
    if expected is not None:
        expect_rows(name.upper(), len(images), expected, where)
    return FaceDataset(
        name,
        np.stack(images),
        np.array(labels, np.int64),
        emotions.FER2013,
        terms,
        subjects=np.array(subjects),
    )


def _require(path: Path, where: str) -> None:
    if not path.is_dir():
        raise DatasetError(f"no folder {path}; {where}")
