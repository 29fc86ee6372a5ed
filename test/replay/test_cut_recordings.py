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

"""Recordings cut by a power loss: whole messages are read, and the end is named everywhere."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest
from bags import CAMERA, START, blank, one_actor, recording, scene_bag

from fer_ros.transport.bag import BagError, BagReader

FRAMES = 12


def write(folder, **options):
    with recording(folder, **options) as bag:
        for index in range(FRAMES):
            bag.image(blank(index), START + index, CAMERA)
    return folder


def data_file(folder):
    (path,) = (p for p in folder.iterdir() if p.name.startswith(f"{folder.name}."))
    return path


def shorten(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def read(path):
    reader = BagReader(path)
    return reader, [message.time_ns - START for message in reader.messages([CAMERA])]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """By form, a recording and what it holds."""
    folder = tmp_path_factory.mktemp("whole")
    forms = {
        "mcap": {}, "chunked": {"compression": "storage"}, "message": {"compression": "message"},
        "sqlite3": {"storage": "sqlite3"},
    }  # fmt: skip
    made = {}
    for name, options in forms.items():
        bag = write(folder / name, **options)
        made[name] = bag, [m.data for m in BagReader(bag).messages([CAMERA])]
    return made


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("tail", [0, 5000], ids=["cut", "zeros"])
@pytest.mark.parametrize("form", ["mcap", "chunked", "message", "sqlite3"])
def test_whole_messages_are_read(whole, tmp_path, form, tail, share):
    folder, content = whole[form]
    folder = shutil.copytree(folder, tmp_path / form)
    (folder / "metadata.yaml").unlink()
    path = data_file(folder)
    shorten(path, share)
    path.write_bytes(path.read_bytes() + bytes(tail))
    reader = BagReader(folder)
    found = [message.data for message in reader.messages([CAMERA])]
    assert 0 < len(found) < FRAMES
    assert found == content[: len(found)]
    (cut,) = reader.cuts
    assert (cut.file, cut.messages) == (path.name, len(found))
    assert cut.last_ns == START + len(found) - 1
    assert str(cut) in reader.warnings
    assert f"{len(found)} whole message" in str(cut)


@pytest.mark.parametrize("content", [b"", bytes(4096)], ids=["empty", "zeros"])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_an_empty_last_split_keeps_the_others(tmp_path, storage, content):
    folder = write(tmp_path / "bag", storage=storage)
    path = data_file(folder)
    path.rename(folder / f"bag_0{path.suffix}")
    (folder / f"bag_1{path.suffix}").write_bytes(content)
    (folder / "metadata.yaml").write_bytes(b"")
    reader, found = read(folder)
    assert found == list(range(FRAMES))
    (cut,) = reader.cuts
    assert (cut.file, cut.messages, cut.last_ns) == (f"bag_1{path.suffix}", 0, None)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_packed_file_is_read_as_far_as_it_goes(tmp_path, storage):
    folder = tmp_path / "bag"
    with recording(folder, storage=storage, compression="file") as bag:
        for index in range(40):
            bag.image(blank(index, 640, 480), START + index, CAMERA)
    shorten(data_file(folder), 0.7)
    reader, found = read(folder)
    assert 10 < len(found) < 40
    assert found == list(range(len(found)))
    assert reader.cuts


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_with_its_journal(tmp_path, mode):
    folder = write(tmp_path / "bag", storage="sqlite3")
    path = folder / "bag.db3"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute(f"PRAGMA journal_mode={mode}")
    writer.execute("PRAGMA cache_size=1")  # so that changes reach the file before they are final
    writer.execute("BEGIN")
    more = "INSERT INTO messages SELECT id + 12, topic_id, timestamp + 12, data FROM messages"
    writer.execute(more)
    if mode == "WAL":
        writer.execute("COMMIT")
    crashed = shutil.copytree(folder, tmp_path / "crashed #1")
    writer.close()
    before = {file.name: file.read_bytes() for file in crashed.iterdir()}
    assert f"bag.db3-{'wal' if mode == 'WAL' else 'journal'}" in before
    reader, found = read(crashed)
    assert found == list(range(2 * FRAMES if mode == "WAL" else FRAMES))
    (cut,) = reader.cuts
    assert "journal" in cut.reason
    assert {file.name: file.read_bytes() for file in crashed.iterdir()} == before


@pytest.mark.parametrize("share", [0, 0.001, 0.01])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_nothing_whole_is_refused(tmp_path, storage, share):
    path = data_file(write(tmp_path / "bag", storage=storage))
    shorten(path, share)
    with pytest.raises(BagError, match="no whole message"):
        BagReader(path)


@pytest.mark.parametrize("name", ["drive #1", "what?", "50%25 light", "a&b=c", "ä 脸", "%"])
@pytest.mark.parametrize("form", ["plain", "file"])
def test_signs_in_paths(tmp_path, monkeypatch, name, form):
    odd = tmp_path / name
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    folder = write(tmp_path / "bag", storage="sqlite3", compression="file" * (form == "file"))
    folder = folder.rename(odd / "bag")
    assert read(folder)[1] == list(range(FRAMES))
    assert [entry.name for entry in odd.iterdir()] == ["bag"]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("beside", ["._{}", ".{}.partial", "{}.zstd", "._{}.zstd"])
def test_other_forms_beside_a_file(tmp_path, indexed, storage, beside):
    folder = write(tmp_path / "bag", storage=storage)
    packed = write(tmp_path / "packed" / "bag", storage=storage, compression="file")
    path = data_file(folder)
    copy = folder / beside.format(path.name)
    copy.write_bytes(b"\0\5\x16\7" + bytes(100))
    if beside == "{}.zstd":
        shutil.copy(data_file(packed), copy)
    if not indexed:
        (folder / "metadata.yaml").unlink()
    reader, found = read(folder)
    assert found == list(range(FRAMES))
    assert (copy.name in " ".join(reader.warnings)) == (beside == "{}.zstd")


@pytest.fixture(scope="module")
def cut_bag(tmp_path_factory):
    """Some 20 of 30 images of a happy face."""
    folder = scene_bag(tmp_path_factory.mktemp("cut") / "bag", one_actor(), 30)
    (folder / "metadata.yaml").unlink()
    shorten(data_file(folder), 0.7)
    return folder


@pytest.mark.parametrize(
    ("criterion", "result", "status"),
    [
        (None, "incomplete recording", 3),
        ("recording.frames: '> 5'", "incomplete recording", 3),
        ("recording.frames: '> 500'", "failed", 1),
    ],
)
def test_results_verdict_and_exit_status_say_so(
    command, cut_bag, tmp_path, capsys, criterion, result, status
):
    words = ["replay", cut_bag, "--out", tmp_path / "out"]
    if criterion:
        (tmp_path / "criteria.yaml").write_text(f"{criterion}\n")
        words += ["--criteria", tmp_path / "criteria.yaml"]
    assert command(*words) == status
    assert "cut short" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    (cut,) = metrics["recording"]["cuts"]
    assert cut["file"] == "bag.mcap"
    assert metrics["recording"]["frames"] < 30
    verdict = json.loads((tmp_path / "out/verdict.json").read_text())
    assert verdict["result"] == result
    assert verdict["passed"] is (False if status == 1 else None)
    assert any("bag.mcap is cut short" in text for text in verdict["shortfalls"])
    assert "cut short" in (tmp_path / "out/junit.xml").read_text()
    assert "cut short" in (tmp_path / "out/report.html").read_text()


def test_strict_refuses(command, cut_bag, tmp_path, capsys):
    assert command("replay", cut_bag, "--out", tmp_path / "out", "--strict") == 2
    assert "cut short" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    whole = scene_bag(tmp_path / "whole", one_actor(), 3)
    assert command("replay", whole, "--out", tmp_path / "out", "--strict") == 0
