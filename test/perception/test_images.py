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

"""Raw encodings and compressed files to images: values, strides, limits, damage."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixels import COLOUR, encode, noise, plain

from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.images import (
    ENCODINGS,
    VIEWS,
    WIDE,
    ImageError,
    ImageMemory,
    decode_raw,
)
from fer_ros.perception.types import Image

PACKED = {
    "bgr8": (0, 1, 2),
    "8UC3": (0, 1, 2),
    "rgb8": (2, 1, 0),
    "bgra8": (0, 1, 2, None),
    "8UC4": (0, 1, 2, None),
    "rgba8": (2, 1, 0, None),
}
"""Order of the channels of a pixel; None is transparency."""


def pad_rows(rows: np.ndarray, padding: int) -> tuple[bytes, int]:
    """Return the bytes of rows with `padding` bytes of rubbish after each, and the step."""
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(rows.shape[0], -1)
    padded = np.pad(flat, ((0, 0), (0, padding)), constant_values=0xAB)
    return padded.tobytes(), padded.shape[1]


def mosaic(image: Image, pattern: str) -> np.ndarray:
    """The grey values behind a Bayer filter whose first 2x2 pixels are `pattern`."""
    out = np.empty(image.shape[:2], np.uint8)
    for letter, (y, x) in zip(pattern, ((0, 0), (0, 1), (1, 0), (1, 1)), strict=True):
        out[y::2, x::2] = image[y::2, x::2, "bgr".index(letter)]
    return out


def yuv_of(color: np.ndarray) -> tuple[int, int, int]:
    """BT.601 studio range, as cameras send it (ITU-R BT.601-7, section 2.5.4)."""
    b, g, r = (float(value) / 255 for value in color)
    y = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112.0 * b
    v = 128 + 112.0 * r - 93.786 * g - 18.214 * b
    return round(y), round(u), round(v)


@pytest.mark.parametrize("encoding", sorted(PACKED))
@given(width=st.integers(1, 40), height=st.integers(1, 40), padding=st.integers(0, 9))
def test_packed_colours(encoding: str, width: int, height: int, padding: int) -> None:
    image = noise(width, height)
    planes = [
        np.full((height, width), 7, np.uint8) if source is None else image[:, :, source]
        for source in PACKED[encoding]
    ]
    data, step = pad_rows(np.stack(planes, axis=2), padding)
    assert np.array_equal(decode_raw(data, width, height, step, encoding), image)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
@given(width=st.integers(1, 40), height=st.integers(1, 40), padding=st.integers(0, 9))
def test_grey(encoding: str, width: int, height: int, padding: int) -> None:
    image = noise(width, height)[:, :, 0]
    data, step = pad_rows(image, padding)
    decoded = decode_raw(data, width, height, step, encoding)
    assert np.array_equal(decoded, image)
    assert np.shares_memory(decoded, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
@pytest.mark.parametrize("big", [False, True])
@given(width=st.integers(1, 40), height=st.integers(1, 40), padding=st.integers(0, 9))
def test_wide_grey_keeps_its_upper_byte(
    encoding: str, big: bool, width: int, height: int, padding: int
) -> None:
    values = np.random.default_rng(1).integers(0, 65536, (height, width), np.uint16)
    values[0, 0] = 65535
    data, step = pad_rows(values.astype(">u2" if big else "<u2"), padding)
    decoded = decode_raw(data, width, height, step, encoding, is_bigendian=big)
    assert np.array_equal(decoded, values >> 8)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("big", [False, True])
@given(half_width=st.integers(2, 20), half_height=st.integers(2, 20), padding=st.integers(0, 9))
def test_bayer(
    pattern: str, depth: int, big: bool, half_width: int, half_height: int, padding: int
) -> None:
    width, height = 2 * half_width, 2 * half_height
    values = mosaic(plain(width, height), pattern)
    if depth == 16:
        values = (values.astype(np.uint16) << 8).astype(">u2" if big else "<u2")
    data, step = pad_rows(values, padding)
    decoded = decode_raw(data, width, height, step, f"bayer_{pattern}{depth}", is_bigendian=big)
    assert np.array_equal(decoded, plain(width, height))


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")],
)
@given(half_width=st.integers(1, 20), height=st.integers(1, 40), padding=st.integers(0, 9))
def test_packed_yuv(encoding: str, order: str, half_width: int, height: int, padding: int) -> None:
    y, u, v = yuv_of(COLOUR)
    pair = [{"y": y, "u": u, "v": v}[letter] for letter in order]
    data, step = pad_rows(np.tile(np.uint8(pair), (height, half_width)), padding)
    decoded = decode_raw(data, 2 * half_width, height, step, encoding)
    assert np.abs(decoded.astype(int) - plain(2 * half_width, height)).max() <= 3


@pytest.mark.parametrize(("encoding", "order"), [("nv12", "uv"), ("nv21", "vu")])
@given(half_width=st.integers(1, 20), half_height=st.integers(1, 20), padding=st.integers(0, 9))
def test_planar_yuv(
    encoding: str, order: str, half_width: int, half_height: int, padding: int
) -> None:
    y, u, v = yuv_of(COLOUR)
    pair = [{"u": u, "v": v}[letter] for letter in order]
    brightness = np.full((2 * half_height, 2 * half_width), y, np.uint8)
    colour = np.tile(np.uint8(pair), (half_height, half_width))
    data, step = pad_rows(np.vstack([brightness, colour]), padding)
    decoded = decode_raw(data, 2 * half_width, 2 * half_height, step, encoding)
    assert decoded.shape == (2 * half_height, 2 * half_width, 3)
    assert np.abs(decoded.astype(int) - COLOUR).max() <= 3


def test_every_encoding_is_covered_here() -> None:
    bayer = {f"bayer_{p}{d}" for p in ("rggb", "bggr", "gbrg", "grbg") for d in (8, 16)}
    yuv = {"yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21"}
    wide = {"mono16", "16UC1", "16UC3", "16UC4", "rgb16", "bgr16", "rgba16", "bgra16"}
    assert set(ENCODINGS) == set(PACKED) | {"mono8", "8UC1", "nv24"} | wide | bayer | yuv
    assert {"mono16", "16UC1", "rgb16", "bgr16", "rgba16", "bgra16"} < WIDE


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "16UC3", "rgba16", "bgra16", "16UC4"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_wide_colours_are_read_like_their_8_bit_kin(encoding: str, big: bool, bits: int) -> None:
    image = noise(20, 10)
    image[0, 0] = 255
    order = {"r": 2, "g": 1, "b": 0}
    letters = {"16UC3": "bgr", "16UC4": "bgra"}.get(encoding, encoding.removesuffix("16"))
    planes = [image[:, :, order[c]] if c in order else image[:, :, 0] * 0 + 9 for c in letters]
    values = np.stack(planes, axis=2).astype(np.uint16) << (bits - 8)
    data, step = pad_rows(values.astype(">u2" if big else "<u2"), 6)
    assert np.array_equal(decode_raw(data, 20, 10, step, encoding, is_bigendian=big), image)


@given(width=st.integers(1, 40), height=st.integers(1, 40), padding=st.integers(0, 9))
def test_nv24(width: int, height: int, padding: int) -> None:
    yuv = cv2.cvtColor(plain(width, height), cv2.COLOR_BGR2YUV)
    step = width + padding
    brightness = np.pad(yuv[:, :, 0], ((0, 0), (0, padding)))
    colour = np.pad(yuv[:, :, 1:].reshape(height, 2 * width), ((0, 0), (0, 2 * padding)))
    data = brightness.tobytes() + colour.tobytes()
    decoded = decode_raw(data, width, height, step, "nv24")
    assert np.abs(decoded.astype(int) - COLOUR).max() <= 3
    with pytest.raises(ImageError, match="too few"):
        decode_raw(data[: -2 * step], width, height, step, "nv24")


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["raw", "bayer", ".png", ".tiff"])
def test_wide_images_of_few_bits_are_not_black(bits: int, kind: str) -> None:
    grey = noise(64, 48)[:, :, 0]
    wide = grey.astype(np.uint16) << (bits - 8)
    if kind == "raw":
        decoded = decode_raw(wide.tobytes(), 64, 48, 128, "mono16")
    elif kind == "bayer":
        decoded = decode_raw(wide.tobytes(), 64, 48, 128, "bayer_rggb16")
        grey = decode_raw(grey.tobytes(), 64, 48, 64, "bayer_rggb8")
    else:
        decoded = decode_compressed(encode(kind, wide), f"mono16; {kind[1:]} compressed ")
    assert np.array_equal(decoded, grey)


def test_the_range_of_wide_images_does_not_pump() -> None:
    memory = ImageMemory()

    def brightness(level: int) -> int:
        data = np.full((8, 8), level, "<u2").tobytes()
        return int(decode_raw(data, 8, 8, 16, "mono16", memory=memory)[0, 0])

    assert brightness(4000) == 250
    for level in (400, 4000, 40, 2000):  # the scene changes, the range stays
        assert brightness(level) == level >> 4
    assert brightness(60000) == 60000 >> 8
    assert brightness(4000) == 4000 >> 8


def test_a_hot_pixel_does_not_darken_an_image() -> None:
    values = np.full((480, 640), 900, "<u2")
    values[100, 200] = values[0, 0] = 65535
    decoded = decode_raw(values.tobytes(), 640, 480, 1280, "mono16")
    assert decoded[200, 200] == 900 >> 2
    assert decoded[0, 0] == 255


@pytest.mark.parametrize("encoding", sorted(VIEWS))
def test_views_share_the_message_memory(encoding: str) -> None:
    data = bytearray(40 * 20)
    decoded = decode_raw(data, 10, 20, 40, encoding)
    data[40] = 99
    assert decoded[1, 0].reshape(-1)[0] == 99
    assert decoded.strides[0] == 40


def test_the_last_row_needs_no_padding() -> None:
    assert decode_raw(bytes(16 * 4 + 10), 10, 5, 16, "mono8").shape == (5, 10)


@given(
    encoding=st.sampled_from(ENCODINGS),
    width=st.integers(-1, 30),
    height=st.integers(-1, 30),
    step=st.integers(-1, 150),
    length=st.integers(0, 3000),
    big=st.booleans(),
)
def test_any_fields_give_an_image_or_a_clear_error(
    encoding: str, width: int, height: int, step: int, length: int, big: bool
) -> None:
    try:
        image = decode_raw(bytes(length), width, height, step, encoding, big)
    except ImageError:
        return
    assert image.dtype == np.uint8
    assert image.shape[:2] == (height, width)
    assert image.shape[2:] in ((), (3,))
    assert step * (height - 1) < length


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ((bytes(100), 10, 10, 10, "h264"), "unknown encoding 'h264'"),
        ((bytes(100), 0, 0, 0, "mono8"), "no pixels"),
        ((bytes(100), 10, 10, 9, "mono8"), "step 9 is too small"),
        ((bytes(100), 10, 10, 0, "mono8"), "step 0 is too small"),
        ((bytes(99), 10, 10, 10, "mono8"), "99 bytes are too few"),
        ((bytes(100), 8000, 8000, 8000, "mono8"), "more than 33177600 pixels"),
        ((bytes(200), 5, 10, 10, "yuv422"), "even width"),
        ((bytes(200), 10, 5, 10, "bayer_rggb8"), "even height"),
    ],
)
def test_errors_name_the_field(fields: tuple, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decode_raw(*fields)
