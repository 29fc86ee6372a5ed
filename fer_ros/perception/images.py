"""From the bytes of an image message to an :data:`fer_ros.perception.types.Image`.

Encodings are those of ``sensor_msgs/image_encodings.hpp``. What already is BGR or grey bytes is
handed on as a view of the message, with its row padding; the rest is converted by OpenCV.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Image

Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]
"""Bytes of a message; an array must be contiguous."""

MAX_PIXELS = 7680 * 4320
"""Largest image accepted by default."""


class ImageError(ValueError):
    """The fields or bytes of an image cannot be honoured; the message says which and why."""


@dataclass(frozen=True)
class _Encoding:
    channels: int = 1
    """Values per pixel in memory."""
    wide: bool = False
    """Whether values have 16 bits."""
    convert: int | None = None
    """OpenCV's code towards BGR; None where the memory is an image as it stands."""
    even: tuple[bool, bool] = (False, False)
    """Whether (width, height) must be even."""
    planar: bool = False
    """Whether half as many rows of subsampled colour follow those of brightness."""


_PAIRS = (True, False)
_QUADS = (True, True)

_ENCODINGS: dict[str, _Encoding] = {
    "bgr8": _Encoding(3),
    "8UC3": _Encoding(3),
    "mono8": _Encoding(),
    "8UC1": _Encoding(),
    "rgb8": _Encoding(3, convert=cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, convert=cv2.COLOR_BGRA2BGR),
    "8UC4": _Encoding(4, convert=cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, convert=cv2.COLOR_RGBA2BGR),
    "mono16": _Encoding(wide=True),
    "16UC1": _Encoding(wide=True),
    "yuv422": _Encoding(2, convert=cv2.COLOR_YUV2BGR_UYVY, even=_PAIRS),
    "uyvy": _Encoding(2, convert=cv2.COLOR_YUV2BGR_UYVY, even=_PAIRS),
    "yuv422_yuy2": _Encoding(2, convert=cv2.COLOR_YUV2BGR_YUY2, even=_PAIRS),
    "yuyv": _Encoding(2, convert=cv2.COLOR_YUV2BGR_YUY2, even=_PAIRS),
    "nv12": _Encoding(convert=cv2.COLOR_YUV2BGR_NV12, even=_QUADS, planar=True),
    "nv21": _Encoding(convert=cv2.COLOR_YUV2BGR_NV21, even=_QUADS, planar=True),
}
# ROS names the pattern by its first 2x2 pixels, OpenCV by those one row and one column further.
for _pattern, _code in (
    ("rggb", cv2.COLOR_BayerBG2BGR),
    ("bggr", cv2.COLOR_BayerRG2BGR),
    ("gbrg", cv2.COLOR_BayerGR2BGR),
    ("grbg", cv2.COLOR_BayerGB2BGR),
):
    _ENCODINGS[f"bayer_{_pattern}8"] = _Encoding(convert=_code, even=_QUADS)
    _ENCODINGS[f"bayer_{_pattern}16"] = _Encoding(wide=True, convert=_code, even=_QUADS)

ENCODINGS: tuple[str, ...] = tuple(_ENCODINGS)
"""Encodings that :func:`decode_raw` knows."""

VIEWS: frozenset[str] = frozenset(
    name for name, layout in _ENCODINGS.items() if layout.convert is None and not layout.wide
)
"""Encodings that are handed on as a view of the message, without conversion."""


def decode_raw(
    data: Buffer,
    width: int,
    height: int,
    step: int,
    encoding: str,
    is_bigendian: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Image:
    """Turn the fields of a ``sensor_msgs/Image`` into an image.

    Args:
        data: At least ``step * (height - 1)`` bytes and one row more (half as many rows again for
            nv12 and nv21).
        width: [pixels]
        height: [pixels]
        step: Bytes from one row to the next, padding included.
        encoding: One of :data:`ENCODINGS`.
        is_bigendian: Byte order of 16-bit values. They are reduced to their upper 8 bits.
        max_pixels: Larger images are refused.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey. For :data:`VIEWS` a view of `data`,
        with its row padding, read-only where `data` is.

    Raises:
        ImageError: A field cannot be honoured.
    """
    layout = _ENCODINGS.get(encoding)
    if layout is None:
        raise ImageError(f"unknown encoding {encoding!r}; known: {', '.join(ENCODINGS)}")
    check_size(width, height, max_pixels)
    for side, value, even in zip(("width", "height"), (width, height), layout.even, strict=True):
        if even and value % 2:
            raise ImageError(f"{encoding} needs an even {side}, not {value}")
    rows = height * 3 // 2 if layout.planar else height
    row_bytes = width * layout.channels * (2 if layout.wide else 1)
    if step < row_bytes:
        raise ImageError(
            f"step {step} is too small: a row of {width} pixels {encoding} has {row_bytes} bytes"
        )
    needed = step * (rows - 1) + row_bytes
    flat = np.frombuffer(data, np.uint8)
    if flat.size < needed:
        raise ImageError(
            f"{flat.size} bytes are too few for {width}x{height} {encoding} with a step of {step}: "
            f"{needed} are needed"
        )
    if layout.wide:
        upper = flat[0 if is_bigendian else 1 :]
        memory = np.ndarray((rows, width), np.uint8, upper, strides=(step, 2)).copy()
    elif layout.channels == 1:
        memory = np.ndarray((rows, width), np.uint8, flat, strides=(step, 1))
    else:
        channels = layout.channels
        shape, strides = (rows, width, channels), (step, channels, 1)
        memory = np.ndarray(shape, np.uint8, flat, strides=strides)
    if layout.convert is None:
        return memory
    return np.asarray(cv2.cvtColor(memory, layout.convert), np.uint8)


def decode_compressed(data: Buffer, format: str = "", max_pixels: int = MAX_PIXELS) -> Image:
    """Decode the bytes of a ``sensor_msgs/CompressedImage``.

    The size is read from the header before anything is decoded, and a file that ends early is
    refused: OpenCV would return it half grey. Damage in the middle of a JPEG goes unnoticed.

    Args:
        data: A JPEG or PNG file.
        format: The message's format, such as ``jpeg`` or ``rgb8; jpeg compressed bgr8``. The kind
            of file is told by its first bytes; this decides the order of colours alone.
        max_pixels: Larger images are refused.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey. 16-bit PNGs are reduced to their
        upper 8 bits, transparency is dropped, EXIF orientation is ignored as by
        compressed_image_transport.

    Raises:
        ImageError: The file is no JPEG or PNG, truncated, damaged or too large.
    """
    if "compresseddepth" in format.lower():
        raise ImageError(f"format {format!r} is a depth image; subscribe to a colour or grey one")
    content = bytes(data)
    width, height = _header(content)
    check_size(width, height, max_pixels)
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"the image cannot be decoded: {error}") from error
    if decoded is None or decoded.shape[:2] != (height, width):
        raise ImageError("the image is damaged and cannot be decoded")
    image = np.asarray(decoded, np.uint8)
    if image.ndim == 3 and _stored_as_rgb(format):
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    return image


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError for an image without pixels or with more than `max_pixels`."""
    if width < 1 or height < 1:
        raise ImageError(f"an image of {width}x{height} has no pixels")
    if width * height > max_pixels:
        raise ImageError(f"an image of {width}x{height} has more than {max_pixels} pixels")


def _stored_as_rgb(format: str) -> bool:
    """Whether the file's red and blue are swapped.

    compressed_image_transport writes ``<source>; jpeg compressed <stored>``; a colour source
    without ``compressed bgr`` was stored as it was, which for its subscriber means RGB.
    """
    source, separator, stored = format.lower().partition(";")
    coloured = source.strip().startswith(("rgb", "bgr"))
    return bool(separator) and coloured and "compressed" in stored and "bgr" not in stored


def _header(content: bytes) -> tuple[int, int]:
    """Return (width, height) of a JPEG or PNG file that is whole."""
    readers: tuple[tuple[bytes, str, Callable[[bytes], tuple[int, int]]], ...] = (
        (b"\xff\xd8\xff", "JPEG", _jpeg_size),
        (b"\x89PNG\r\n\x1a\n", "PNG", _png_size),
    )
    for magic, name, read in readers:
        if content.startswith(magic):
            try:
                return read(content)
            except (IndexError, struct.error):
                raise ImageError(f"the {name} is truncated after {len(content)} bytes") from None
    raise ImageError(
        f"{len(content)} bytes starting with {content[:8].hex(' ') or 'nothing'} are neither JPEG "
        "nor PNG"
    )


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Walk the segments (ITU-T T.81, annex B) up to the scan; then the end marker must follow."""
    size = (0, 0)
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ImageError(f"the JPEG is damaged: no marker at byte {at}")
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xD9:
            raise ImageError("the JPEG holds no picture")
        length = struct.unpack_from(">H", content, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            size = (width, height)
        at += 2 + length
        if marker == 0xDA:
            break
    # Inside a scan 0xFF is followed by 0 or a restart number, so this is the marker itself.
    if content.rfind(b"\xff\xd9", at) < 0:
        raise ImageError(f"the JPEG is truncated: {len(content)} bytes without an end marker")
    return size


def _png_size(content: bytes) -> tuple[int, int]:
    """Walk the chunks (PNG specification, section 5.3) and check their sums."""
    size = (0, 0)
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        checksum = struct.unpack_from(">I", content, at + 8 + length)[0]
        if zlib.crc32(memoryview(content)[at + 4 : at + 8 + length]) != checksum:
            raise ImageError(f"the PNG is damaged: wrong checksum in its {kind!r}")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", content, at + 8)
        elif kind == b"IEND":
            return size
        at += 12 + length


def encode_jpeg(image: Image, quality: int = 80) -> bytes:
    """Return an image, BGR or grey, as the bytes of a JPEG file.

    Args:
        image: As in :data:`fer_ros.perception.types.Image`.
        quality: Of the JPEG, 0 to 100.

    Raises:
        ImageError: OpenCV cannot code it.
    """
    done, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not done:
        raise ImageError(f"an image of shape {image.shape} cannot be coded as JPEG")
    return jpeg.tobytes()
