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

"""rosbag2 folders out, in mcap storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rosbags.interfaces import (
    Connection,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.interfaces import Qos as BagQos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from fer_ros.transport import codec
from fer_ros.transport.bag.types import BagError
from fer_ros.transport.base import Qos

_FOREVER = QosTime(9223372036, 854775807)
"""How rosbag2 spells a duration without limit."""


class BagWriter:
    """Writes a rosbag2 folder in mcap storage that any ROS 2 since Humble can read."""

    def __init__(self, folder: Path, packed: bool = False) -> None:
        """Create the folder.

        Args:
            folder: Must not exist.
            packed: Whether the chunks of the file are compressed by zstd.

        Raises:
            BagError: It exists, or cannot be written.
        """
        self._connections: dict[str, Connection] = {}
        self._folder = folder
        with self._reported():
            # Version 9 of the index spells QoS as a list, which Humble cannot read.
            self._writer = Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)
            if packed:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()

    def add_topic(self, topic: str, type_name: str, qos: Qos) -> None:
        """Register a topic with its type's definition and RIHS01 hash.

        Raises:
            BagError: The topic is there already, or the disk is full.
        """
        with self._reported():
            self._connections[topic] = self._writer.add_connection(
                topic,
                type_name,
                typestore=codec.typestore(),
                offered_qos_profiles=[_bag_qos(qos)],
            )

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Write one message.

        Raises:
            BagError: The disk is full.
        """
        with self._reported():
            self._writer.write(self._connections[topic], time_ns, data)

    def flush(self) -> None:
        """Hand what was written to the system, so that it stays when this process is killed.

        Raises:
            BagError: The disk is full.
        """
        storage: Any = self._writer.storage
        with self._reported():
            if storage.chunk.bio.tell():
                storage.close_chunk()
                storage.bio.flush()

    def close(self) -> None:
        """Write the index; only then is the recording whole.

        Raises:
            BagError: The disk is full.
        """
        with self._reported():
            self._writer.close()

    def abort(self) -> None:
        """Give the recording up without an index; what was flushed stays readable."""
        with suppress(OSError, WriterError):  # the disk may be full
            self._writer.abort()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (OSError, WriterError) as error:
            raise BagError(f"cannot write the recording {self._folder}: {error}") from error


def _bag_qos(qos: Qos) -> BagQos:
    reliable, kept = qos.reliability == "reliable", qos.durability == "transient_local"
    return BagQos(
        QosHistory.KEEP_LAST,
        qos.depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if kept else QosDurability.VOLATILE,
        _FOREVER,
        _FOREVER,
        QosLiveliness.AUTOMATIC,
        _FOREVER,
        False,
    )
