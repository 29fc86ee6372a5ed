"""rosbag2 recordings in and out, without a network and without ROS 2.

Reads folders and single files, mcap and sqlite3, plain and zstd-compressed, as ROS 2 Humble and
later write them. Only one message is held at a time, so that a recording may have any size.
Like the other adapters this one only moves CDR bytes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rosbags.interfaces import (
    Qos as BagQos,
)
from rosbags.interfaces import (
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from fer_ros.transport import codec
from fer_ros.transport.base import Qos

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

METADATA = "metadata.yaml"

_STORAGES = (".mcap", ".db3")
_COMPRESSED = ".zstd"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""Starts a compressed message; CDR starts with a zero byte, so the two cannot be mixed up."""

_FOREVER = QosTime(9223372036, 854775807)
"""How rosbag2 spells a duration without limit."""

_SAMPLE_EVERY, _SAMPLE = 1 << 20, 1 << 16


class BagError(RuntimeError):
    """A recording cannot be read or written; the message says why and what to do."""


@dataclass(frozen=True)
class BagTopic:
    """One topic of a recording."""

    name: str
    type_name: str
    count: int
    """Messages, as the recording's own index says."""
    type_hash: str
    """RIHS01 hash of the type; empty where the recording has none (before Iron)."""


@dataclass(frozen=True)
class BagMessage:
    """One recorded message."""

    topic: str
    type_name: str
    time_ns: int
    """When it was recorded [ns]."""
    data: bytes
    """CDR with its encapsulation header."""


class BagReader:
    """A recording, read in the order of recording."""

    def __init__(self, path: Path) -> None:
        """Find the recording's files and topics.

        Args:
            path: A rosbag2 folder, or a single ``.mcap`` or ``.db3`` file (``.zstd`` as well).

        Raises:
            BagError: There is no recording, or it is damaged.
        """
        self.path = path
        self.warnings: list[str] = []
        """What is wrong with the recording but does not keep it from being read."""
        self.files, topics = self._find()
        self.topics: tuple[BagTopic, ...] = topics or self._scan_topics()

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Read the messages of some topics in the order of recording, file after file.

        Raises:
            BagError: The recording is damaged; what came before has been yielded.
        """
        wanted = set(topics)
        for path in self.files:
            with _opened(path) as reader:
                connections = [c for c in reader.connections if c.topic in wanted]
                if not connections:
                    continue
                try:
                    for connection, time_ns, data in reader.messages(connections):
                        raw = zstd.decompress(data) if data[:4] == _ZSTD_MAGIC else data
                        yield BagMessage(connection.topic, connection.msgtype, time_ns, raw)
                except Exception as error:  # whatever damaged bytes make of the parsers
                    raise _damaged(path, error) from error

    def count(self, topics: Collection[str]) -> int:
        """Return how many messages the recording's index promises for some topics."""
        return sum(topic.count for topic in self.topics if topic.name in set(topics))

    def digest(self) -> str:
        """Return a SHA-256 that tells recordings apart, without reading all of them.

        Size, end, and a part of every mebibyte of each file count: more than one place in every
        VGA image. A full hash would cost as much as finding the faces.
        """
        total = hashlib.sha256()
        for path in self.files:
            size = path.stat().st_size
            total.update(size.to_bytes(8, "little"))
            with path.open("rb") as file:
                for offset in [*range(0, size, _SAMPLE_EVERY), max(size - _SAMPLE_EVERY, 0)]:
                    file.seek(offset)
                    total.update(file.read(_SAMPLE))
                total.update(file.read())
        return total.hexdigest()

    def _find(self) -> tuple[list[Path], tuple[BagTopic, ...]]:
        if not self.path.exists():
            raise BagError(f"there is no recording at {self.path}")
        if self.path.is_file():
            if _storage_suffix(self.path) is None:
                raise BagError(f"{self.path} is no rosbag2 file (.mcap, .db3, or these with .zstd)")
            self._check_log(self.path)
            return [self.path], ()
        index = self.path / METADATA
        if index.is_file():
            try:
                return _read_index(index)
            except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
                self.warnings.append(f"{METADATA} is damaged ({error}); the files were read alone")
        else:
            self.warnings.append(f"{METADATA} is missing; the files were read in order of number")
        files = sorted(filter(_storage_suffix, self.path.iterdir()), key=_natural)
        if not files:
            raise BagError(f"{self.path} holds neither {METADATA} nor .mcap or .db3 files")
        for path in files:
            self._check_log(path)
        return files, ()

    def _check_log(self, path: Path) -> None:
        log = path.with_name(path.name + "-wal")
        if log.is_file() and log.stat().st_size:
            self.warnings.append(
                f"{log.name} holds messages that were never merged, as after a crash; run "
                f"`sqlite3 {path.name} 'pragma wal_checkpoint'` to have them read"
            )

    def _scan_topics(self) -> tuple[BagTopic, ...]:
        found: dict[tuple[str, str], BagTopic] = {}
        for path in self.files:
            with _opened(path) as reader:
                for c in reader.connections:
                    known = found.get((c.topic, c.msgtype))
                    count = c.msgcount + (known.count if known else 0)
                    found[c.topic, c.msgtype] = BagTopic(c.topic, c.msgtype, count, c.digest)
        return tuple(found.values())


class BagWriter:
    """Writes a rosbag2 folder in mcap storage that any ROS 2 since Humble can read."""

    def __init__(self, folder: Path) -> None:
        """Create the folder.

        Raises:
            BagError: It exists, or cannot be written.
        """
        self._connections: dict[str, Any] = {}
        self._folder = folder
        with self._reported():
            # Version 9 of the index spells QoS as a list, which Humble cannot read.
            self._writer = Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)
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

    def close(self) -> None:
        """Write the index; only then is the recording whole.

        Raises:
            BagError: The disk is full.
        """
        with self._reported():
            self._writer.close()

    def abort(self) -> None:
        """Give the recording up without an index."""
        self._writer.abort()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (OSError, WriterError) as error:
            raise BagError(f"cannot write the recording {self._folder}: {error}") from error


def _read_index(path: Path) -> tuple[list[Path], tuple[BagTopic, ...]]:
    """Read metadata.yaml; raise BagError when files that it names are missing."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
    files = [path.parent / Path(name).name for name in content["relative_file_paths"]]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise BagError(f"{path.parent} lacks {', '.join(missing)}, which its {METADATA} names")
    if content.get("compression_format") not in (None, "", "zstd"):
        raise BagError(
            f"{path.parent} is compressed with {content['compression_format']}, only zstd can be "
            "read; write it anew with `ros2 bag convert`"
        )
    topics = []
    for entry in content["topics_with_message_count"]:
        topic = entry["topic_metadata"]
        type_hash = str(topic.get("type_description_hash", ""))
        topics.append(
            BagTopic(topic["name"], topic["type"], int(entry["message_count"]), type_hash)
        )
    return files, tuple(topics)


@contextmanager
def _opened(path: Path) -> Iterator[Reader]:
    """Open one file, unpacked into a temporary folder first where it is compressed as a whole."""
    with tempfile.TemporaryDirectory(prefix="fer_ros_") as folder:
        plain = _unpack(path, Path(folder)) if path.suffix == _COMPRESSED else path
        try:
            reader = Reader(plain)
            reader.open()
        except Exception as error:  # rosbags lets the errors of its parsers through
            raise _damaged(path, error) from error
        try:
            yield reader
        finally:
            reader.close()


def _unpack(path: Path, folder: Path) -> Path:
    target = folder / path.stem
    try:
        with zstd.open(path, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
    except (zstd.ZstdError, EOFError) as error:
        raise BagError(f"{path} is truncated or damaged: {error}") from error
    except OSError as error:
        raise BagError(f"cannot unpack {path} into {folder} (set TMPDIR): {error}") from error
    return target


def _damaged(path: Path, error: Exception) -> BagError:
    name = path.name.removesuffix(_COMPRESSED)
    repair = f"`mcap recover {path}`" if name.endswith(".mcap") else f"`sqlite3 {path} .recover`"
    return BagError(f"{path} is truncated or damaged: {error}; {repair} saves what can be saved")


def _storage_suffix(path: Path) -> str | None:
    suffix = Path(path.name.removesuffix(_COMPRESSED)).suffix
    return suffix if suffix in _STORAGES else None


def _natural(path: Path) -> list[tuple[str, int]]:
    """Sort key that puts bag_2 before bag_10."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]


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
