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

"""The bag transport: every form of recording is read, and damaged ones are refused in words."""

from __future__ import annotations

import shutil

import pytest
from bags import CAMERA, PERIOD, START, blank, recording

from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagError, BagReader, BagWriter
from fer_ros.transport.bag.index import METADATA
from fer_ros.transport.base import Qos

FRAMES = 12


def write(folder, **options):
    with recording(folder, **options) as bag:
        for index in range(FRAMES):
            bag.image(blank(index), START + index * PERIOD)
            bag.image(blank(index), START + index * PERIOD, f"{CAMERA}/compressed")
    return folder


def contents(path):
    return [(m.topic, m.time_ns, m.data) for m in BagReader(path).messages([CAMERA])]


FORMS = [
    ("mcap", "", 9), ("mcap", "storage", 9), ("mcap", "message", 9), ("mcap", "file", 8),
    ("sqlite3", "", 8), ("sqlite3", "message", 9), ("sqlite3", "file", 9),
]  # fmt: skip


@pytest.mark.parametrize(("storage", "compression", "version"), FORMS)
def test_every_form_of_recording_holds_the_same(tmp_path, storage, compression, version):
    folder = write(tmp_path / "bag", storage=storage, compression=compression, version=version)
    reader = BagReader(folder)
    assert {t.name: (t.type_name, t.count) for t in reader.topics} == {
        CAMERA: (messages.IMAGE, FRAMES),
        f"{CAMERA}/compressed": (messages.COMPRESSED_IMAGE, FRAMES),
    }
    assert all(t.type_hash == codec.type_hash(t.type_name) for t in reader.topics)
    stamps = [START + index * PERIOD for index in range(FRAMES)]
    images = [messages.image(blank(i), stamp, "camera") for i, stamp in enumerate(stamps)]
    expected = [(CAMERA, stamp, codec.encode(m)) for stamp, m in zip(stamps, images)]
    assert contents(folder) == expected
    assert reader.warnings == []
    assert reader.count([CAMERA]) == FRAMES


@pytest.mark.parametrize(("storage", "compression", "version"), FORMS)
def test_without_its_index_a_recording_is_read_file_by_file(
    tmp_path, storage, compression, version
):
    folder = write(tmp_path / "bag", storage=storage, compression=compression, version=version)
    whole = contents(folder)
    (folder / METADATA).unlink()
    reader = BagReader(folder)
    assert "is missing" in reader.warnings[0]
    assert reader.count([CAMERA]) == FRAMES
    assert contents(folder) == whole
    assert contents(reader.files[0]) == whole


def test_files_of_a_split_recording_follow_in_order_of_number(tmp_path):
    folder = tmp_path / "bag"
    folder.mkdir()
    for number in (10, 9, 2):
        with recording(tmp_path / f"part_{number}") as bag:
            bag.image(blank(number), START + number)
        shutil.copy(tmp_path / f"part_{number}" / f"part_{number}.mcap", folder)
    assert [m.time_ns - START for m in BagReader(folder).messages([CAMERA])] == [2, 9, 10]


def test_a_damaged_index_is_told_and_the_files_are_read(tmp_path):
    folder = write(tmp_path / "bag")
    (folder / METADATA).write_text("rosbag2_bagfile_information: [")
    reader = BagReader(folder)
    assert "damaged" in reader.warnings[0]
    assert len(list(reader.messages([CAMERA]))) == FRAMES


def test_a_file_that_the_index_names_is_missing(tmp_path):
    folder = write(tmp_path / "bag")
    (folder / "bag.mcap").unlink()
    with pytest.raises(BagError, match=r"lacks bag\.mcap"):
        BagReader(folder)


@pytest.mark.parametrize("what", ["missing", "empty folder", "text", "empty.mcap"])
def test_what_is_no_recording_is_refused(tmp_path, what):
    path = tmp_path / what
    if what == "empty folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes(b"")
    with pytest.raises(BagError, match=str(tmp_path)):
        BagReader(path)


def test_digest_tells_contents_apart_and_not_places(tmp_path):
    one = write(tmp_path / "one")
    path = tmp_path / "elsewhere.mcap"
    shutil.copy(one / "one.mcap", path)
    assert BagReader(one).digest() == BagReader(path).digest()
    changed = bytearray(path.read_bytes())
    changed[1000] ^= 1
    path.write_bytes(changed)
    assert BagReader(one).digest() != BagReader(path).digest()


def test_what_is_written_can_be_read_with_types_and_hashes(tmp_path):
    writer = BagWriter(tmp_path / "out")
    writer.add_topic("/fer/emotions", messages.EMOTION_ARRAY, Qos(depth=10))
    writer.write("/fer/emotions", START, b"\0\1\0\0")
    writer.close()
    (topic,) = BagReader(tmp_path / "out").topics
    assert topic.type_name == messages.EMOTION_ARRAY
    assert topic.type_hash == codec.type_hash(messages.EMOTION_ARRAY)
    (message,) = BagReader(tmp_path / "out").messages(["/fer/emotions"])
    assert (message.time_ns, message.data) == (START, b"\0\1\0\0")
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path / "out")
