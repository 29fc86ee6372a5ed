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

"""Images as files in messages: JPEG, PNG, TIFF, whole and damaged."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pixels import encode

from fer_ros.perception import tiff
from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.images import ImageError, ImageMemory, decode_raw
from fer_ros.perception.types import Image


def scene() -> Image:
    y, x = np.mgrid[:48, :64]
    return np.stack([x * 3, y * 4, 255 - x * 2 - y], axis=2).astype(np.uint8)


def test_png_and_jpeg_round_trip() -> None:
    assert np.array_equal(decode_compressed(encode(".png", scene()), "png"), scene())
    for flags in ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)):
        decoded = decode_compressed(encode(".jpg", scene(), *flags), "jpeg")
        assert np.abs(decoded.astype(int) - scene()).mean() < 4


def test_grey_and_wide_and_transparent_files() -> None:
    grey = scene()[:, :, 0]
    assert decode_compressed(encode(".jpg", grey)).shape == grey.shape
    assert np.array_equal(decode_compressed(encode(".png", grey)), grey)
    wide = np.random.default_rng(0).integers(0, 65536, (20, 30), np.uint16)
    assert np.array_equal(decode_compressed(encode(".png", wide), "16UC1; png"), wide >> 8)
    transparent = np.dstack([scene(), grey])
    assert np.array_equal(decode_compressed(encode(".png", transparent)), scene())


@pytest.mark.parametrize(
    ("format", "swapped"),
    [
        ("png", False),
        ("", False),
        ("bgr8; png compressed bgr8", False),
        ("rgb8; png compressed bgr8", False),
        ("bayer_rggb8; png compressed bgr8", False),
        ("rgb8; png compressed rgb8", True),
        ("rgb8; png compressed ", True),
        ("mono8; png compressed mono8", False),
    ],
)
def test_the_format_decides_the_order_of_colours(format: str, swapped: bool) -> None:
    decoded = decode_compressed(encode(".png", scene()), format)
    assert np.array_equal(decoded, scene()[:, :, ::-1] if swapped else scene())


@given(kind=st.sampled_from([".jpg", ".png"]), share=st.floats(0, 0.999), fancy=st.booleans())
def test_a_truncated_file_is_refused(kind: str, share: float, fancy: bool) -> None:
    flags = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1) if kind == ".jpg" and fancy else ()
    whole = encode(kind, scene(), *flags)
    least = 3 if kind == ".jpg" else 1  # two bytes are the end marker, see below
    with pytest.raises(ImageError):
        decode_compressed(whole[: min(int(share * len(whole)), len(whole) - least)])


@pytest.mark.parametrize("flags", [(), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
@pytest.mark.parametrize("size", [(64, 48), (70, 50), (640, 480)])
@pytest.mark.parametrize("grey", [False, True])
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(flags: tuple, size: tuple, grey: bool):
    picture = cv2.resize(scene(), size)
    whole = encode(".jpg", picture[:, :, 0] if grey else picture, *flags)
    memory = ImageMemory()
    for lacking in (whole[:-2], whole[:-1], whole[:-2] + bytes(9)):
        decoded = decode_compressed(lacking, memory=memory)
        assert np.array_equal(decoded, decode_compressed(whole))
    assert memory.unended_jpegs == 3
    for cut in range(3, 60):
        try:
            decoded = decode_compressed(whole[:-cut], memory=memory)
        except ImageError:
            continue
        # What is missing belongs to blocks beyond the edge: nothing that is seen.
        assert np.array_equal(decoded, decode_compressed(whole))
        assert cut < 9


def test_a_jpeg_cut_at_a_restart_marker_is_not_whole() -> None:
    whole = encode(".jpg", cv2.resize(scene(), (640, 480)), cv2.IMWRITE_JPEG_RST_INTERVAL, 40)
    marks = [at for at in range(len(whole) - 1) if whole[at] == 0xFF and whole[at + 1] & ~7 == 0xD0]
    assert len(marks) > 10
    for mark in marks[-3:]:
        for cut in (mark, mark + 2):
            with pytest.raises(ImageError, match="truncated"):
                decode_compressed(whole[:cut])


def test_a_tiff_is_read() -> None:
    grey = scene()[:, :, 0]
    for image in (scene(), grey):
        assert np.array_equal(
            decode_compressed(encode(".tiff", image), "bgr8; tiff compressed bgr8"), image
        )
    wide = encode(".tiff", scene().astype(np.uint16) * 257)
    assert np.array_equal(decode_compressed(wide, "bgr16; tiff compressed bgr16"), scene())


@given(share=st.floats(0, 0.99))
def test_a_truncated_tiff_is_refused(share: float) -> None:
    whole = encode(".tiff", scene())
    with pytest.raises(ImageError):
        decode_compressed(whole[: int(share * len(whole))])


def test_tiffs_that_are_small_to_send_and_large_to_unpack_are_refused() -> None:
    whole = bytearray(encode(".tiff", scene()))
    (at,) = struct.unpack_from("<I", whole, 4)
    for entry in range(at + 2, at + 2 + 12 * whole[at], 12):
        if struct.unpack_from("<H", whole, entry)[0] in (256, 257):
            struct.pack_into(
                "<HHII", whole, entry, whole[entry] + 256 * whole[entry + 1], 4, 1, 60_000
            )
    with pytest.raises(ImageError, match="60000x60000 has more than"):
        decode_compressed(bytes(whole))
    with pytest.raises(ImageError, match="32 bits"):
        decode_compressed(encode(".tiff", scene()[:, :, 0].astype(np.float32)))


def test_long_words_from_outside_are_shortened() -> None:
    with pytest.raises(ImageError) as error:
        decode_raw(bytes(100), 10, 10, 10, "x" * 8_000_000)
    assert len(str(error.value)) < 1000
    assert "8000000 characters" in str(error.value)


def test_rubbish_after_the_end_is_ignored() -> None:
    assert decode_compressed(encode(".jpg", scene()) + bytes(7)).shape == (48, 64, 3)


def test_an_end_marker_inside_a_thumbnail_does_not_count() -> None:
    whole = encode(".jpg", scene())
    thumbnail = encode(".jpg", scene()[:8, :8])
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    assert decode_compressed(with_thumbnail).shape == (48, 64, 3)
    with pytest.raises(ImageError, match="truncated"):
        decode_compressed(with_thumbnail[:-200])


@given(kind=st.sampled_from([".jpg", ".png", ".tiff"]), data=st.data())
def test_damage_never_does_worse_than_an_image_error(kind: str, data: st.DataObject) -> None:
    content = bytearray(encode(kind, scene()))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assume(bytes(content) != encode(kind, scene()))
    try:
        image = decode_compressed(bytes(content), max_pixels=100_000)
    except ImageError:
        return
    assert image.dtype == np.uint8


def test_a_huge_declared_size_is_refused_before_decoding() -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    with pytest.raises(ImageError, match="60000x60000 has more than"):
        decode_compressed(png)
    jpeg = bytearray(encode(".jpg", scene()))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(ImageError, match="65000x65000 has more than"):
        decode_compressed(bytes(jpeg))


@pytest.mark.parametrize(
    ("content", "format", "words"),
    [
        (b"", "jpeg", "nothing are neither"),
        (b"P6 4 4 255 ", "ppm", "neither JPEG nor PNG nor TIFF"),
        (b"GIF89a....", "gif", "the image is a GIF, which is not read"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp", "WebP"),
        (b"\0\0\0\x1cftypavif", "avif", "MP4 family"),
        (b"\x28\xb5\x2f\xfd....", "bgr8; zstd", "packed by zstd"),
        (b"\0\0\0\x01\x67\x42\0\x1f", "h264", "H.264, a stream of video"),
        (b"\0\0\0\x01\x67\x42\0\x1f", "jpeg", "H.264, a stream of video"),
        (b"\0\0\x01\x41\x9a....", "", "H.264, a stream of video"),
        (b"\0\0\0\x01\x40\x01\x0c\x01", "", "H.265, a stream of video"),
        (b"\x12\0\x0a\x0b", "bgr8; av1", "AV1, a stream of video"),
        (b"\x80\0\0....", "libx264;bgr24", "H.264, a stream of video"),
        (b"\xff\xd8\xff\xd9", "jpeg", "holds no picture"),
        (b"\xff\xd8\xff\xe0\x00\x02\x00\x00", "jpeg", "no marker at byte 6"),
        (bytes(12) + b"\x89PNG", "16UC1; compressedDepth png", "depth image"),
    ],
)
def test_what_is_no_picture_is_named(content: bytes, format: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decode_compressed(content, format)


def test_files_of_small_parts_without_end_are_refused() -> None:
    jpeg, png = encode(".jpg", scene()), encode(".png", scene())
    empty = struct.pack(">I4sI", 0, b"tEXt", zlib.crc32(b"tEXt"))
    for most, start, part, whole, what in (
        (4096, 2, b"\xff\xe0\0\2", jpeg, "segments"),
        (65536, 33, empty, png, "chunks"),
    ):
        filled = whole[:start] + part * (most // 2) + whole[start:]
        assert decode_compressed(filled).shape == scene().shape
        with pytest.raises(ImageError, match=f"damaged: more than {most} {what}"):
            decode_compressed(whole[:start] + part * most + whole[start:])
    assert decode_compressed(jpeg[:2] + b"\xff" * 10_000 + jpeg[2:]).shape == scene().shape


def test_a_progressive_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    # Each costs a pass over the whole picture, for a dozen bytes.
    whole = encode(".jpg", np.zeros((48, 64), np.uint8), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scans = whole.count(b"\xff\xda")
    last = whole[whole.rindex(b"\xff\xda") : -2]
    assert decode_compressed(whole[:-2] + last * (100 - scans) + whole[-2:]).shape == (48, 64)
    with pytest.raises(ImageError, match="a JPEG of 101 scans; 100 are read at most"):
        decode_compressed(whole[:-2] + last * (101 - scans) + whole[-2:])


def test_a_tag_of_a_tiff_that_is_repeated_is_read_once() -> None:
    entries = [struct.pack("<HHII", 258, 3, 1, bits) for bits in (8, *[16] * 511)]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries)
    assert tiff.read_tags(head) == {258: (8,)}
