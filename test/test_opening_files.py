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

"""Files that people name: pipes, devices, sockets and endless ones neither hang nor fill memory."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from fer_ros import files
from fer_ros.apps.cli import main as fer_ros
from fer_ros.behaviors.rule_files import RuleError, read_rules
from fer_ros.perception.errors import ModelError
from fer_ros.perception.onnx_file import read_properties
from fer_ros.reading import tables
from fer_ros.reading.errors import ReadError
from fer_ros.replay import records
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge import baseline, criteria
from fer_ros.replay.read.label_files import LabelError, read_rows
from fer_ros.sources.errors import CameraError
from fer_ros.sources.pictures import read_picture
from fer_ros.transport.bag import BagError, BagReader
from fer_ros.transport.bounded_parsing import DocumentError, read_text
from fer_ros.transport.parameter_files import ParameterFileError, read_parameters


def pipe(folder: Path, name: str = "x") -> Path:
    os.mkfifo(folder / name)
    return folder / name


def listening(folder: Path, name: str = "x") -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / name))
    return folder / name


def endless(folder: Path, name: str = "x") -> Path:
    (folder / name).symlink_to("/dev/zero")
    return folder / name


def directory(folder: Path, name: str = "x") -> Path:
    (folder / name).mkdir()
    return folder / name


SPECIAL = {pipe: "a pipe", listening: "a socket", endless: "a character device"}

READERS = {
    "rules": (read_rules, "x.yaml", RuleError),
    "parameters": (read_parameters, "x.yaml", ParameterFileError),
    "criteria": (criteria.load, "x.yaml", ReplayError),
    "baseline": (baseline.load, "metrics.json", ReplayError),
    "labels": (lambda path: list(read_rows(path)), "x.csv", LabelError),
    "labels in lines": (lambda path: list(read_rows(path)), "x.jsonl", LabelError),
    "document": (read_text, "x.yaml", DocumentError),
    "record lines": (lambda path: list(records.read_lines(path, int)), "x.jsonl", ReplayError),
    "network": (read_properties, "x.onnx", ModelError),
    "digest": (files.sha256_of, "x", files.FileError),
    "picture": (read_picture, "x.png", CameraError),
    "recording": (BagReader, "x.mcap", BagError),
    "table": (lambda path: list(tables.read_rows(path, ("happy",))), "x.csv", ReadError),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("special", SPECIAL)
def test_readers_say_what_is_no_file_at_once(tmp_path, special, reader):
    read, name, error = READERS[reader]
    path = special(tmp_path, name)
    with pytest.raises(error, match=f"it is {SPECIAL[special]}, not a file"):
        read(path)


@pytest.mark.parametrize("special", [*SPECIAL, directory])
def test_nothing_but_files_is_opened(tmp_path, special):
    path = special(tmp_path)
    for read in (files.open_file, files.regular, files.read_bytes, files.read_text):
        with pytest.raises(files.FileError, match="not a file") as caught:
            read(path)
        assert caught.value.strerror == str(caught.value)
    with pytest.raises(FileNotFoundError):
        files.open_file(tmp_path / "absent")


def test_a_pipe_that_takes_a_files_place_is_refused(tmp_path, monkeypatch):
    path = pipe(tmp_path)
    monkeypatch.setattr(files, "regular", Path)
    with pytest.raises(files.FileError, match="a pipe"):
        files.open_file(path)


def test_a_file_of_any_size_takes_no_more_than_its_bound(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(files.FileError, match="larger than 16 MiB"):
        files.read_text(large)
    with pytest.raises(RuleError, match=r"larger than 3\.81 MiB"):
        read_rules(large)
    large.write_bytes(b"\xef\xbb\xbfa\xc3\xa9")
    assert files.read_text(large, 6) == "aé"
    with pytest.raises(files.FileError, match="larger"):
        files.read_bytes(large, 5)


def test_a_file_that_grows_while_it_is_read_is_bounded(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"x")
    stop = threading.Event()

    def grow() -> None:
        with path.open("ab", 0) as file:
            while not stop.is_set():
                file.write(b"x" * 65536)
                if file.tell() > 64 << 20:
                    return

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        while path.stat().st_size <= 1 << 20:
            pass
        with pytest.raises(files.FileError, match="larger than 1 MiB"):
            files.read_bytes(path, 1 << 20)
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    "command",
    [
        ["behave", "{}"],
        ["behave", "greeter", "--bag", "{}"],
        ["behave", "greeter", "--bag", "{bag}", "--expect", "{}"],
        ["run", "--ros-args", "--params-file", "{}"],
        ["run", "--ros-args", "-p", "models:=['{}']"],
        ["replay", "{}", "--out", "{out}"],
        ["camera", "--source", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("special", [pipe, endless])
def test_commands_end_at_once_with_a_line(tmp_path, capfd, command, special):
    path = special(tmp_path, "special.csv")
    words = [word.format(path, out=tmp_path / "out", bag=tmp_path / "bag") for word in command]
    assert fer_ros(words) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert str(path) in said[0] or str(path.resolve()) in said[0]


def test_hidden_files_are_not_listed(tmp_path):
    for name in ("b.jpg", "a.jpg", "._a.jpg", ".hidden.jpg", "a.txt", "in/c.jpg", "in/._c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in files.listed(tmp_path, "*.jpg")] == ["a.jpg", "b.jpg"]
    assert [path.name for path in files.listed(tmp_path, "**/*.jpg")] == ["a.jpg", "b.jpg", "c.jpg"]
