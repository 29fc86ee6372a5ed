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

"""CK+, the extended Cohn-Kanade set (Lucey et al. 2010).

Terms: research only, on a signed agreement with the owners; no weights that learned from it are
shipped with this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.files import listed, read_text
from fer_ros.perception import emotions
from fer_training.data.base import DatasetError, FaceDataset, expect_rows
from fer_training.data.crops import read_face
from fer_training.data.folders import image_files, read_class_folders, read_npz

TERMS = "CK+ (Lucey et al. 2010): research only, on a signed agreement; no redistribution"
WHERE = "request CK+ from its owners (University of Pittsburgh, jeffcohn.net/resources)"
LABELS = (
    emotions.ANGRY,
    emotions.DISGUST,
    emotions.FEAR,
    emotions.HAPPY,
    emotions.SAD,
    emotions.SURPRISE,
    emotions.CONTEMPT,
)
"""The first six as in FER2013, contempt in the place of neutral."""
FRAMES = 3
"""Last frames taken of every sequence, as the papers do."""
_OWNERS_CODES = {
    1: emotions.ANGRY,
    2: emotions.CONTEMPT,
    3: emotions.DISGUST,
    4: emotions.FEAR,
    5: emotions.HAPPY,
    6: emotions.SAD,
    7: emotions.SURPRISE,
}


def load(path: Path) -> FaceDataset:
    """Read CK+ from the owners' tree, from ``<class>/S010_004_00000017.png`` crops, or an npz.

    Raises:
        DatasetError: Files are missing or malformed.
    """
    if path.suffix == ".npz":
        return _from_npz(path)
    if (path / "Emotion").is_dir():
        return _from_owners(path)
    if not path.is_dir():
        raise DatasetError(f"no folder {path}; {WHERE}")
    return _from_crops(path)


def _dataset(
    images: NDArray[np.uint8], labels: NDArray[np.int64], names: Sequence[str]
) -> FaceDataset:
    """Make a data set of crops with names like ``S010_004_00000017.png``."""
    expect_rows("CK+", len(images), 981, WHERE)
    subjects = np.array([name.partition("_")[0] for name in names])
    return FaceDataset(
        "ckplus", images, labels, LABELS, TERMS, subjects=subjects, from_end=_from_end(names)
    )


def _from_end(names: Sequence[str]) -> NDArray[np.int64]:
    """Return how many frames of the same sequence come after each."""
    frames: dict[str, list[str]] = {}
    for name in sorted(names):
        frames.setdefault(name.rpartition("_")[0], []).append(name)
    later = {
        name: len(sequence) - 1 - place
        for sequence in frames.values()
        for place, name in enumerate(sequence)
    }
    return np.array([later[name] for name in names], np.int64)


def _from_npz(path: Path) -> FaceDataset:
    arrays = read_npz(path, ("images", "label", "label_names", "filename"), WHERE)
    own = [emotions.canonical(str(name)) for name in arrays["label_names"]]
    codes = np.array([LABELS.index(name) for name in own])
    return _dataset(arrays["images"], codes[arrays["label"]], list(map(str, arrays["filename"])))


def _from_crops(root: Path) -> FaceDataset:
    images, labels, files = read_class_folders(root, LABELS, size=(48, 48))
    return _dataset(images, labels, [file.name for file in files])


def _from_owners(root: Path) -> FaceDataset:
    """Read ``Emotion/<subject>/<sequence>/*.txt`` and ``cohn-kanade-images/...``."""
    images, labels, names = [], [], []
    for file in listed(root, "Emotion/*/*/*.txt"):
        try:
            code = int(float(read_text(file)))
        except (OSError, ValueError):
            raise DatasetError(f"{file} holds no class code") from None
        if code == 0:  # neutral sequences are not part of the labelled set
            continue
        if code not in _OWNERS_CODES:
            raise DatasetError(f"{file}: class code {code} is not 0..7")
        folder = root / "cohn-kanade-images" / file.parent.relative_to(root / "Emotion")
        frames = image_files(folder) if folder.is_dir() else []
        if len(frames) < FRAMES:
            raise DatasetError(f"{folder} has {len(frames)} images for {file}, not {FRAMES}")
        for frame in frames[-FRAMES:]:
            images.append(read_face(frame, 48))
            labels.append(LABELS.index(_OWNERS_CODES[code]))
            names.append(f"{file.parent.parent.name}_{file.parent.name}_{frame.name}")
    if not images:
        raise DatasetError(f"{root / 'Emotion'} has no labels; {WHERE}")
    return _dataset(np.stack(images), np.array(labels, np.int64), names)
