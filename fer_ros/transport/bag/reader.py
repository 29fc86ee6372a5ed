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

"""Reader of rosbag2 recordings: the files of one, and their messages."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fer_ros.files import regular
from fer_ros.transport.bag.index import METADATA, Index, read_index
from fer_ros.transport.bag.mcap import McapFile
from fer_ros.transport.bag.sqlite import SqliteFile, journals
from fer_ros.transport.bag.types import CDR, COMPRESSED, BagError, BagMessage, BagTopic, Cut
from fer_ros.transport.bag.unpacking import plain_file, unpack_message, with_journal
from fer_ros.transport.bounded_parsing import DocumentError

_STORAGES = (".mcap", ".db3")
_ROS1_MAGIC = b"#ROSBAG V"

_SAMPLE_EVERY, _SAMPLE = 1 << 20, 1 << 16


class BagReader:
    """A recording, read in the order of recording.

    Indexes are never trusted: the files themselves are read, and what an index, a summary or a log
    promises beyond them becomes a warning.
    """

    def __init__(self, path: Path) -> None:
        """Find the recording's files and topics.

        Args:
            path: A rosbag2 folder, or a single ``.mcap`` or ``.db3`` file (``.zstd`` as well).

        Raises:
            BagError: There is no recording, it is damaged, or holds nothing that can be read. Of
                files that end too early the whole messages are read.
        """
        self.path = path
        self.warnings: list[str] = []
        """What is wrong with the recording but does not keep it from being read; reading may add
        to it."""
        self.cuts: list[Cut] = []
        """Files that end too early, as after a power loss; their whole messages are read."""
        index = self._read_index()
        self.files = self._find(index)
        topics = self._survey(index)
        if index:
            self._compare(index, topics)
        self.topics = tuple(topic for topic in topics if topic.encoding == CDR)
        self.foreign = tuple(topic for topic in topics if topic.encoding != CDR and topic.count)
        """Topics whose messages are no CDR and are not read."""
        self._name_foreign()
        if self.cuts and not any(topic.count for topic in topics):
            raise BagError(f"{self.path} holds no whole message: {self.cuts[0]}")

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Read the messages of some topics in the order of recording, file after file.

        Raises:
            BagError: The recording is damaged; what came before has been yielded.
        """
        read: Counter[str] = Counter()
        for path in self.files:
            with _opened(path) as file:
                wanted = {
                    number: channel
                    for number, channel in file.channels.items()
                    if channel.topic in topics and channel.encoding == CDR
                }
                if not wanted:
                    continue
                for number, time_ns, data in file.messages(wanted):
                    channel = wanted[number]
                    plain = unpack_message(data, path, channel.topic)
                    read[channel.topic] += 1
                    yield BagMessage(channel.topic, channel.type_name, time_ns, plain)
        for topic in topics:
            if read[topic] != self.count([topic]):
                self.warnings.append(
                    f"{read[topic]} of {self.count([topic])} messages on {topic} could be read"
                )

    def count(self, topics: Collection[str]) -> int:
        """Return how many messages the files hold for some topics."""
        return sum(topic.count for topic in self.topics if topic.name in topics)

    def digest(self) -> str:
        """Return a SHA-256 that tells recordings apart, without reading all of them.

        Size, end, and a part of every mebibyte of each file count: more than one place in every
        VGA image. A full hash would cost as much as finding the faces.
        """
        total = hashlib.sha256()
        logs = [log for path in self.files for log in journals(path)]
        for path in [*self.files, *logs]:
            size = path.stat().st_size
            total.update(size.to_bytes(8, "little"))
            with path.open("rb") as file:
                for offset in [*range(0, size, _SAMPLE_EVERY), max(size - _SAMPLE_EVERY, 0)]:
                    file.seek(offset)
                    total.update(file.read(_SAMPLE))
                total.update(file.read())
        return total.hexdigest()

    def _read_index(self) -> Index | None:
        if not self.path.exists():
            raise BagError(f"there is no recording at {self.path}")
        if not self.path.is_dir():
            try:
                regular(self.path)
            except OSError as error:
                raise BagError(f"{self.path} cannot be read: {error}") from error
            return None
        if not (self.path / METADATA).is_file():
            self.warnings.append(f"{METADATA} is missing; the files were read in order of number")
            return None
        try:
            return read_index(self.path / METADATA)
        except DocumentError as error:
            reason = str(error).splitlines()[0][:200]
            self.warnings.append(f"{METADATA} is damaged ({reason}); the files were read alone")
            return None

    def _find(self, index: Index | None) -> list[Path]:
        """Return the files: those that the index names, and those that it does not know."""
        if self.path.is_file():
            _check_storage(self.path)
            return [self.path]
        there = sorted(filter(_is_storage, self.path.iterdir()), key=_natural)
        if index is None:
            if not there:
                self._refuse_empty()
            return self._one_form_each(there)
        named = [self.path / name for name in index.files]
        missing = [file.name for file in named if not file.is_file()]
        if missing:
            raise BagError(f"{self.path} lacks {', '.join(missing)}, which its {METADATA} names")
        for file in named:
            _check_storage(file)
        stems = {_stem(file) for file in named}
        copies = [file for file in there if file not in named and _stem(file) in stems]
        new = [file for file in there if file not in named and file not in copies]
        if new:
            names = ", ".join(file.name for file in new)
            self.warnings.append(f"{METADATA} does not name {names}; read all the same")
        if copies:
            names = ", ".join(file.name for file in copies)
            self.warnings.append(f"{names} was not read: {METADATA} names another form of it")
        new = self._one_form_each(new)
        if not named and not new:
            self._refuse_empty()
        return sorted([*named, *new], key=_natural) if new else named

    def _one_form_each(self, files: list[Path]) -> list[Path]:
        """Return files without those that hold another one compressed; the plain one is read."""
        plain = {file.name for file in files if file.suffix != COMPRESSED}
        twice = [file for file in files if file.suffix == COMPRESSED and file.stem in plain]
        if twice:
            names = ", ".join(file.name for file in twice)
            self.warnings.append(f"{names} was not read: the same file lies beside it unpacked")
        return [file for file in files if file not in twice]

    def _refuse_empty(self) -> None:
        old = sorted(self.path.glob("*.bag"))
        if old:
            raise _ros1_bag(old[0])
        raise BagError(f"{self.path} holds neither {METADATA} nor .mcap or .db3 files")

    def _survey(self, index: Index | None) -> list[BagTopic]:
        hashes = index.hashes if index else {}
        found: dict[tuple[str, str, str], BagTopic] = {}
        for path in self.files:
            with _opened(path) as file:
                self.warnings += file.warnings
                if file.cut:
                    held = file.counts.total()
                    self.cuts.append(Cut(path.name, held, file.last_ns, file.cut))
                    self.warnings.append(str(self.cuts[-1]))
                for number, channel in file.channels.items():
                    key = (channel.topic, channel.type_name, channel.encoding)
                    count = file.counts.get(number, 0) + (found[key].count if key in found else 0)
                    type_hash = hashes.get(channel.topic) or channel.type_hash
                    found[key] = BagTopic(
                        channel.topic, channel.type_name, count, type_hash, channel.encoding
                    )
        return list(found.values())

    def _compare(self, index: Index, topics: list[BagTopic]) -> None:
        held: Counter[str] = Counter()
        for topic in topics:
            held[topic.name] += topic.count
        for name in dict.fromkeys([*index.counts, *held]):
            promised = index.counts.get(name, 0)
            if promised != held[name]:
                self.warnings.append(
                    f"{METADATA} counts {promised} messages on {name}, the files hold {held[name]}"
                )

    def _name_foreign(self) -> None:
        if not self.foreign:
            return
        names = ", ".join(f"{t.name} ({t.type_name}, {t.encoding})" for t in self.foreign)
        remark = f"not read, because it is no CDR as ROS 2 writes it: {names}; {_converter(self)}"
        if not any(topic.count for topic in self.topics):
            raise BagError(f"{self.path} holds nothing that can be read: {remark}")
        self.warnings.append(remark)


def _converter(reader: BagReader) -> str:
    if any(topic.encoding == "ros1" for topic in reader.foreign):
        return "convert the ROS 1 .bag that it was made from with `rosbags-convert`"
    return (
        "write the images as sensor_msgs/msg/CompressedImage, e.g. with the writer of the package "
        "mcap-ros2-support"
    )


@contextmanager
def _opened(path: Path) -> Iterator[McapFile | SqliteFile]:
    """Open one file, unpacked into a temporary folder first where it is compressed as a whole."""
    with ExitStack() as stack:
        plain = stack.enter_context(plain_file(path))
        file: McapFile | SqliteFile
        if _storage_suffix(path) == ".mcap":
            file = McapFile(plain, path)
        else:
            logs = journals(plain)
            if logs:
                plain = stack.enter_context(with_journal(plain, logs))
            file = SqliteFile(plain, path, own_copy=bool(logs))
        stack.callback(file.close)
        yield file


def _check_storage(path: Path) -> None:
    with path.open("rb") as file:
        if path.suffix == ".bag" or file.read(len(_ROS1_MAGIC)) == _ROS1_MAGIC:
            raise _ros1_bag(path)
    if _storage_suffix(path) is None:
        raise BagError(f"{path} is no rosbag2 file (.mcap, .db3, or these with .zstd)")


def _ros1_bag(path: Path) -> BagError:
    return BagError(
        f"{path} is a ROS 1 bag; convert it with "
        f"`rosbags-convert --src {path.name} --dst {path.stem}` and replay that folder"
    )


def _storage_suffix(path: Path) -> str | None:
    suffix = Path(path.name.removesuffix(COMPRESSED)).suffix
    return suffix if suffix in _STORAGES else None


def _is_storage(path: Path) -> bool:
    """Return whether a file of a folder is one of the recording.

    Files that begin with a dot are not: ``._x.mcap`` is what macOS lays beside ``x.mcap`` on other
    file systems, ``.x.mcap.partial`` what copying programs have not finished.
    """
    return not path.name.startswith(".") and _storage_suffix(path) is not None and path.is_file()


def _stem(path: Path) -> str:
    return Path(path.name.removesuffix(COMPRESSED)).stem


def _natural(path: Path) -> list[tuple[str, int]]:
    """Sort key that puts bag_2 before bag_10."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]
