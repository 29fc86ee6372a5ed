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

"""Records of an mcap file: their fields, and what is kept of channels and chunks."""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from dataclasses import dataclass, field


class Fields:
    """Reads the fields of a record."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._record, self._at = memoryview(data), 0

    def number(self, kind: str) -> int:
        """Return the next field, a number in struct's spelling of its kind."""
        value: int = struct.unpack_from(f"<{kind}", self._record, self._at)[0]
        self._at += struct.calcsize(f"<{kind}")
        return value

    def data(self) -> memoryview:
        """Return the next field, bytes behind their length.

        Raises:
            ValueError: They end outside the record.
        """
        size = self.number("I")
        if self._at + size > len(self._record):
            raise ValueError("a field ends outside its record")
        self._at += size
        return self._record[self._at - size : self._at]

    def text(self) -> str:
        """Return the next field, a string."""
        return bytes(self.data()).decode(errors="backslashreplace")

    def texts(self) -> dict[str, str]:
        """Return the next field, a map of strings."""
        fields, found = Fields(self.data()), {}
        while fields._at < len(fields._record):
            key = fields.text()
            found[key] = fields.text()
        return found


@dataclass(frozen=True)
class Channel:
    """One stream of messages of one type."""

    topic: str
    type_name: str
    encoding: str
    type_hash: str


@dataclass
class Chunk:
    """Some messages that are packed together."""

    start_ns: int
    end_ns: int
    offset: int
    """Where its packed records begin in the file."""
    packed: int
    unpacked: int
    crc: int
    compression: str
    whole: bool = True
    """Whether all of it lies in the file."""
    indexed: Counter[int] = field(default_factory=Counter)
    """Messages of each channel, as the message indexes behind it say."""


@dataclass
class Loose:
    """Messages that lie in no chunk."""

    start_ns: int = 2**63
    rows: list[tuple[int, int, int]] = field(default_factory=list)
    """Log time, place in the file, channel."""
    sizes: array[int] = field(default_factory=lambda: array("Q"))
