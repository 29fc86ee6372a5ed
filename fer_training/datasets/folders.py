"""Reading images from folders, one folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros import emotions
from fer_training.datasets.base import DatasetError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm"})


def read_image(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read a file in grey, resized to (width, height) when a size is given.

    Raises:
        DatasetError: The file is no readable image.
    """
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise DatasetError(f"{path} is no readable image; replace or remove it")
    if size is not None and (image.shape[1], image.shape[0]) != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder in name order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def read_class_folders(
    root: Path, labels: Sequence[str], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read ``<root>/<class>/*``; folder names may be any known spelling of a label.

    Raises:
        DatasetError: A class has no folder or no image, or a file is unreadable.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder {root}")
    folders: dict[str, Path] = {}
    for folder in sorted(root.iterdir()):
        if folder.is_dir():
            try:
                folders[emotions.canonical(folder.name)] = folder
            except ValueError as error:
                raise DatasetError(f"{folder}: {error}") from None
    images: list[NDArray[np.uint8]] = []
    codes: list[int] = []
    for code, label in enumerate(labels):
        files = image_files(folders[label]) if label in folders else []
        if not files:
            raise DatasetError(f"{root}: class {label!r} has no images")
        images += [read_image(file, size) for file in files]
        codes += [code] * len(files)
    return np.stack(images), np.array(codes, np.int64)
