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

"""One sqlite3 file of a recording, read by rosbags."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import Reader

from fer_ros.transport.bag.mcap import Channel
from fer_ros.transport.bag.types import CDR, damaged, ros_type


class SqliteFile:
    """An open sqlite3 file: its channels, how many messages they hold, and the messages."""

    def __init__(self, path: Path, shown: Path) -> None:
        """Open the file.

        Args:
            path: The file; not compressed as a whole.
            shown: What errors call it.

        Raises:
            BagError: It is damaged.
        """
        self._shown = shown
        try:
            self._reader = Reader(path)
            self._reader.open()
        except Exception as error:  # rosbags lets the errors of its parsers through
            raise damaged(shown, error) from error
        connections = self._reader.connections
        self.channels = {c.id: _channel(c) for c in connections}
        self.counts = {c.id: c.msgcount for c in connections}
        self.warnings: list[str] = []
        lost = self._reader.message_count - sum(self.counts.values())
        if lost:
            self.warnings.append(
                f"{lost} messages of {shown.name} belong to no topic and were not read"
            )

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def messages(self, channels: Collection[int]) -> Iterator[tuple[int, int, bytes]]:
        """Yield (channel, time of recording, data) of some channels in the order of recording.

        Raises:
            BagError: The file is damaged.
        """
        wanted = [c for c in self._reader.connections if c.id in set(channels)]
        try:
            for connection, time_ns, data in self._reader.messages(wanted):
                yield connection.id, time_ns, data
        except Exception as error:  # whatever damaged bytes make of the database
            raise damaged(self._shown, error) from error


def _channel(connection: Connection) -> Channel:
    extension = connection.ext
    encoding = (
        extension.serialization_format if isinstance(extension, ConnectionExtRosbag2) else CDR
    )
    return Channel(
        connection.topic, ros_type(connection.msgtype), encoding, connection.digest or ""
    )
