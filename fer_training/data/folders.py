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

"""Reading images from folders, one folder per class."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.files import open_file
from fer_ros.perception import emotions
from fer_training.data.base import DatasetError
from fer_training.data.crops import read_face, read_image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm"})


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder in name order.

    Hidden files are none of them: macOS leaves ``._name.png`` beside ``name.png``.
    """
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


@contextmanager
def open_npz(path: Path) -> Iterator[Any]:
    """Open an npz for a ``with``, as ``np.load`` does.

    Raises:
        DatasetError: It is missing, no file or no npz; also from an array
            that is damaged or not there.
    """
    try:
        with open_file(path) as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it holds a single array")
            yield archive
    except DatasetError:
        raise
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path} is no readable npz: {error}") from error


def read_npz(path: Path, names: Sequence[str], where: str) -> dict[str, NDArray[Any]]:
    """Read an npz that must have some arrays.

    Raises:
        DatasetError: The file is missing, no npz, or lacks an array.
    """
    if not path.is_file():
        raise DatasetError(f"no file {path}; {where}")
    with open_npz(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    missing = [key for key in names if key not in arrays]
    if missing:
        raise DatasetError(f"{path} lacks the arrays {', '.join(missing)}")
    return arrays


def read_class_folders(
    root: Path, labels: Sequence[str], size: tuple[int, int] | None = None, crop: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[Path]]:
    """Read ``<root>/<class>/*``; folder names may be any known spelling of a label.

    Args:
        root: Folder of the class folders.
        labels: Canonical names; their order gives the codes.
        size: (width, height) that images are resized to.
        crop: Side of the face crop to cut from each photo; 0 takes images as they are.

    Raises:
        DatasetError: A class has no folder or no image, or a file is unreadable.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder {root}")
    folders: dict[str, Path] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        try:
            folders[emotions.canonical(folder.name)] = folder
        except ValueError as error:
            raise DatasetError(f"{folder}: {error}") from None
    images: list[NDArray[np.uint8]] = []
    codes: list[int] = []
    files: list[Path] = []
    for code, label in enumerate(labels):
        own = image_files(folders[label]) if label in folders else []
        if not own:
            raise DatasetError(f"{root}: class {label!r} has no images")
        images += [read_face(file, crop) if crop else read_image(file, size) for file in own]
        codes += [code] * len(own)
        files += own
    return np.stack(images), np.array(codes, np.int64), files
