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

"""Reading photos, and the face crops in them, cut exactly as the node cuts them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.files import read_bytes
from fer_ros.perception.alignment import FER2013_TEMPLATE, align
from fer_ros.perception.detection import DetectorSettings, FaceDetector
from fer_training.data.base import DatasetError

_MOST_BYTES = 1 << 30
"""Size of an image file [bytes]."""


def read_image(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read a file in grey, resized to (width, height) when a size is given.

    Raises:
        DatasetError: The file is no readable image.
    """
    try:
        data = np.frombuffer(read_bytes(path, _MOST_BYTES), np.uint8)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise DatasetError(f"{path} is no readable image; replace or remove it")
    if size is not None and (image.shape[1], image.shape[0]) != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    from fer_ros.perception.detection import create_detector

    return create_detector("auto", DetectorSettings(threshold=0.5, max_faces=1)).detector


def face_crop(image: NDArray[np.uint8], size: int, name: str) -> NDArray[np.uint8]:
    """Return the most confident face of a grey image as a crop of (size, size).

    Raises:
        DatasetError: No face was found; the message contains ``name``.
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
