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

"""Recordings that promise more, or other things, than they hold; and those that are traps."""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
from collections import namedtuple

import mcap_surgery as mcap
import pytest
from bags import CAMERA, PERIOD, START, blank, recording

from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagError, BagReader, unpacking
from fer_ros.transport.bag.index import METADATA

zstd = unpacking.zstd
FRAMES = 12
OTHER = f"{CAMERA}/compressed"


def write(folder, first=0, frames=FRAMES, **options):
    with recording(folder, **options) as bag:
        for index in range(first, first + frames):
            bag.image(blank(index), START + index * PERIOD)
            bag.image(blank(index), START + index * PERIOD, OTHER)
    return folder


def read(path, topics=(CAMERA, OTHER)):
    reader = BagReader(path)
    return reader, [(m.topic, m.time_ns, m.data) for m in reader.messages(topics)]


@pytest.fixture
def whole(tmp_path):
    folder = write(tmp_path / "bag")
    return folder / "bag.mcap", read(folder)[1]


def counted(wrong):
    def edit(code, content):
        if code == mcap.STATISTICS:
            return struct.pack("<Q", wrong) + content[8:]
        return content

    return edit


def without(*codes):
    return lambda code, content: None if code in codes else content


def index_of_first_channel_only(code, content):
    if code == mcap.MESSAGE_INDEX and struct.unpack_from("<H", content)[0] != 1:
        return None
    return content


SUMMARY = (mcap.CHUNK_INDEX, mcap.STATISTICS, mcap.SUMMARY_OFFSET)


@pytest.mark.parametrize(
    ("edit", "warned"),
    [
        (without(mcap.MESSAGE_INDEX), False),
        (without(mcap.MESSAGE_INDEX, *SUMMARY), False),
        (without(*SUMMARY), False),
        (without(mcap.CHUNK_INDEX), False),
        (index_of_first_channel_only, False),
        (counted(0), True),
        (counted(99), True),
    ],
    ids=["no-message-index", "no-index", "no-summary", "no-chunk-index", "half-an-index",
         "counts-nothing", "counts-too-much"],
)  # fmt: skip
def test_an_mcap_is_read_whatever_its_indexes_say(whole, tmp_path, edit, warned):
    source, expected = whole
    path = tmp_path / "edited.mcap"
    path.write_bytes(mcap.rebuilt(source.read_bytes(), edit))
    reader, found = read(path)
    assert found == expected
    assert {t.name: t.count for t in reader.topics} == {CAMERA: FRAMES, OTHER: FRAMES}
    assert bool(reader.warnings) is warned
    if warned:
        assert re.search(r"counts \d+ messages, the file holds 24", reader.warnings[0])


def test_messages_without_chunks_come_in_the_order_of_time(tmp_path):
    rows = [(START + index, codec.encode(messages.image(blank(), index, ""))) for index in range(6)]
    path = tmp_path / "loose.mcap"
    shuffled = [rows[index] for index in (3, 0, 5, 1, 4, 2)]
    path.write_bytes(mcap.file_of([(CAMERA, messages.IMAGE, "cdr", shuffled)]))
    _, found = read(path, [CAMERA])
    assert [(time, data) for _, time, data in found] == rows


def test_chunks_that_overlap_in_time_are_merged_within_a_bound(tmp_path, monkeypatch):
    parts = [[START + offset + 2 * index for index in range(5)] for offset in (0, 1)]
    bodies = [b"".join(mcap.message(1, time, b"\0\1\0\0") for time in times) for times in parts]
    bare = mcap.file_of([(CAMERA, messages.IMAGE, "cdr", [])])
    end = bare.index(mcap.record(mcap.DATA_END, bytes(4)))
    chunks = [mcap.record(mcap.CHUNK, mcap.chunk(t[0], b)) for t, b in zip(parts, bodies)]
    path = tmp_path / "overlap.mcap"
    path.write_bytes(bare[:end] + b"".join(chunks) + bare[end:])
    assert [time - START for _, time, _ in read(path)[1]] == list(range(10))
    monkeypatch.setattr("fer_ros.transport.bag.mcap.MOST_OPEN", len(bodies[0]) + 1)
    with pytest.raises(BagError, match="mcap sort"):
        read(path)


def test_files_that_the_index_does_not_name_are_read_and_told_of(tmp_path):
    folder = write(tmp_path / "bag")
    (folder / "bag.mcap").rename(folder / "bag_0.mcap")
    index = folder / METADATA
    index.write_text(index.read_text().replace("bag.mcap", "bag_0.mcap"))
    write(tmp_path / "later", first=FRAMES)
    shutil.copy(tmp_path / "later" / "later.mcap", folder / "bag_1.mcap")
    reader, found = read(folder)
    assert len(found) == 4 * FRAMES
    assert [time for _, time, _ in found] == sorted(time for _, time, _ in found)
    assert "does not name bag_1.mcap" in reader.warnings[0]
    assert f"counts 12 messages on {CAMERA}, the files hold 24" in reader.warnings[1]


def test_another_form_of_a_file_is_not_read_twice(tmp_path):
    folder = write(tmp_path / "bag")
    packed = folder / "bag.mcap.zstd"
    packed.write_bytes(zstd.compress((folder / "bag.mcap").read_bytes()))
    reader, found = read(folder)
    assert len(found) == 2 * FRAMES
    assert "bag.mcap.zstd was not read" in reader.warnings[0]


@pytest.mark.parametrize("count", [0, 5, 99])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_counts_of_the_index_are_only_compared(tmp_path, count, storage):
    folder = write(tmp_path / "bag", storage=storage)
    index = folder / METADATA
    index.write_text(index.read_text().replace("message_count: 12", f"message_count: {count}"))
    reader, found = read(folder)
    assert len(found) == 2 * FRAMES
    assert reader.count([CAMERA]) == FRAMES
    assert f"counts {count} messages on {CAMERA}, the files hold 12" in "".join(reader.warnings)


@pytest.mark.parametrize("end", ["-wal", "-journal"])
@pytest.mark.parametrize("content", [b"", bytes(512), b"left"])
def test_a_journal_that_is_done_with_does_not_matter(tmp_path, end, content):
    folder = write(tmp_path / "bag", storage="sqlite3")
    (folder / f"bag.db3{end}").write_bytes(content)
    reader, found = read(folder)
    assert len(found) == 2 * FRAMES
    assert not reader.warnings
    assert not reader.cuts


def test_rows_of_no_topic_are_told_of(tmp_path):
    folder = write(tmp_path / "bag", storage="sqlite3")
    with sqlite3.connect(folder / "bag.db3") as base:
        base.execute("UPDATE messages SET topic_id = 99 WHERE id <= 3")
    base.close()
    assert "3 messages of bag.db3 belong to no topic" in BagReader(folder).warnings[0]


JPEG = codec.encode(messages.compressed_image(b"x", START, "c"))


@pytest.mark.parametrize("profile", ["", "ros2", "somebody"])
@pytest.mark.parametrize(
    "type_name", [messages.IMAGE, "sensor_msgs/Image", "sensor_msgs::msg::dds_::Image_"]
)
def test_cdr_of_other_writers_is_read(tmp_path, profile, type_name):
    path = tmp_path / "foreign.mcap"
    data = codec.encode(messages.image(blank(), START, "c"))
    path.write_bytes(mcap.file_of([(CAMERA, type_name, "cdr", [(START, data)])], profile))
    reader, found = read(path)
    assert found == [(CAMERA, START, data)]
    assert reader.topics[0].type_name == messages.IMAGE


def test_what_is_no_cdr_is_named_beside_what_is(tmp_path):
    path = tmp_path / "mixed.mcap"
    rows = [
        (OTHER, messages.COMPRESSED_IMAGE, "cdr", [(START, JPEG)]),
        ("/proto", "foxglove.CompressedImage", "protobuf", [(START, b"\x0a\x00")]),
    ]
    path.write_bytes(mcap.file_of(rows))
    reader, found = read(path, [OTHER, "/proto"])
    assert found == [(OTHER, START, JPEG)]
    assert "/proto (foxglove.CompressedImage, protobuf)" in reader.warnings[0]
    path.write_bytes(mcap.file_of([("/j", "Image", "json", [(START, b"{}")])]))
    with pytest.raises(BagError, match=r"nothing that can be read.*/j \(Image, json\)") as error:
        BagReader(path)
    assert "damaged" not in str(error.value)


@pytest.mark.parametrize("name", ["drive.bag", "drive.mcap", "folder/drive.bag"])
def test_a_ros1_bag_is_sent_to_its_converter(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    with pytest.raises(BagError, match=r"ROS 1 bag.*rosbags-convert") as error:
        BagReader(path.parent if "/" in name else path)
    assert "damaged" not in str(error.value)


def test_a_ros1_profile_is_named(whole, tmp_path):
    def edit(code, content):
        return mcap.text("ros1") + mcap.text("x") if code == mcap.HEADER else content

    path = tmp_path / "ros1.mcap"
    path.write_bytes(mcap.rebuilt(whole[0].read_bytes(), edit))
    with pytest.raises(BagError, match=r"ROS 1 messages.*rosbags-convert") as error:
        BagReader(path)
    assert "damaged" not in str(error.value)


def bomb(size):
    """Some kilobytes of zstd that unpack to so many zeros."""
    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_message_that_unpacks_to_gigabytes_is_refused(tmp_path, storage):
    with recording(tmp_path / "bag", storage=storage) as bag:
        bag.raw(OTHER, messages.COMPRESSED_IMAGE, JPEG, START)
        packed = bomb(unpacking.MOST_MESSAGE + (1 << 20))
        bag.raw(OTHER, messages.COMPRESSED_IMAGE, packed, START + 1)
    reading = BagReader(tmp_path / "bag").messages([OTHER])
    assert next(reading).data == JPEG
    with pytest.raises(BagError, match=f"on {OTHER} is refused: .* more than 256 MiB"):
        next(reading)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_that_unpacks_to_more_than_it_says_is_refused(tmp_path, compression):
    lz4 = pytest.importorskip("lz4.frame")
    content = mcap.message(1, START, JPEG)
    zeros = bytes(64 << 20)
    packed = zstd.compress(zeros) if compression == "zstd" else lz4.compress(zeros)
    body = mcap.chunk(START, content, compression, packed)
    bare = mcap.file_of([(OTHER, messages.COMPRESSED_IMAGE, "cdr", [])])
    end = bare.index(mcap.record(mcap.DATA_END, bytes(4)))
    path = tmp_path / "bomb.mcap"
    path.write_bytes(bare[:end] + mcap.record(mcap.CHUNK, body) + bare[end:])
    with pytest.raises(BagError, match="a chunk is refused"):
        BagReader(path)
    honest = struct.pack("<QQQI", START, START, 1 << 40, 0) + body[28:]
    path.write_bytes(bare[:end] + mcap.record(mcap.CHUNK, honest) + bare[end:])
    with pytest.raises(BagError, match="says that it unpacks to 1048576 MiB"):
        BagReader(path)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_what_is_packed_in_frames_without_end_is_refused(compression):
    # Each costs a copy of all that follow: ten megabytes of them would take a quarter of an hour.
    lz4 = pytest.importorskip("lz4.frame")
    frame = zstd.compress(b"a") if compression == "zstd" else lz4.compress(b"a")
    assert unpacking.unpack(frame * 100, compression, 1000) == b"a" * 100
    with pytest.raises(ValueError, match="in more than 100 frames"):
        unpacking.unpack(frame * 101, compression, 1000)


@pytest.mark.parametrize("what", ["description", "chunk", "message"])
def test_records_that_say_they_are_huge_are_refused_unread(tmp_path, what):
    bare = mcap.file_of([(OTHER, messages.COMPRESSED_IMAGE, "cdr", [])])
    at, size = bare.index(mcap.record(mcap.DATA_END, bytes(4))), 1 << 40
    code, begin = {
        "description": (mcap.STATISTICS, b""),
        "chunk": (
            mcap.CHUNK,
            struct.pack("<QQQI", 0, 9, 10, 0) + mcap.text("zstd") + struct.pack("<Q", size - 44),
        ),
        "message": (mcap.MESSAGE, struct.pack("<HIQQ", 1, 0, 5, 5)),
    }[what]
    path = tmp_path / "sparse.mcap"
    with path.open("wb") as file:
        file.write(bare[:at] + struct.pack("<BQ", code, size) + begin)
        try:
            file.seek(at + 9 + size)
            file.write(bare[at:])
        except OSError as error:
            pytest.skip(f"no sparse files here: {error}")
    with pytest.raises(BagError, match=r"1048576 MiB|1048575 MiB"):
        list(BagReader(path).messages([OTHER]))


@pytest.mark.parametrize(
    "made",
    [
        "CREATE VIEW messages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x AS id, 1 AS topic_id, x AS timestamp, x'00' AS data FROM n",
        "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, "
        "data BLOB GENERATED ALWAYS AS (zeroblob(900000000)))",
    ],
    ids=["view", "generated column"],
)
def test_messages_that_a_database_makes_up_are_not_read(tmp_path, made):
    # The view is endless, and no signal ends SQLite's loop over it.
    folder = write(tmp_path / "bag", storage="sqlite3")
    with sqlite3.connect(folder / "bag.db3") as base:
        base.execute("DROP TABLE messages")
        base.execute(made)
    base.close()
    with pytest.raises(BagError, match="no table of messages"):
        BagReader(folder)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "ANY_FILE", 8 << 20)
    path = tmp_path / "bomb.mcap.zstd"
    path.write_bytes(bomb(64 << 20))
    with pytest.raises(BagError, match="bytes unpack to more than 8 MiB"):
        BagReader(path)


def test_unpacking_leaves_room_in_the_temporary_folder(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: usage(9, 9, 10 << 20))
    path = tmp_path / "large.mcap.zstd"
    path.write_bytes(bomb(64 << 20))
    with pytest.raises(BagError, match="of which 9 MiB may be used; set TMPDIR"):
        BagReader(path)


ANCHORS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20000,
        ANCHORS + "rosbag2_bagfile_information: {relative_file_paths: *i}",
        "a: &a [*a]",
        "rosbag2_bagfile_information: {relative_file_paths: [[x]]}",
        "rosbag2_bagfile_information: 5",
        "\x00",
    ],
    ids=["nested", "anchors", "circle", "list", "number", "zero"],
)
def test_an_index_that_is_a_trap_is_told_of_and_the_files_are_read(tmp_path, text):
    folder = write(tmp_path / "bag")
    (folder / METADATA).write_text(text)
    reader, found = read(folder)
    assert len(found) == 2 * FRAMES
    assert f"{METADATA} is damaged" in reader.warnings[0]


def test_a_path_in_the_index_leads_nowhere_else(tmp_path):
    folder = write(tmp_path / "bag")
    index = folder / METADATA
    index.write_text(index.read_text().replace("- bag.mcap", "- ../../../etc/passwd"))
    with pytest.raises(BagError, match="lacks passwd"):
        BagReader(folder)
