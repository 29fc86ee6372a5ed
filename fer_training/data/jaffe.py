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

"""JAFFE, Japanese female facial expressions (Lyons et al. 1998).

Terms: non-commercial research only; no weights that learned from it are shipped.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fer_ros.perception import emotions
from fer_training.data.base import DatasetError, FaceDataset, expect_rows
from fer_training.data.crops import face_crop, read_image
from fer_training.data.folders import image_files, read_npz

TERMS = "JAFFE (Lyons et al. 1998): non-commercial research only; no redistribution"
WHERE = "request JAFFE at zenodo.org/records/3451524"
_CODES = {"AN": 0, "DI": 1, "FE": 2, "HA": 3, "SA": 4, "SU": 5, "NE": 6}
_NAME = re.compile(r"^([A-Z]{2})\.([A-Z]{2})\d*\.\d+\.\w+$")


def load(path: Path) -> FaceDataset:
    """Read ``KA.AN1.39.tiff`` and its like from a folder, or an npz of the same photos.

    Raises:
        DatasetError: Files are missing or have other names.
    """
    if path.suffix == ".npz":
        arrays = read_npz(path, ("images", "label", "label_names", "subject", "filename"), WHERE)
        own = [emotions.canonical(str(name)) for name in arrays["label_names"]]
        codes = np.array([emotions.FER2013.index(name) for name in own])
        photos = list(zip(arrays["filename"], arrays["images"], strict=True))
        labels = codes[arrays["label"]].tolist()
        subjects = arrays["subject"].astype(str).tolist()
    else:
        if not path.is_dir():
            raise DatasetError(f"no folder {path}; {WHERE}")
        photos, labels, subjects = [], [], []
        for file in image_files(path):
            match = _NAME.match(file.name)
            if match is None or match[2] not in _CODES:
                raise DatasetError(f"{file}: the name is not like KA.AN1.39.tiff")
            photos.append((str(file), read_image(file)))
            labels.append(_CODES[match[2]])
            subjects.append(match[1])
        if not photos:
            raise DatasetError(f"{path} has no images; {WHERE}")
    expect_rows("JAFFE", len(photos), 213, WHERE)
    return FaceDataset(
        "jaffe",
        np.stack([face_crop(photo, 48, name) for name, photo in photos]),
        np.array(labels, np.int64),
        emotions.FER2013,
        TERMS,
        subjects=np.array(subjects),
    )
