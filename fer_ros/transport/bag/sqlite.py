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

"""One sqlite3 file of a recording, opened so that nothing of it is changed.

The standard library instead of the reader of rosbags, which pastes paths into SQLite's URIs (``#``,
``?`` and ``%`` end or change them there) and reads a database that was cut off not at all.
"""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fer_ros.transport.bag.mcap_records import Channel
from fer_ros.transport.bag.types import CDR, damaged, ros_type

MAGIC = b"SQLite format 3\0"

_PAGE_SIZE, _PAGES = slice(16, 18), slice(28, 32)
"""Places of numbers in the header of a database (sqlite.org/fileformat.html)."""

_JOURNALS = {
    "-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"),
    "-journal": (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",),
}
"""Endings of their names, and how they begin."""


def journals(path: Path) -> list[Path]:
    """Return the files beside a database that hold changes which are not yet merged, or undone."""
    found = []
    for end, magics in _JOURNALS.items():
        file = path.with_name(f"{path.name}{end}")
        # A journal that is done with may stay, its header overwritten by zeros.
        if file.is_file():
            with file.open("rb") as opened:
                if opened.read(8).startswith(magics):
                    found.append(file)
    return found


class SqliteFile:
    """An open sqlite3 file: its channels, how many messages they hold, and the messages."""

    def __init__(self, path: Path, shown: Path, own_copy: bool = False) -> None:
        """Open the file.

        Args:
            path: The file; not compressed as a whole.
            shown: What errors call it.
            own_copy: Whether it is a copy with its journal, which may be changed.

        Raises:
            BagError: It is no database of a recording. Of one that is cut off the whole messages
                are read.
        """
        self.channels: dict[int, Channel] = {}
        self.counts: Counter[int] = Counter()
        self.warnings: list[str] = []
        self.cut = "its journal shows a recording that never ended" if own_copy else ""
        """How it shows that the file ends too early; empty where it does not."""
        self.last_ns: int | None = None
        """Latest time of recording, of a file that ends too early."""
        self._shown = shown
        self._whole: list[tuple[int, int, int]] | None = None
        """(time, id, topic) of the messages that can be read; None where all can."""
        with path.open("rb") as file:
            head = file.read(100)
        if not head.strip(b"\0"):
            self.cut = "it is empty"
            self._db = sqlite3.connect(":memory:")
            return
        mode = "mode=rw" if own_copy else "immutable=1"
        place = quote(os.fsencode(path.absolute()))
        self._db = sqlite3.connect(f"file:{place}?{mode}", uri=True, check_same_thread=False)
        self._db.text_factory = lambda data: data.decode(errors="backslashreplace")
        missing = _missing(head, path.stat().st_size)
        try:
            if missing:  # SQLite opens a file that lacks pages for repairs only
                self._db.execute("PRAGMA writable_schema = ON")
            self._read_topics()
            self._count(missing)
        except (sqlite3.Error, TypeError, ValueError, OverflowError) as error:
            if not missing:
                self.close()
                raise damaged(shown, error) from error
            self.cut, self.channels = missing, {}
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def messages(self, channels: Collection[int]) -> Iterator[tuple[int, int, bytes]]:
        """Yield (channel, time of recording, data) of some channels in the order of recording.

        Raises:
            BagError: The file is damaged.
        """
        try:
            yield from self._rows(set(channels) & self.channels.keys())
        except (sqlite3.Error, TypeError, OverflowError) as error:
            raise damaged(self._shown, error) from error

    def _rows(self, wanted: set[int]) -> Iterator[tuple[int, int, bytes]]:
        if self._whole is not None:
            for time_ns, number, topic in self._whole:
                if topic in wanted:
                    query = "SELECT data FROM messages WHERE id = ?"
                    (data,) = self._db.execute(query, (number,)).fetchone() or (None,)
                    yield topic, time_ns, _data(data)
        elif wanted:
            marks = ",".join("?" * len(wanted))
            for topic, time_ns, data in self._db.execute(
                f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks}) "
                "ORDER BY timestamp",
                sorted(wanted),
            ):
                yield topic, _whole_number(time_ns), _data(data)

    def _read_topics(self) -> None:
        self._check_tables()
        columns = {row[1] for row in self._db.execute("PRAGMA table_info(topics)")}
        if not {"id", "name", "type", "serialization_format"} <= columns:
            raise ValueError("its table of topics lacks columns that a recording has")
        type_hash = "type_description_hash" if "type_description_hash" in columns else "''"
        for number, name, kind, encoding, digest in self._db.execute(
            f"SELECT id, name, type, serialization_format, {type_hash} FROM topics ORDER BY id"
        ):
            fields = (str(name), ros_type(str(kind)), str(encoding or CDR), str(digest or ""))
            self.channels[_whole_number(number)] = Channel(*fields)

    def _check_tables(self) -> None:
        """Refuse rows that a query makes, which may be endless, and which no signal interrupts."""
        for name in ("topics", "messages"):
            stored = self._db.execute(
                "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
            ).fetchone()
            made = [row for row in self._db.execute(f"PRAGMA table_xinfo({name})") if row[6]]
            if stored is None or not stored[0] or made:
                raise ValueError(f"it has no table of {name}, as a recording has")

    def _count(self, missing: str) -> None:
        """Count the messages, and find out which ones are whole where the file is cut off."""
        try:
            if missing:
                raise sqlite3.DatabaseError
            query = "SELECT topic_id, COUNT(*), MAX(timestamp) FROM messages GROUP BY topic_id"
            rows = self._db.execute(query).fetchall()
        except sqlite3.DatabaseError as error:
            self._find_whole(str(error), missing)
            return
        found = Counter({topic: count for topic, count, _ in rows})
        self.last_ns = max((_whole_number(newest) for _, _, newest in rows), default=None)
        self.counts = Counter({topic: found[topic] for topic in self.channels})
        lost = found.total() - self.counts.total()
        if lost:
            self.warnings.append(
                f"{lost} messages of {self._shown.name} belong to no topic and were not read"
            )

    def _find_whole(self, reason: str, missing: str) -> None:
        """Read messages in the order of writing until one cannot be read."""
        numbers = array("q")
        query = "SELECT timestamp, id, topic_id, data FROM messages NOT INDEXED ORDER BY id"
        try:
            for time_ns, number, topic, data in self._db.execute(query):
                if topic in self.channels and isinstance(data, bytes):
                    numbers.extend((_whole_number(time_ns), number, topic))
        except sqlite3.DatabaseError:
            if not numbers and not missing:
                raise
        reason = missing or reason
        self.cut = f"{self.cut} and {reason}" if self.cut else reason
        rows = iter(numbers)
        self._whole = sorted(zip(rows, rows, rows))
        self.counts = Counter(topic for _, _, topic in self._whole)
        self.last_ns = self._whole[-1][0] if self._whole else None


def _missing(head: bytes, size: int) -> str:
    """Return how much of a database is missing by its own header; empty where nothing is."""
    if not head.startswith(MAGIC) or len(head) < 100:
        return ""
    page = int.from_bytes(head[_PAGE_SIZE], "big")
    page = 65536 if page == 1 else page
    whole = page * int.from_bytes(head[_PAGES], "big")
    # Since SQLite 3.7.0 the number of pages is right where these two counters agree.
    known = head[24:28] == head[92:96]
    return f"{size} of its {whole} bytes are there" if known and size < whole else ""


def _whole_number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a number of a message is {type(value).__name__}")
    return value


def _data(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"the data of a message is {type(value).__name__}")
    return value
