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

"""Picture files, and folders of them."""

from __future__ import annotations

from pathlib import Path

from fer_ros.files import read_bytes
from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.images import MAX_PIXELS, ImageError
from fer_ros.perception.orientation import exif_orientation, upright
from fer_ros.perception.types import Image
from fer_ros.sources.errors import CameraError

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""Endings of files that count as pictures."""

_MOST_BYTES = 1 << 30
"""Size of a picture's file [bytes]."""


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture; ``._`` companion files are none."""
    return path.suffix.lower() in PICTURES and not path.name.startswith("._")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder, by name.

    Raises:
        CameraError: There is none, or the folder cannot be read.
    """
    try:
        files = sorted(file for file in folder.iterdir() if is_picture(file))
    except OSError as error:
        raise CameraError(f"{folder} cannot be read: {error}") from error
    if not files:
        raise CameraError(f"no pictures ({', '.join(PICTURES)}) in {folder}")
    return files


def read_picture(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture file.

    Args:
        path: Of a JPEG, PNG or TIFF.
        max_pixels: Larger pictures are refused.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey, turned as its EXIF orientation says.

    Raises:
        CameraError: It cannot be read, is no whole picture, or too large.
    """
    try:
        content = read_bytes(path, _MOST_BYTES)
        return upright(decode_compressed(content, max_pixels=max_pixels), exif_orientation(content))
    except (OSError, ImageError) as error:
        raise CameraError(f"{path} cannot be read: {error}") from error
