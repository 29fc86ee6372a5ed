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

"""Search path of a user's own copy of a data set when no path is given."""

from __future__ import annotations

import os
from pathlib import Path

from fer_training.data.base import DatasetError

DATA_ENV = "FER_DATA"
"""Environment variable with the folder that holds the data sets."""
DATA_FOLDER = Path("data")
"""Where they are looked for without it, in the working folder."""
NAMES = {
    "fer2013": ("fer2013.csv", "icml_face_data.csv", "fer2013.npz", "fer2013_train_public.npz"),
    "ckplus": ("ckplus.npz", "ck48.npz", "CK+48", "CK+", "ckplus"),
    "jaffe": ("jaffe.npz", "jaffe", "JAFFE"),
    "kdef": ("KDEF", "kdef"),
    "sfew": ("SFEW", "sfew"),
    "ferg": ("FERG_DB_256", "ferg"),
    "imed": ("IMED", "imed"),
}
"""Files and folders that are taken for a data set, the first that exists."""


def find(dataset: str, path: str = "") -> Path:
    """Return the given path, or where the data set lies in the data folder.

    Raises:
        DatasetError: No path is given and none of the data set's usual names is there.
    """
    if path:
        return Path(path)
    folder = Path(os.environ.get(DATA_ENV) or DATA_FOLDER)
    names = NAMES.get(dataset, (dataset,))
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise DatasetError(
        f"no {dataset} in {folder}/ (looked for {', '.join(names)}); give --data PATH, or set "
        f"{DATA_ENV} to the folder that holds it"
    )
