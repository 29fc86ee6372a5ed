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

"""The parts of JPEG and PNG files, walked with bounds.

A file is walked in Python before a decoder sees it, and a progressive JPEG is decoded once more for
each of its scans, which may take a dozen bytes: a megabyte of them would cost minutes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_MOST_SEGMENTS = 4096
"""Of a JPEG before its first scan; 256 MB of profiles fit into as many."""

_MOST_CHUNKS = 1 << 16
"""Of a PNG; encoders put 8 kB and more into each."""

MOST_SCANS = 100
"""Of a JPEG; encoders make 10, optimisers up to 20 or so."""

START_OF_SCAN = 0xDA
_FILL = re.compile(rb"\xff+")


def jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, place, size) of the segments up to the first scan's, which is the last.

    Size is what follows the two bytes of the marker, which are at the place (ITU-T T.81, annex B).

    Raises:
        IndexError, struct.error: The file ends before.
        ValueError: There is no marker where one must be, or there are too many.
    """
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if content[at] != 0xFF:
            raise ValueError(f"no marker at byte {at}")
        filled = _FILL.match(content, at)
        assert filled is not None
        at = filled.end() - 1
        marker = content[at + 1]
        if marker == 0xD9:
            raise ValueError("it holds no picture")
        (size,) = struct.unpack_from(">H", content, at + 2)
        yield marker, at, size
        if marker == START_OF_SCAN:
            return
        at += 2 + size
    raise ValueError(f"more than {_MOST_SEGMENTS} segments")


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, place, size) of the chunks, the end's included (PNG specification, 5.3).

    The place is that of the content, of that size; its checksum follows.

    Raises:
        struct.error: The file ends before.
        ValueError: There are too many.
    """
    at = 8
    for _ in range(_MOST_CHUNKS):
        size, kind = struct.unpack_from(">I4s", content, at)
        yield kind, at + 8, size
        if kind == b"IEND":
            return
        at += 12 + size
    raise ValueError(f"more than {_MOST_CHUNKS} chunks")
