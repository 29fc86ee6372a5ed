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

"""From the bytes of an image message to an :data:`fer_ros.perception.types.Image`.

Encodings are those of ``sensor_msgs/image_encodings.hpp``. What already is BGR or grey bytes is
handed on as a view of the message, with its row padding; the rest is converted by OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.dynamic_range import WideRange
from fer_ros.perception.strings import shortened
from fer_ros.perception.types import Image

Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]
"""Bytes of a message; an array must be contiguous."""

MAX_PIXELS = 7680 * 4320
"""Largest image accepted by default."""


class ImageError(ValueError):
    """The fields or bytes of an image are unsupported or inconsistent; the message names them."""


@dataclass
class ImageMemory:
    """What decoding remembers of one camera from image to image."""

    range: WideRange = field(default_factory=WideRange)
    unended_jpegs: int = 0
    """Whole JPEGs that lacked only their end marker."""


@dataclass(frozen=True)
class _Encoding:
    channels: int = 1
    """Values per pixel in memory."""
    wide: bool = False
    """Whether values have 16 bits."""
    convert: int | None = None
    """OpenCV's code towards BGR; None where the memory already is a BGR or grey image."""
    even: tuple[bool, bool] = (False, False)
    """Whether (width, height) must be even."""
    planar: tuple[int, int] = (1, 1)
    """Rows of brightness and colour together, as a multiple of the height."""


_PAIRS = (True, False)
_QUADS = (True, True)
_HALF_AGAIN = (3, 2)
_THREEFOLD = (3, 1)

_ENCODINGS: dict[str, _Encoding] = {
    "bgr8": _Encoding(3),
    "8UC3": _Encoding(3),
    "mono8": _Encoding(),
    "8UC1": _Encoding(),
    "rgb8": _Encoding(3, convert=cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, convert=cv2.COLOR_BGRA2BGR),
    "8UC4": _Encoding(4, convert=cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, convert=cv2.COLOR_RGBA2BGR),
    "rgb16": _Encoding(3, wide=True, convert=cv2.COLOR_RGB2BGR),
    "bgr16": _Encoding(3, wide=True),
    "rgba16": _Encoding(4, wide=True, convert=cv2.COLOR_RGBA2BGR),
    "bgra16": _Encoding(4, wide=True, convert=cv2.COLOR_BGRA2BGR),
    "16UC3": _Encoding(3, wide=True),
    "16UC4": _Encoding(4, wide=True, convert=cv2.COLOR_BGRA2BGR),
    "mono16": _Encoding(wide=True),
    "16UC1": _Encoding(wide=True),
    "yuv422": _Encoding(2, convert=cv2.COLOR_YUV2BGR_UYVY, even=_PAIRS),
    "uyvy": _Encoding(2, convert=cv2.COLOR_YUV2BGR_UYVY, even=_PAIRS),
    "yuv422_yuy2": _Encoding(2, convert=cv2.COLOR_YUV2BGR_YUY2, even=_PAIRS),
    "yuyv": _Encoding(2, convert=cv2.COLOR_YUV2BGR_YUY2, even=_PAIRS),
    "nv12": _Encoding(convert=cv2.COLOR_YUV2BGR_NV12, even=_QUADS, planar=_HALF_AGAIN),
    "nv21": _Encoding(convert=cv2.COLOR_YUV2BGR_NV21, even=_QUADS, planar=_HALF_AGAIN),
    "nv24": _Encoding(convert=cv2.COLOR_YUV2BGR, planar=_THREEFOLD),
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

WIDE: frozenset[str] = frozenset(name for name, layout in _ENCODINGS.items() if layout.wide)
"""Encodings with 16-bit values."""

VIEWS: frozenset[str] = (
    frozenset(name for name, layout in _ENCODINGS.items() if layout.convert is None) - WIDE
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
    memory: ImageMemory | None = None,
) -> Image:
    """Turn the fields of a ``sensor_msgs/Image`` into an image.

    Args:
        data: At least ``step * (height - 1)`` bytes and one row more (half as many rows again for
            nv12 and nv21, three times as many for nv24).
        width: [pixels]
        height: [pixels]
        step: Bytes from one row to the next, padding included.
        encoding: One of :data:`ENCODINGS`.
        is_bigendian: Byte order of 16-bit values. They are reduced to the upper 8 of the bits
            that the camera uses.
        max_pixels: Larger images are refused.
        memory: What is known of this camera; none for a single image.

    Returns:
        uint8, (height, width, 3) BGR or (height, width) grey. For :data:`VIEWS` a view of `data`,
        with its row padding, read-only where `data` is.

    Raises:
        ImageError: A field is not supported or does not fit the others.
    """
    layout = _ENCODINGS.get(encoding)
    if layout is None:
        raise ImageError(f"unknown encoding {shortened(encoding)!r}; known: {', '.join(ENCODINGS)}")
    check_size(width, height, max_pixels)
    for side, value, even in zip(("width", "height"), (width, height), layout.even, strict=True):
        if even and value % 2:
            raise ImageError(f"{encoding} needs an even {side}, not {value}")
    rows = height * layout.planar[0] // layout.planar[1]
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
    shape: tuple[int, ...] = (rows, width)
    strides: tuple[int, ...] = (step, row_bytes // width)
    if layout.channels > 1:
        shape = (*shape, layout.channels)
        strides = (*strides, 2 if layout.wide else 1)
    if layout.wide:
        values = np.ndarray(shape, ">u2" if is_bigendian else "<u2", flat, strides=strides)
        pixels = (memory or ImageMemory()).range.reduce(values)
    elif layout.planar == _THREEFOLD:
        pixels = _interleaved(flat, width, height, step)
    else:
        pixels = np.ndarray(shape, np.uint8, flat, strides=strides)
    if layout.convert is None:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, layout.convert), np.uint8)


def _interleaved(flat: NDArray[np.uint8], width: int, height: int, step: int) -> Image:
    """Return nv24, a plane of brightness before one of colour pairs, as (height, width, 3)."""
    brightness = np.ndarray((height, width), np.uint8, flat, strides=(step, 1))
    colour = np.ndarray(
        (height, width, 2), np.uint8, flat, offset=height * step, strides=(2 * step, 2, 1)
    )
    return np.dstack([brightness, colour])


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError for an image without pixels or with more than `max_pixels`."""
    if width < 1 or height < 1:
        raise ImageError(f"an image of {width}x{height} has no pixels")
    if width * height > max_pixels:
        raise ImageError(
            f"an image of {width}x{height} has more than {max_pixels} pixels; make it smaller, or "
            "allow more by max_image_pixels"
        )


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
