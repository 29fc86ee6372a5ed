"""Face crops from full images, cut exactly as the node cuts them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.alignment import FER2013_TEMPLATE, align
from fer_ros.detection import DetectorSettings, FaceDetector
from fer_training.datasets.base import DatasetError
from fer_training.datasets.folders import read_image


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    from fer_ros.detection import create_detector

    return create_detector("auto", DetectorSettings(threshold=0.5, max_faces=1)).detector


def face_crop(image: NDArray[np.uint8], size: int, name: str) -> NDArray[np.uint8]:
    """Return the most confident face of a grey image as a crop of (size, size).

    Raises:
        DatasetError: No face was found; the message bears ``name``.
    """
    faces = _detector().detect(image)
    if not faces:
        raise DatasetError(f"no face found in {name}; crop it by hand or remove it")
    return np.asarray(align(image, faces[0], FER2013_TEMPLATE, size, size, 1), np.uint8)


def read_face(path: Path, size: int) -> NDArray[np.uint8]:
    """Read a photo and return the crop of its face.

    Raises:
        DatasetError: The file is unreadable or shows no face.
    """
    return face_crop(read_image(path), size, str(path))
