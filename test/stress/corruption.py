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

"""Image messages of every kind, and what can be wrong with them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from fer_ros.perception.images import ENCODINGS, WIDE
from fer_ros.sources.scene import Actor, Scene

RAW, COMPRESSED = "/image_raw", "/c/compressed"

NUMBERS = (
    0, 1, 2, 3, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 30_000, 65_500,
    33_177_600, 33_177_601, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF,
)  # fmt: skip
FORMATS = (
    "jpeg", "png", "", "rgb8; jpeg compressed rgb8", "mono8; png compressed ", "<script>", "%s%n",
    "16UC1; compressedDepth", "A" * 70_000, "\0\1", "\U0001f600" * 50, "bgr8; tiff compressed",
)  # fmt: skip
STARTS = (
    b"\0\0\0\0", b"\0\1\0\0", b"\0\3\0\0", b"\0\7\0\0", b"\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
WORDS = ("", "bgr9", "BGR8", "32FC1", "bgr8\0", "x" * 100_000, "<b>&'", "bgr8\n[ERROR] fake")
SIDES = (0, 1, 2, 3, 5, 31, 64, 65, 128, 255, 4096, 65_535, 0x7FFFFFFF, 0xFFFFFFFF, 33_177_600)


def _text(value: str, buffer: bytearray) -> None:
    data = value.encode("utf-8", "surrogatepass") + b"\0"
    buffer += bytes(-(len(buffer) - 4) % 4) + struct.pack("<I", len(data)) + data


def _header(stamp: tuple[int, int], frame_id: str) -> bytearray:
    buffer = bytearray(b"\0\1\0\0") + struct.pack("<iI", *stamp)
    _text(frame_id, buffer)
    buffer += bytes(-(len(buffer) - 4) % 4)
    return buffer


def raw(
    encoding: str, width: int, height: int, step: int, data: bytes, big: int = 0,
    stamp: tuple[int, int] = (1000, 0), frame_id: str = "camera",
) -> bytes:  # fmt: skip
    """Return the CDR of an Image, whatever its fields say."""
    buffer = _header(stamp, frame_id) + struct.pack("<II", height, width)
    _text(encoding, buffer)
    buffer += bytes([big])
    buffer += bytes(-(len(buffer) - 4) % 4) + struct.pack("<II", step, len(data)) + data
    return bytes(buffer)


def compressed(format: str, data: bytes, stamp: tuple[int, int] = (1000, 0)) -> bytes:
    """Return the CDR of a CompressedImage, whatever its fields say."""
    buffer = _header(stamp, "camera")
    _text(format, buffer)
    buffer += bytes(-(len(buffer) - 4) % 4) + struct.pack("<I", len(data)) + data
    return bytes(buffer)


class Messages:
    """An endless supply of messages, good and bad, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kinds: dict[str, int] = {}
        self.face = Scene(128, 96, (Actor(64, 48, 70, ("happy",)),)).render(0.0)[0]
        self._raw = [self._sound_raw(encoding) for encoding in ENCODINGS]
        self._files = self._sound_files()
        self.good_raw = raw("bgr8", 128, 96, 384, self.face.tobytes())
        self.good_compressed = compressed("jpeg", self._files[0])
        self._ways: list[tuple[float, str, Callable[[], tuple[str, bytes]]]] = [
            (0.30, "raw, bytes changed", lambda: (RAW, self._changed(self._any_raw()))),
            (0.25, "raw, fields of all kinds", self._odd_fields),
            (0.08, "raw, odd stamps", self._odd_stamp),
            (0.12, "compressed, bytes changed", self._changed_compressed),
            (0.18, "compressed, file changed", self._changed_file),
            (0.04, "of the other type", self._wrong_type),
            (0.03, "sound", lambda: (RAW, self._any_raw())),
        ]

    def draw(self) -> tuple[str, bytes]:
        """Return a topic and the bytes that come on it."""
        (way,) = self.random.choices(self._ways, [weight for weight, _, _ in self._ways])
        self.kinds[way[1]] = self.kinds.get(way[1], 0) + 1
        return way[2]()

    def _sound_raw(self, encoding: str) -> bytes:
        size = 2 if encoding in WIDE else 1
        channels = {"nv24": 3, "nv12": 1.5, "nv21": 1.5}.get(encoding)
        if channels is None:
            channels = {"3": 3, "4": 4}.get(encoding[-1]) or {"rgb": 3, "bgr": 3}.get(
                encoding[:3], 2 if encoding.startswith(("yuv", "uyvy", "yuyv")) else 1
            )
            if encoding.startswith(("rgba", "bgra")):
                channels = 4
        step = 128 * size * (int(channels) if not encoding.startswith("nv") else 1)
        data = np.resize(self.face[..., 0], int(128 * 96 * channels * size)).astype(np.uint8)
        return raw(encoding, 128, 96, step, data.tobytes())

    def _sound_files(self) -> list[bytes]:
        small = np.ascontiguousarray(self.face[::2, ::2])
        progressive = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
        files = [cv2.imencode(".jpg", self.face)[1], cv2.imencode(".jpg", small, progressive)[1]]
        files += [
            cv2.imencode(kind, image)[1]
            for kind in (".png", ".tiff")
            for image in (self.face, small[..., 0], small.astype(np.uint16) * 257)
        ]
        files += [cv2.imencode(kind, small)[1] for kind in (".bmp", ".webp", ".ppm")]
        sound = [file.tobytes() for file in files]
        return [*sound, sound[0][:-2]]

    def _any_raw(self) -> bytes:
        return self.random.choice(self._raw)

    def _any_file(self) -> bytes:
        return self.random.choice(self._files)

    def _stamp(self) -> tuple[int, int]:
        if self.random.random() < 0.5:
            return 1000 + self.random.randrange(3), self.random.randrange(10**9)
        seconds = (0, 1, -1, -(2**31), 2**31 - 1, self.random.randrange(-(2**31), 2**31))
        parts = (0, 1, 10**9, 2**32 - 1, self.random.randrange(2**32))
        return self.random.choice(seconds), self.random.choice(parts)

    def _odd_stamp(self) -> tuple[str, bytes]:
        message = bytearray(self._any_raw())
        message[4:12] = struct.pack("<iI", *self._stamp())
        return RAW, bytes(message)

    def _odd_fields(self) -> tuple[str, bytes]:
        choose = self.random.choice
        encoding = choose((*ENCODINGS, *["bgr8"] * 10, *["mono8"] * 5, *WORDS))
        width, height = choose(SIDES), choose(SIDES)
        row = width * (3 if encoding == "bgr8" else 1)
        step = choose((*[row] * 6, 0, 1, row - 1, row + 1, row + 64, 2**31, 2**32 - 1))
        step = min(max(step, 0), 2**32 - 1)
        needed = min(step * height, 200_000)
        length = max(choose((*[needed] * 6, needed - 1, needed + 1, 0, needed // 2)), 0)
        data = (self.face.tobytes() * (length // self.face.size + 1))[:length]
        frame_id = choose((*["camera"] * 10, "", "x" * 200_000, "<script>", "a\nb\0c", "../../etc"))
        big = choose((0, 0, 0, 1, 2, 255))
        return RAW, raw(encoding, width, height, step, data, big, self._stamp(), frame_id)

    def _changed_compressed(self) -> tuple[str, bytes]:
        message = compressed(self.random.choice(FORMATS), self._any_file())
        return COMPRESSED, self._changed(message)

    def _changed_file(self) -> tuple[str, bytes]:
        data = self._changed(self._any_file())
        if data.startswith(b"\x89PNG") and self.random.random() < 0.7:
            data = _with_sums(data)
        if data.startswith(b"\xff\xd8") and self.random.random() < 0.5:
            data = self._other_size(data)
        return COMPRESSED, compressed(self.random.choice(FORMATS), data, self._stamp())

    def _other_size(self, data: bytes) -> bytes:
        file = bytearray(data)
        at = max(file.find(b"\xff\xc0"), file.find(b"\xff\xc2"))
        if 0 < at < len(file) - 9:
            sides = [self.random.choice((0, 1, 64, 100, 3000, 65_535)) for _ in range(2)]
            file[at + 5 : at + 9] = struct.pack(">HH", *sides)
        return bytes(file) + b"\xff\xd9"

    def _wrong_type(self) -> tuple[str, bytes]:
        if self.random.random() < 0.5:
            return RAW, compressed("jpeg", self._any_file())
        return COMPRESSED, self._any_raw()

    def _changed(self, data: bytes) -> bytes:
        """Return bytes with something cut off, flipped, overwritten, put in or left out."""
        number, changed = self.random.randrange, bytearray(data)
        way = number(8)
        if way == 0:
            del changed[number(len(changed) + 1) :]
        elif way == 1:
            for _ in range(self.random.choice((1, 1, 2, 8, 64))):
                changed[number(len(changed))] ^= 1 << number(8)
        elif way == 2 and len(changed) >= 12:
            for _ in range(self.random.choice((1, 1, 2))):
                at = number(min(len(changed) - 4, 100)) & ~3
                changed[at : at + 4] = struct.pack("<I", self.random.choice(NUMBERS))
        elif way == 3:
            changed[:4] = self.random.choice(STARTS)
        elif way == 4:
            at = number(len(changed))
            changed[at:at] = self.random.randbytes(self.random.choice((1, 3, 4, 100)))
        elif way == 5:
            at = number(len(changed))
            del changed[at : at + self.random.choice((1, 3, 4, 100))]
        elif way == 6:
            changed = changed[: number(len(changed))] + changed[number(len(changed)) :]
        else:
            changed = bytearray(self.random.randbytes(self.random.choice((0, 1, 4, 8, 64, 5000))))
        return bytes(changed)


def _with_sums(data: bytes) -> bytes:
    """Return a PNG with the checksums of its chunks renewed, so that a change gets through."""
    out, at = bytearray(data[:8]), 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        if length > len(data) or len(body) < 4:
            break
        out += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(out)
