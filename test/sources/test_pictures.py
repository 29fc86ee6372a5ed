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

"""Picture files: upright, whatever format keeps the orientation."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pixels import encode

from fer_ros.perception import tiff
from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.orientation import upright
from fer_ros.sources.pictures import read_picture


def scene() -> np.ndarray:
    """Return a picture, (24, 32, 3), smooth and otherwise in each corner."""
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 7, y * 9, 255 - x * 3 - y * 4], axis=2).astype(np.uint8)


def large(image: np.ndarray) -> np.ndarray:
    """Return a picture of (128, 192, 3): OpenCV fails at tiles of less than a kilobyte."""
    return np.kron(image, np.ones((8, 6, 1), np.uint8))[:128]


def tiff_with(orientation: int, image: np.ndarray, order: str = "<", tile: int = 0) -> bytes:
    """Return a TIFF file of one strip, or of square tiles, with a tag of its orientation.

    Args:
        orientation: 1 to 8.
        image: BGR or grey, uint8 or uint16.
        order: Of its bytes, as ``struct`` spells it.
        tile: Side of its tiles, of which it holds a whole number [pixels]; 0 for a strip.
    """
    height, width = image.shape[:2]
    values = image if image.ndim == 3 else image[:, :, None]
    samples, bits = values.shape[2], 8 * image.itemsize
    parts = [values]
    if tile:
        corners = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
        parts = [values[y : y + tile, x : x + tile] for y, x in corners]
    stored = values.dtype.newbyteorder(order)
    data = [np.ascontiguousarray(part[:, :, ::-1]).astype(stored).tobytes() for part in parts]
    places = [8 + sum(map(len, data[:index])) for index in range(len(data))]
    pixels = b"".join(data)
    tags = {
        256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [1]),
        262: (3, [2 if samples == 3 else 1]), 274: (3, [orientation]), 277: (3, [samples]),
    }  # fmt: skip
    lengths = [len(part) for part in data]
    if tile:
        tags |= {322: (3, [tile]), 323: (3, [tile]), 324: (4, places), 325: (4, lengths)}
    else:
        tags |= {273: (4, places), 278: (3, [height]), 279: (4, lengths)}
    at = 8 + len(pixels)
    outside, entries = at + 2 + 12 * len(tags) + 4, []
    more = b""
    for tag in sorted(tags):
        kind, numbers = tags[tag]
        field = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(field) > 4:
            field, more = struct.pack(order + "I", outside + len(more)), more + field
        entries.append(struct.pack(order + "HHI", tag, kind, len(numbers)) + field.ljust(4, b"\0"))
    directory = struct.pack(order + "H", len(tags)) + b"".join(entries) + bytes(4)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + pixels + directory + more


def exif(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def png_with(orientation: int, image: np.ndarray) -> bytes:
    whole, block = encode(".png", image), exif(orientation)
    check = zlib.crc32(b"eXIf" + block)
    return (
        whole[:33]
        + struct.pack(">I", len(block))
        + b"eXIf"
        + block
        + check.to_bytes(4, "big")
        + whole[33:]
    )


def jpeg_with(orientation: int, image: np.ndarray) -> bytes:
    whole, block = encode(".jpg", image), b"Exif\0\0" + exif(orientation)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + whole[2:]


FORMS = {
    "jpeg": jpeg_with,
    "png": png_with,
    "tiff": tiff_with,
    "big-endian tiff": lambda turn, image: tiff_with(turn, image, ">"),
    "tiff of tiles": lambda turn, image: tiff_with(turn, large(image), tile=64),
    "grey tiff": lambda turn, image: tiff_with(turn, image[:, :, 0]),
    "tiff of 16 bits": lambda turn, image: tiff_with(turn, image.astype(np.uint16) * 257),
}  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", FORMS)
def test_every_orientation_is_upright_in_every_format(
    tmp_path: Path, form: str, orientation: int
) -> None:
    expected = scene()[:, :, 0] if form.startswith("grey") else scene()
    expected = large(expected) if "tiles" in form else expected
    content = FORMS[form](orientation, scene())
    (tmp_path / "picture").write_bytes(content)
    for found, wanted in (
        (read_picture(tmp_path / "picture"), upright(expected, orientation)),
        (decode_compressed(content), expected),  # of a message, as it lies
    ):
        assert found.shape == wanted.shape
        difference = np.abs(found.astype(int) - wanted)
        assert difference.max() == 0 if form != "jpeg" else difference.mean() < 4


def test_a_tiff_without_an_orientation_is_read_as_it_lies() -> None:
    whole = encode(".tiff", scene())
    assert tiff.orientation_of(whole) == 1
    assert np.array_equal(decode_compressed(whole), scene())
    with pytest.raises(ValueError, match="no TIFF"):
        tiff.stored_upright(b"nothing of the kind")
