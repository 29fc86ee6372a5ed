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

"""The directory of a TIFF file: its size and layout, and the orientation that EXIF keeps there."""

from __future__ import annotations

import struct
from dataclasses import dataclass

BYTE_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
"""First bytes of a TIFF file and how ``struct`` spells their byte order."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4}
"""Bytes of the field types BYTE, ASCII, SHORT and LONG (TIFF 6.0, section 2)."""

_MOST_ENTRIES = 512
_MOST_VALUES = 1 << 20

WIDTH, HEIGHT, BITS, STRIP_OFFSETS, ORIENTATION = 256, 257, 258, 273, 274
SAMPLES, STRIP_SIZES, SAMPLE_FORMAT = 277, 279, 339
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
_NEEDED = frozenset(
    (
        WIDTH, HEIGHT, BITS, STRIP_OFFSETS, ORIENTATION, SAMPLES, STRIP_SIZES, SAMPLE_FORMAT,
        TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES,
    )
)  # fmt: skip


@dataclass(frozen=True)
class TiffHeader:
    """Content of a file's first directory."""

    width: int
    height: int
    bits: int
    """Of one value."""
    samples: int
    """Values per pixel."""
    floating: bool
    """Whether values are not unsigned integers."""
    tile: tuple[int, int]
    """Width and height of its tiles; (0, 0) where it has none."""
    end: int
    """Where its pixels end in the file [bytes]."""


def read_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """Return the unsigned values of the first directory's fields by their tag.

    Raises:
        ValueError: It is no TIFF.
        struct.error: It is truncated.
    """
    order, entries = _directory(data)
    tags = {}
    for entry in entries:
        tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
        if tag in tags or tag not in _NEEDED or kind not in _SIZES or number > _MOST_VALUES:
            continue  # a tag comes once, else 512 of them would be read from one place
        place = entry + 8
        if number * _SIZES[kind] > 4:
            (place,) = struct.unpack_from(order + "I", data, place)
        letter = {1: "B", 2: "H", 4: "I"}[_SIZES[kind]]
        tags[tag] = struct.unpack_from(f"{order}{number}{letter}", data, place)
    return tags


def _directory(data: bytes) -> tuple[str, range]:
    """Return the byte order, and where the entries of the first directory lie."""
    order = BYTE_ORDERS.get(data[:4])
    if order is None:
        raise ValueError("no TIFF")
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    if count > _MOST_ENTRIES:
        raise ValueError(f"a directory of {count} entries")
    return order, range(at + 2, at + 2 + 12 * count, 12)


def read_header(data: bytes) -> TiffHeader:
    """Return size and layout of a TIFF file.

    Raises:
        ValueError: It is no TIFF, or lacks a required field.
        struct.error: It is truncated.
    """
    tags = read_tags(data)

    def first(tag: int, default: int = 0) -> int:
        return tags.get(tag, (default,))[0] if tags.get(tag, (default,)) else default

    tiled = TILE_OFFSETS in tags
    offsets = tags.get(TILE_OFFSETS if tiled else STRIP_OFFSETS, ())
    sizes = tags.get(TILE_SIZES if tiled else STRIP_SIZES, ())
    if not offsets or len(offsets) != len(sizes):
        raise ValueError("it does not say where its pixels lie")
    return TiffHeader(
        width=first(WIDTH),
        height=first(HEIGHT),
        bits=max(tags.get(BITS, (1,)), default=1),
        samples=first(SAMPLES, 1),
        floating=first(SAMPLE_FORMAT, 1) != 1,
        tile=(first(TILE_WIDTH), first(TILE_HEIGHT)) if tiled else (0, 0),
        end=max(offset + size for offset, size in zip(offsets, sizes)),
    )


def stored_upright(data: bytes) -> bytes:
    """Return a TIFF file whose first directory says that its pixels lie upright.

    OpenCV turns a TIFF by its tag whatever it is told, and not in all versions and layouts alike.

    Raises:
        ValueError: It is no TIFF.
        struct.error: It is truncated.
    """
    order, entries = _directory(data)
    tagged = [e for e in entries if struct.unpack_from(order + "H", data, e) == (ORIENTATION,)]
    if not tagged:
        return data
    changed = bytearray(data)
    for entry in tagged:
        struct.pack_into(order + "HHIHH", changed, entry, ORIENTATION, 3, 1, 1, 0)  # a SHORT of 1
    return bytes(changed)


def orientation_of(data: bytes) -> int:
    """Return the orientation that a TIFF or EXIF block gives, 1 to 8; 1 where it gives none."""
    try:
        found = read_tags(data).get(ORIENTATION, ())
    except (ValueError, struct.error):
        return 1
    return found[0] if found and 1 <= found[0] <= 8 else 1
