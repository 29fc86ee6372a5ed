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

"""From the bytes of a picture file (JPEG, PNG, TIFF) to an :data:`fer_ros.perception.types.Image`.

The format is recognised by a file's first bytes. Size and completeness are read from its structure
before OpenCV decodes anything, for that would return a file that ends early half grey.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from fer_ros.perception import tiff
from fer_ros.perception.images import MAX_PIXELS, Buffer, ImageError, ImageMemory, check_size
from fer_ros.perception.segments import MOST_SCANS, START_OF_SCAN, jpeg_segments, png_chunks
from fer_ros.perception.strings import shortened
from fer_ros.perception.types import Image
from fer_ros.perception.video_stream import codec_of

_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_END_OF_IMAGE = b"\xff\xd9"

_SEQUENTIAL = (0xC0, 0xC1)
"""Frame markers of JPEGs with one scan (ITU-T T.81, table B.1)."""

_OTHERS = (
    (8, b"WEBP", "WebP"), (0, b"GIF8", "a GIF"), (0, b"BM", "a BMP"), (0, b"OggS", "Ogg"),
    (4, b"ftyp", "of the MP4 family (AVIF, HEIC, video)"), (0, b"\x1a\x45\xdf\xa3", "Matroska"),
    (0, b"\x00\x00\x00\x0cjP", "JPEG 2000"), (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x00\x00\x00\x0cJXL", "JPEG XL"), (0, b"\xff\x0a", "JPEG XL"), (0, b"qoif", "QOI"),
    (0, b"\x28\xb5\x2f\xfd", "packed by zstd"), (0, b"\x1f\x8b", "packed by gzip"),
)  # fmt: skip
"""Other files by (place, first bytes, name)."""

_SOUNDINGS = (bytes(range(249, 1, -11)) * 8, bytes(range(1, 250, 7)) * 8)
"""What is put behind a JPEG without an end: a whole one does not look at it."""


@dataclass(frozen=True)
class _Jpeg:
    width: int
    height: int
    ended: bool
    sequential: bool
    """Whether it has one scan, so that it is whole when this is."""
    restarts: bool
    """Whether its scan has restart markers."""
    scan: int
    """Where its first scan begins [bytes]."""


def decode_compressed(
    data: Buffer,
    format: str = "",
    max_pixels: int = MAX_PIXELS,
    memory: ImageMemory | None = None,
) -> Image:
    """Decode the bytes of a ``sensor_msgs/CompressedImage``.

    A file that ends early is refused, but for a JPEG that lacks only its end marker, as some
    webcams send them. Damage in the middle of a JPEG goes unnoticed.

    Args:
        data: A JPEG, PNG or TIFF file.
        format: The message's format, such as ``jpeg`` or ``rgb8; jpeg compressed bgr8``. The format
            of the file is recognised by its first bytes; this decides the order of colours only.
        max_pixels: Larger images are refused.
        memory: What is known of this camera; none for a single image.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey. 16-bit files are reduced to the upper
        8 of the bits that are used, transparency is dropped, EXIF orientation is ignored as by
        compressed_image_transport.

    Raises:
        ImageError: The file is no such picture, truncated, damaged or too large.
    """
    if "compresseddepth" in format.lower():
        raise ImageError(
            f"format {shortened(format)!r} is a depth image; subscribe to a colour or grey one"
        )
    memory = memory or ImageMemory()
    content = bytes(data)
    width, height, decoded = _decoded(content, format, max_pixels, memory)
    if decoded is None or decoded.shape[:2] != (height, width):
        raise ImageError("the image is damaged and cannot be decoded")
    if decoded.dtype == np.uint16:
        image = memory.range.reduce(decoded)
    elif decoded.dtype == np.uint8:
        image = np.asarray(decoded, np.uint8)
    else:
        raise ImageError(f"values of type {decoded.dtype} are no picture; send 8 or 16 bits")
    if image.ndim == 3 and image.shape[2] == 4:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), np.uint8)
    if image.ndim == 3 and _stored_as_rgb(format):
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    return image


def holds_picture(content: bytes) -> bool:
    """Whether bytes begin as a picture that :func:`decode_compressed` reads."""
    return content.startswith((_JPEG, _PNG)) or content[:4] in tiff.BYTE_ORDERS


def _decode(content: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS)
    except cv2.error as error:
        raise ImageError(f"the image cannot be decoded: {error}") from error


def _stored_as_rgb(format: str) -> bool:
    """Whether the file's red and blue are swapped.

    compressed_image_transport writes ``<source>; jpeg compressed <stored>``; a colour source
    without ``compressed bgr`` was stored as it was, which for its subscriber means RGB.
    """
    source, separator, stored = format.lower().partition(";")
    coloured = source.strip().startswith(("rgb", "bgr"))
    return bool(separator) and coloured and "compressed" in stored and "bgr" not in stored


def _decoded(
    content: bytes, format: str, max_pixels: int, memory: ImageMemory
) -> tuple[int, int, np.ndarray | None]:
    """Return width, height and pixels of a file that is whole and not too large."""
    kind = "JPEG" if content.startswith(_JPEG) else "PNG" if content.startswith(_PNG) else "TIFF"
    try:
        if kind == "JPEG":
            jpeg = _jpeg_structure(content)
            check_size(jpeg.width, jpeg.height, max_pixels)
            if jpeg.ended:
                return jpeg.width, jpeg.height, _decode(content)
            picture = _whole(content, jpeg)
            memory.unended_jpegs += 1
            return jpeg.width, jpeg.height, picture
        if kind == "PNG":
            width, height = _png_size(content)
        elif content[:4] in tiff.BYTE_ORDERS:
            width, height = _tiff_size(content, max_pixels)
            content = tiff.stored_upright(content)
        else:
            raise ImageError(_unknown(content, format))
    except (IndexError, struct.error):
        raise ImageError(f"the {kind} is truncated after {len(content)} bytes") from None
    except ImageError:
        raise
    except ValueError as error:
        raise ImageError(f"the {kind} is damaged: {error}") from error
    check_size(width, height, max_pixels)
    return width, height, _decode(content)


def _unknown(content: bytes, format: str) -> str:
    """Return what bytes are that are neither JPEG nor PNG nor TIFF, and what helps."""
    video = codec_of(format, content)
    if video:
        return f"the bytes are {video}, a stream of video, of which no image is whole by itself"
    kind = next((name for at, magic, name in _OTHERS if content.startswith(magic, at)), "")
    if kind:
        return f"the image is {kind}, which is not read; publish it as JPEG, PNG or TIFF"
    return (
        f"{len(content)} bytes starting with {content[:8].hex(' ') or 'nothing'} are neither JPEG "
        "nor PNG nor TIFF"
    )


def _jpeg_structure(content: bytes) -> _Jpeg:
    """Read the segments up to the first scan; then the end marker should follow."""
    size, frame, restarts, at = (0, 0), 0, False, 0
    for marker, place, length in jpeg_segments(content):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            size, frame = (width, height), marker
        if marker == 0xDD:
            restarts = struct.unpack_from(">H", content, place + 4)[0] > 0
        at = place + 2 + length
    # Inside a scan 0xFF is followed by 0 or a restart number, so these are the markers themselves.
    scans = 1 + content.count(bytes((0xFF, START_OF_SCAN)), at)
    if scans > MOST_SCANS:
        raise ImageError(f"a JPEG of {scans} scans; {MOST_SCANS} are read at most")
    ended = content.rfind(_END_OF_IMAGE, at) >= 0
    return _Jpeg(*size, ended, frame in _SEQUENTIAL, restarts, at)


def _whole(content: bytes, jpeg: _Jpeg) -> np.ndarray:
    """Return the pixels of a JPEG that lacks only its end marker.

    Raises:
        ImageError: It lacks more than that. The decoder reads no further than the last block it
            needs, so a picture is whole when what is put behind it does not change it.
    """
    error = ImageError(f"the JPEG is truncated: {len(content)} bytes without an end marker")
    if not jpeg.sequential or len(content) <= jpeg.scan:
        raise error
    content = content.rstrip(b"\xff")  # half a marker
    picture = _decode(content + _END_OF_IMAGE)
    tails = list(_SOUNDINGS)
    if jpeg.restarts:  # the decoder may wait for the next restart marker before it reads on
        places = {content.rfind(bytes((0xFF, 0xD0 + n)), jpeg.scan): n for n in range(8)}
        latest = max(places)
        successor = 0xD0 + ((places[latest] + 1) % 8 if latest >= 0 else 0)
        tails += [bytes((0xFF, successor)) + sounding for sounding in _SOUNDINGS]
    for tail in tails:
        other = _decode(content + tail + _END_OF_IMAGE)
        if picture is None or other is None or not np.array_equal(picture, other):
            raise error
    assert picture is not None
    return picture


def _png_size(content: bytes) -> tuple[int, int]:
    """Read the chunks and check their sums."""
    size = (0, 0)
    for kind, at, length in png_chunks(content):
        checksum = struct.unpack_from(">I", content, at + length)[0]
        if zlib.crc32(memoryview(content)[at - 4 : at + length]) != checksum:
            raise ImageError(f"the PNG is damaged: wrong checksum in its {kind!r}")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", content, at)
    return size


def _tiff_size(content: bytes, max_pixels: int) -> tuple[int, int]:
    """Check what makes a TIFF small to send and large to unpack, and that its pixels are there."""
    header = tiff.read_header(content)
    if header.bits not in (8, 16) or header.samples not in (1, 3, 4) or header.floating:
        raise ImageError(
            f"a TIFF of {header.samples} values of {header.bits} bits "
            f"{'(not unsigned) ' if header.floating else ''}per pixel is no colour or grey picture"
        )
    if header.end > len(content):
        raise ImageError(f"the TIFF is truncated after {len(content)} bytes")
    tile_width, tile_height = header.tile
    if tile_width * tile_height > max_pixels:
        raise ImageError(f"a TIFF with tiles of {tile_width}x{tile_height} is too large")
    return header.width, header.height
