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

"""Cuts records out of mcap files, as converters, crashes and strangers leave them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
STATISTICS, SUMMARY_OFFSET, DATA_END = 0x0B, 0x0E, 0x0F

MAGIC = b"\x89MCAP0\r\n"


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (opcode, content) of the records of a file, or of a chunk's content."""
    at = len(MAGIC) if data.startswith(MAGIC) else 0
    while at < len(data) - (len(MAGIC) if at else 0):
        code, size = struct.unpack_from("<BQ", data, at)
        yield code, data[at + 9 : at + 9 + size]
        at += 9 + size
        if code == FOOTER:
            return


def record(code: int, content: bytes) -> bytes:
    return struct.pack("<BQ", code, len(content)) + content


def rebuilt(data: bytes, edit: Callable[[int, bytes], bytes | None]) -> bytes:
    """Return the file with every record's content edited; None leaves the record out."""
    out = bytearray(MAGIC)
    summary = 0
    for code, content in records(data):
        edited = edit(code, content)
        if code == FOOTER:
            edited = struct.pack("<QQI", summary, 0, 0)
        if edited is not None:
            out += record(code, edited)
        if code == DATA_END:
            summary = len(out)
    return bytes(out + MAGIC)


def text(value: str | bytes) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(value)) + value


def chunk(start: int, content: bytes, compression: str = "", packed: bytes | None = None) -> bytes:
    """Return the content of a chunk record; ``packed`` where it is compressed."""
    packed = content if packed is None else packed
    head = struct.pack("<QQQI", start, start, len(content), 0)
    return head + text(compression) + struct.pack("<Q", len(packed)) + packed


def message(channel: int, time_ns: int, data: bytes) -> bytes:
    return record(MESSAGE, struct.pack("<HIQQ", channel, 0, time_ns, time_ns) + data)


def file_of(
    rows: list[tuple[str, str, str, list[tuple[int, bytes]]]], profile: str = "", **options: bytes
) -> bytes:
    """Return a minimal file, without summary: (topic, type, encoding, messages) a channel."""
    out = MAGIC + record(HEADER, text(profile) + text("test"))
    for number, (topic, type_name, encoding, messages) in enumerate(rows, 1):
        out += record(SCHEMA, struct.pack("<H", number) + text(type_name) + text("x") + text(""))
        channel = struct.pack("<HH", number, number) + text(topic) + text(encoding) + text("")
        out += record(CHANNEL, channel)
        for time_ns, data in messages:
            out += message(number, time_ns, data)
    return out + record(DATA_END, bytes(4)) + record(FOOTER, bytes(20)) + MAGIC
