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

"""Pictures of each person's most confident moment of each expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.cut_out import cut_out
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import Box, Image
from fer_ros.reading.summary import Seen
from fer_ros.reading.whole import remove_named, write_whole

_SIDE = 192
"""Larger pictures are made this large [pixels]."""

MOMENT_FILES = re.compile(r"face_\d+-.+\.jpg")
"""Names of the pictures, whole or not."""

MOST_PICTURED = 1000
"""Tracks of a source of which pictures are kept, the first ones."""

Pictures = Mapping[str, Mapping[str, bytes]]
"""JPEGs by track and label."""


class SurestFaces:
    """The pictures of one source; memory grows with its people only."""

    def __init__(self) -> None:
        """Start without a picture."""
        self._best: dict[str, dict[str, tuple[float, bytes]]] = {}

    def add(self, image: Image, faces: Iterable[tuple[Seen, Box]]) -> None:
        """Take in the faces of a frame."""
        for face, box in faces:
            if face.sureness <= 0:
                continue
            if face.track not in self._best and len(self._best) >= MOST_PICTURED:
                continue
            best = self._best.setdefault(face.track, {})
            if face.sureness > best.get(face.label, (0.0, b""))[0]:
                picture = cut_out(image, box)
                if picture is not None:
                    best[face.label] = face.sureness, encode_jpeg(_small(picture), quality=90)

    @property
    def pictures(self) -> Pictures:
        """Those of ``PersonSummary.surest``."""
        return {
            track: {label: picture for label, (_, picture) in best.items()}
            for track, best in self._best.items()
        }

    def write(self, folder: Path) -> None:
        """Write each as ``TRACK-LABEL.jpg``, in place of those of an earlier run.

        Raises:
            ReadError: They cannot be written.
        """
        remove_named(folder, MOMENT_FILES)
        for track, pictures in self.pictures.items():
            for label, picture in pictures.items():
                write_whole(folder / f"{track}-{label}.jpg", picture)


def _small(picture: Image) -> Image:
    scale = _SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
