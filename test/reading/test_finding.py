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

"""What the words of a command line name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fer_ros.reading.errors import ReadError
from fer_ros.reading.finding import Kind, find, find_sources

JPEG = b"\xff\xd8\xff\xe0 as good as any"


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.jpg", "a.png", "._a.png", ".hidden/c.jpg", "sub/d.TIFF", "sub/talk.MKV", "notes.md",
        "other/b.jpg", "bag/metadata.yaml", "bag/bag_0.mcap", "lone.mcap.zstd", "none/notes.md",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "picture").write_bytes(JPEG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str) -> list[tuple[str, Kind]]:
    return [(source.name, source.kind) for source in find_sources(words)]


def test_a_folder_stands_for_the_pictures_and_videos_below_it(things: Path) -> None:
    (things / "bag/metadata.yaml").unlink()
    (things / "bag/bag_0.mcap").unlink()
    os.mkfifo("sub/pipe.jpg")
    assert found(".") == [
        ("a.png", Kind.PICTURE), ("b.jpg", Kind.PICTURE), ("other/b.jpg", Kind.PICTURE),
        ("sub/d.TIFF", Kind.PICTURE), ("sub/talk.MKV", Kind.VIDEO),
    ]  # fmt: skip


def test_every_kind_is_told(things: Path) -> None:
    words = ("bag", "lone.mcap.zstd", "picture", "0", "notes.md")
    kinds = (Kind.RECORDING, Kind.RECORDING, Kind.PICTURE, Kind.WEBCAM, Kind.VIDEO)
    assert found(*words) == list(zip(words, kinds))


def test_what_looks_like_a_picture_and_is_left_out_of_a_folder_is_told(things: Path) -> None:
    for name in ("e.webp", "F.HEIC", "bag.csv", "._g.webp", ".h.bmp", "i.txt", "j.json"):
        (things / "sub" / name).write_bytes(b"")
    assert find(["sub"]).left_out == ["sub/F.HEIC", "sub/e.webp"]
    assert "2 files left out of folders: sub/F.HEIC, sub/e.webp; conv" in find(["sub"]).warning
    everything = find([".", "sub", "lone.mcap.zstd"])  # which is named, and so is read
    assert everything.left_out == ["bag/bag_0.mcap", "sub/F.HEIC", "sub/e.webp"]
    (things / "sub" / "k.avif").write_bytes(b"")
    warning = find([".", "lone.mcap.zstd"]).warning
    assert "bag/bag_0.mcap, sub/F.HEIC, sub/e.webp and 1 more; conv" in warning
    assert find(["other", "b.jpg", "bag"]).warning == ""


def test_globs_and_words_name_a_file_once(things: Path) -> None:
    assert found("*.png", "**/b.jpg", "a.png") == [
        ("a.png", Kind.PICTURE), ("b.jpg", Kind.PICTURE), ("other/b.jpg", Kind.PICTURE),
    ]  # fmt: skip


def test_each_source_has_a_place_of_its_own(things: Path) -> None:
    (things / "b.png").write_bytes(b"")
    places = [s.place for s in find_sources(["b.jpg", "other/b.jpg", "b.png", "sub"])]
    assert places == [Path(n) for n in ("b.jpg", "b-2.jpg", "b-3.png", "d.TIFF", "talk.MKV")]


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("", "a source has an empty name"),
        ("nowhere.mp4", "no picture, video, folder or recording at nowhere.mp4"),
        ("*.gif", r"no file matches '\*.gif'"),
        ("none", "none holds no pictures"),
        ("pipe", "pipe is neither a file nor a folder"),
        ("x.webp", "no JPEG, PNG or TIFF"),
    ],
)
def test_what_names_nothing_is_refused(things: Path, word: str, words: str) -> None:
    os.mkfifo("pipe")
    Path("x.webp").write_bytes(b"RIFF....WEBP")
    with pytest.raises(ReadError, match=words):
        find_sources([word])


def test_a_folder_of_other_pictures_names_them(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF....WEBP")
    with pytest.raises(ReadError, match=r"no videos; 1 file left out .*a\.webp; convert"):
        find([str(tmp_path)])


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.jpg")
    try:
        path.write_bytes(JPEG)
    except OSError:
        pytest.skip("this file system holds text only")
    (source,) = find_sources([str(tmp_path)])
    assert source.name.encode().endswith(b"\\xff.jpg")
    assert source.path.read_bytes() == JPEG
