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

"""Reader of one mcap file that does not rely on its indexes.

rosbags skips chunks that an index does not mention and unpacks without a bound, and the mcap
library has no rosdep key; the format (mcap.dev/spec) is small. The records of the file are walked
once, from header to header, which costs a seek a record; their content is compared with summary and
message indexes.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import BinaryIO

from fer_ros.transport.bag.mcap_records import Channel, Chunk, Fields, Loose
from fer_ros.transport.bag.types import BagError, damaged, ros_type
from fer_ros.transport.bag.unpacking import (
    MOST_CHUNK,
    MOST_MESSAGE,
    TooLargeError,
    unpack,
    unpack_part,
)

MAGIC = b"\x89MCAP0\r\n"
ROS1_PROFILE = "ros1"

MOST_OPEN = 1 << 30
"""Size of the chunks that overlap in time and are held at once [bytes]."""

_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX = range(1, 8)
_STATISTICS, _DATA_END = 0x0B, 0x0F
_RECORD = struct.Struct("<BQ")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_CHUNK_HEAD = struct.Struct("<QQQI")

_MOST_RECORD = 1 << 24
"""Size of a record that describes [bytes]; definitions of messages have some kilobytes."""

_FEW_ZEROS = 64
"""So many may end a message."""

_LOOSE = -1
"""Denotes the messages outside chunks, where a number of a chunk is asked."""

_Entry = tuple[int, int, int, bytes]
"""Log time, place in the file or chunk, channel, data."""

_Stream = Iterator[_Entry]
_Next = tuple[int, int, int, int, bytes, _Stream]
"""Log time, number of the chunk, place in it, channel, data, and what follows."""


class McapFile:
    """An open mcap file: its channels, how many messages they hold, and the messages."""

    def __init__(self, path: Path, shown: Path) -> None:
        """Walk the records.

        Args:
            path: The file; not compressed as a whole.
            shown: What errors call it.

        Raises:
            BagError: It is no mcap file, damaged, or holds ROS 1 messages. Of one that lacks its
                end the whole messages are read.
        """
        self.channels: dict[int, Channel] = {}
        self.counts: Counter[int] = Counter()
        """Messages of each channel that the file holds."""
        self.warnings: list[str] = []
        self.cut = ""
        """How it shows that the file ends too early; empty where it does not."""
        self.last_ns: int | None = None
        """Latest log time, of a file that ends too early."""
        self._shown = shown
        self._schemas: dict[int, str] = {}
        self._chunks: list[Chunk] = []
        self._loose = Loose()
        self._promised: int | None = None
        self._file: BinaryIO = path.open("rb")
        self._size = path.stat().st_size
        try:
            self._walk_to_the_end()
            self._count()
        except (ValueError, struct.error) as error:
            self.close()
            raise damaged(shown, error) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def messages(self, channels: Collection[int]) -> Iterator[tuple[int, int, bytes]]:
        """Yield (channel, log time, data) of some channels in the order of log time.

        Raises:
            BagError: A chunk is damaged, or too many overlap in time to be sorted.
        """
        wanted = set(channels)
        waiting = [(chunk.start_ns, number) for number, chunk in enumerate(self._chunks)]
        waiting = sorted([(self._loose.start_ns, _LOOSE), *waiting], reverse=True)
        heap: list[_Next] = []
        held: dict[int, int] = {}
        while heap or waiting:
            while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
                self._open(waiting.pop()[1], wanted, heap, held)
            if heap:
                log_time, number, _, channel, data, stream = heappop(heap)
                yield channel, log_time, data
                _advance(number, stream, heap, held)

    def _open(self, number: int, wanted: set[int], heap: list[_Next], held: dict[int, int]) -> None:
        """Begin a chunk whose time has come."""
        if number == _LOOSE:
            _advance(number, self._loose_messages(wanted), heap, held)
            return
        held[number] = self._chunks[number].unpacked
        if len(held) > 1 and sum(held.values()) > MOST_OPEN:
            raise BagError(
                f"{self._shown}: its chunks overlap in time by more than {MOST_OPEN >> 20} MiB; "
                "write it anew with `mcap sort`"
            )
        _advance(number, self._chunk_messages(number, wanted), heap, held)

    def _walk_to_the_end(self) -> None:
        """Walk the records; of a file that lacks its end, those before."""
        begin = self._file.read(len(MAGIC))
        if begin != MAGIC:
            # A file system that was cut off leaves files empty, or their blocks zero.
            if not MAGIC.startswith(begin.rstrip(b"\0")):
                raise ValueError("it does not begin as an mcap file")
            self.cut = "it is empty"
            return
        ended = self._size >= 2 * len(MAGIC) and self._read(-1, len(MAGIC)) == MAGIC
        if not ended:
            self._size -= _zeros_at_the_end(self._file, self._size)
        try:
            self._walk()
        except (ValueError, struct.error) as error:
            if ended:
                raise
            self.cut = str(error)

    def _walk(self) -> None:
        at, in_summary = len(MAGIC), False
        while True:
            code, size = self._head(at)
            content = at + _RECORD.size
            if code == _FOOTER:
                break
            if code in (_HEADER, _SCHEMA, _CHANNEL, _STATISTICS):
                if size > _MOST_RECORD:
                    raise ValueError(f"the record at byte {at} has {size >> 20} MiB")
                self._note(code, self._read(content, size))
            elif code == _CHUNK:
                self._note_chunk(content, size)
            elif code == _MESSAGE_INDEX and self._chunks and not in_summary:
                channel, length = struct.unpack("<HI", self._read(content, 6))
                self._chunks[-1].indexed[channel] += length // 16
            elif code == _MESSAGE and not in_summary:
                channel, _, log_time, _ = _MESSAGE_HEAD.unpack(
                    self._read(content, _MESSAGE_HEAD.size)
                )
                self._loose.rows.append((log_time, content + _MESSAGE_HEAD.size, channel))
                self._loose.sizes.append(size - _MESSAGE_HEAD.size)
                self._loose.start_ns = min(self._loose.start_ns, log_time)
            in_summary = in_summary or code == _DATA_END
            at = content + size
        if self._read(content + size, len(MAGIC)) != MAGIC:
            raise ValueError("it does not end as an mcap file")

    def _head(self, at: int) -> tuple[int, int]:
        code, size = _RECORD.unpack(self._read(at, _RECORD.size))
        if not code:
            raise ValueError(f"there is no record at byte {at}")
        if at + _RECORD.size + size > self._size:
            if code == _CHUNK:
                self._note_chunk(at + _RECORD.size, size)
            raise ValueError(f"the record at byte {at} ends behind the file")
        return code, size

    def _read(self, at: int, size: int) -> bytes:
        """Read bytes at a place; a negative place is that of the last ones."""
        self._file.seek(at if at >= 0 else self._size - size)
        data = self._file.read(size)
        if len(data) < size or at + size > self._size:
            raise ValueError(f"the file ends at byte {self._size}, in a record")
        return data

    def _note(self, code: int, data: bytes | memoryview) -> None:
        """Note a schema, channel or index record."""
        fields = Fields(data)
        if code == _HEADER:
            if fields.text() == ROS1_PROFILE:
                raise BagError(
                    f"{self._shown} holds ROS 1 messages (profile ros1), which are no CDR; convert "
                    "the .bag that it was made from: `rosbags-convert --src drive.bag --dst drive`"
                )
        elif code == _SCHEMA:
            number = fields.number("H")
            self._schemas[number] = fields.text()
        elif code == _CHANNEL:
            number, schema = fields.number("H"), fields.number("H")
            topic, encoding, metadata = fields.text(), fields.text(), fields.texts()
            type_name = ros_type(self._schemas.get(schema, ""))
            type_hash = metadata.get("topic_type_hash", "")
            self.channels[number] = Channel(topic, type_name, encoding, type_hash)
        elif code == _STATISTICS:
            self._promised = fields.number("Q")

    def _note_chunk(self, at: int, size: int) -> None:
        fields = Fields(self._read(at, min(size, _CHUNK_HEAD.size + 64)))
        start, end, unpacked, crc = (fields.number(kind) for kind in "QQQI")
        compression = fields.text()
        packed = fields.number("Q")
        head = _CHUNK_HEAD.size + 4 + len(compression.encode()) + 8
        if head + packed > size:
            raise ValueError(f"the chunk at {at} ends outside its record")
        there = min(packed, max(self._size - at - head, 0))
        whole = there == packed
        self._chunks.append(Chunk(start, end, at + head, there, unpacked, crc, compression, whole))

    def _count(self) -> None:
        """Count the messages: by the message indexes if they are whole, else by looking."""
        self.counts = Counter(channel for _, _, channel in self._loose.rows)
        indexed = sum((chunk.indexed for chunk in self._chunks), Counter[int]())
        total = self.counts + indexed
        times = [log_time for log_time, _, _ in self._loose.rows]
        if self._promised == total.total() and total.keys() <= self.channels.keys():
            self.counts = total
            self.last_ns = max([*times, *(chunk.end_ns for chunk in self._chunks)], default=None)
            return
        torn = 0
        for number, chunk in enumerate(self._chunks):
            chunk.indexed = Counter()
            try:
                rows = self._records(number)
            except BagError:
                if not self.cut:
                    raise
                torn += 1
                continue
            times += [max((row[0] for row in rows), default=0)] if rows else []
            chunk.indexed = Counter(channel for _, _, channel, _ in rows)
            self.counts += chunk.indexed
        self.last_ns = max(times, default=None)
        if torn:
            self.cut += f", and {torn} chunk{' is' if torn == 1 else 's are'} damaged"
        if self._promised is not None and self._promised != self.counts.total():
            self.warnings.append(
                f"the summary of {self._shown.name} counts {self._promised} messages, the file "
                f"holds {self.counts.total()}"
            )
        lost = sum(n for channel, n in self.counts.items() if channel not in self.channels)
        if lost:
            self.warnings.append(
                f"{lost} messages of {self._shown.name} belong to no channel and were not read"
            )

    def _records(self, number: int) -> list[tuple[int, int, int, memoryview]]:
        """Unpack a chunk; return (log time, place, channel, data) of its messages."""
        data = memoryview(self._unpacked(self._chunks[number]))
        rows, at = [], 0
        try:
            while at < len(data):
                code, size = _RECORD.unpack_from(data, at)
                at += _RECORD.size
                if not code or at + size > len(data):
                    raise ValueError("a record ends outside its chunk")
                if code == _MESSAGE:
                    channel, _, log_time, _ = _MESSAGE_HEAD.unpack_from(data, at)
                    if size < _MESSAGE_HEAD.size:
                        raise ValueError("a message is shorter than its header")
                    rows.append((log_time, at, channel, data[at + _MESSAGE_HEAD.size : at + size]))
                elif code in (_SCHEMA, _CHANNEL):
                    self._note(code, data[at : at + size])
                at += size
        except (ValueError, struct.error) as error:
            if self._chunks[number].whole:
                raise damaged(self._shown, error) from error
        return rows

    def _unpacked(self, chunk: Chunk) -> bytes:
        try:
            if chunk.unpacked > MOST_CHUNK:
                raise TooLargeError(f"it says that it unpacks to {chunk.unpacked >> 20} MiB")
            if chunk.packed > MOST_CHUNK:
                raise TooLargeError(f"it has {chunk.packed >> 20} MiB")
            if not chunk.whole:
                packed = self._read(chunk.offset, chunk.packed)
                return unpack_part(packed, chunk.compression, chunk.unpacked)
            data = unpack(self._read(chunk.offset, chunk.packed), chunk.compression, chunk.unpacked)
            if len(data) != chunk.unpacked:
                raise ValueError(f"a chunk has {len(data)} bytes instead of {chunk.unpacked}")
            if chunk.crc and crc32(data) != chunk.crc:
                raise ValueError("the checksum of a chunk is wrong")
        except TooLargeError as error:
            raise BagError(
                f"{self._shown}: a chunk is refused: {error}; at most {MOST_CHUNK >> 20} MiB, and "
                "no more than it says, can be read"
            ) from error
        except ValueError as error:
            raise damaged(self._shown, error) from error
        return data

    def _chunk_messages(self, number: int, wanted: set[int]) -> _Stream:
        # After _count the messages of a chunk are known, so that others need not be unpacked.
        if not wanted & self._chunks[number].indexed.keys():
            return
        rows = [row for row in self._records(number) if row[2] in wanted]
        rows.sort(key=lambda row: row[:2])
        for log_time, place, channel, data in rows:
            yield log_time, place, channel, bytes(data)

    def _loose_messages(self, wanted: set[int]) -> _Stream:
        for (log_time, place, channel), size in sorted(zip(self._loose.rows, self._loose.sizes)):
            if channel in wanted:
                if size > MOST_MESSAGE:
                    raise BagError(
                        f"{self._shown}: a message of {size >> 20} MiB is refused; at most "
                        f"{MOST_MESSAGE >> 20} MiB can be read"
                    )
                yield log_time, place, channel, self._read(place, size)


def _zeros_at_the_end(file: BinaryIO, size: int) -> int:
    """Return how many bytes a file system has left zero, where it is more than a message may."""
    end = size
    while end:
        start = max(end - (1 << 16), 0)
        file.seek(start)
        kept = len(file.read(end - start).rstrip(b"\0"))
        end = start + kept
        if kept:
            break
    return size - end if size - end > _FEW_ZEROS else 0


def _advance(number: int, stream: _Stream, heap: list[_Next], held: dict[int, int]) -> None:
    """Put the next message of a chunk onto the heap, or let the chunk go."""
    row = next(stream, None)
    if row is None:
        held.pop(number, None)
        return
    log_time, place, channel, data = row
    heappush(heap, (log_time, number, place, channel, data, stream))
