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

"""``fer-ros read`` that was interrupted or killed goes on, and ends as an unbroken run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from reading_samples import FAST, read, rows_of
from videos import av

from fer_ros.apps.cli import main
from fer_ros.reading.errors import ReadError

NOTE = "t.partial.options.json"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole_table(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    table = tmp_path_factory.mktemp("whole") / "t.csv"
    assert read(photos, "--out", table) == 0
    return table.read_bytes()


def test_an_interrupted_run_leaves_whole_rows_and_goes_on(
    photos: Path, tmp_path: Path, whole_table: bytes, after_events, capsys, monkeypatch
) -> None:
    table = tmp_path / "t.csv"
    after_events(6, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(photos, "--out", table) == 130
    monkeypatch.undo()
    assert not table.exists()
    left = rows_of(tmp_path / "t.partial.csv")
    assert 0 < len(left) < 6
    assert "--resume" in capsys.readouterr().err
    assert read(photos, "--out", table, "--resume") == 0
    assert table.read_bytes() == whole_table
    assert names(tmp_path) == {"t.csv"}
    assert "were read before" in capsys.readouterr().err


@pytest.mark.parametrize("part", [0.0, 0.45, 0.8, 1.0])
def test_what_a_killed_run_left_is_gone_on_with(
    photos: Path, tmp_path: Path, whole_table: bytes, part: float, after_events, monkeypatch
) -> None:
    table = tmp_path / "t.csv"

    class KilledError(BaseException):
        pass

    def die() -> None:
        (tmp_path / "note").write_bytes((tmp_path / NOTE).read_bytes())
        raise KilledError

    after_events(1, die)
    with pytest.raises(KilledError):
        read(photos, "--out", table)
    (tmp_path / "note").rename(tmp_path / NOTE)
    (tmp_path / "t.partial.csv").write_bytes(whole_table[: int(len(whole_table) * part)])
    monkeypatch.undo()
    assert read(photos, "--out", table, "--resume") == 0
    assert table.read_bytes() == whole_table
    assert names(tmp_path) == {"t.csv"}


def test_a_run_is_not_gone_on_with_under_other_options(
    photos: Path, tmp_path: Path, after_events, capsys
) -> None:
    table = tmp_path / "t.jsonl"
    after_events(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(photos, "--out", table) == 130
    before = contents(tmp_path)
    assert main(["read", str(photos), "--out", str(table), "--resume", *FAST, "-p",
                 "detection_size:=320"]) == 2  # fmt: skip
    assert "other options (parameters)" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_an_interrupted_video_ends_whole_under_its_partial_name(
    film: Path, tmp_path: Path, after_events
) -> None:
    after_events(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert read(film, "--out", tmp_path / "t.csv", "--out", tmp_path / "t.mp4") == 130
    with av.open(str(tmp_path / "t.partial.mp4")) as container:
        frames = len(list(container.decode(video=0)))
    assert len(rows_of(tmp_path / "t.partial.csv")) == frames == 6
    assert names(tmp_path) == {"t.partial.csv", "t.partial.mp4", NOTE}


def test_a_whole_table_is_not_gone_on_with_under_other_networks(
    photos: Path, tmp_path: Path, capsys
) -> None:
    line = ["read", str(photos), "--out", str(tmp_path / "t.csv")]
    assert main([*line, *FAST]) == 0
    before = contents(tmp_path)
    assert main([*line, "--resume", "--model", "fer-base", *FAST[2:]]) == 2
    assert "other networks" in capsys.readouterr().err
    assert contents(tmp_path) == before
    assert main([*line, "--resume", *FAST]) == 0
    assert "6 of 6 sources were read before" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_what_cannot_be_gone_on_with_is_left_as_it_is(photos: Path, tmp_path: Path, capsys) -> None:
    table = tmp_path / "t.csv"
    assert read(photos, "--out", table) == 0
    whole = table.read_bytes()
    table.write_bytes(whole.replace(b"5.png,0,", b"5.png,o,"))  # in an editor, say
    before = contents(tmp_path)
    assert read(photos, "--out", table, "--resume") == 2
    assert "t.csv cannot be read as a table" in capsys.readouterr().err
    assert contents(tmp_path) == before
    table.write_bytes(whole)
    assert read(photos, "--out", table, "--resume") == 0
    assert table.read_bytes() == whole


@pytest.mark.parametrize("error", [ReadError("full"), KeyError("bug"), KeyboardInterrupt()])
def test_a_resumed_run_that_fails_keeps_what_the_earlier_one_had(
    photos: Path, tmp_path: Path, whole_table: bytes, after_events, monkeypatch, error
) -> None:
    table = tmp_path / "t.csv"
    words = (photos, "--out", table, "--out", tmp_path / "u.jsonl")
    after_events(6, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(*words) == 130
    monkeypatch.undo()
    before = contents(tmp_path)
    assert len(before) == 4

    def fail() -> None:
        raise error

    after_events(3, fail)
    assert read(*words, "--resume") in (2, 130)
    monkeypatch.undo()
    assert contents(tmp_path) == before
    assert read(*words, "--resume") == 0
    assert table.read_bytes() == whole_table


def test_bad_pictures_that_are_left_cost_no_earlier_rows(
    photos: Path, tmp_path: Path, after_events, monkeypatch, capsys
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for name in ("0.png", "2.png", "4.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    (folder / "9.png").write_text("no picture")
    table = out / "t.csv"
    after_events(5, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(folder, "--out", table) == 130
    assert "holds the 3 rows so far" in capsys.readouterr().err
    monkeypatch.undo()
    (folder / "4.png").write_text("no picture any more")
    assert read(folder, "--out", table, "--resume") == 2
    assert [Path(row["source"]).name for row in rows_of(table)] == ["0.png", "2.png"]
    assert names(out) == {"t.csv"}


@pytest.mark.parametrize("earlier", [2, 4])
def test_of_two_killed_runs_the_one_that_came_further_is_gone_on_with(
    photos: Path,
    tmp_path: Path,
    whole_table: bytes,
    after_events,
    monkeypatch,
    capsys,
    earlier: int,
) -> None:
    table = tmp_path / "t.csv"
    after_events(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(photos, "--out", table) == 130
    monkeypatch.undo()
    capsys.readouterr()
    lines = whole_table.splitlines(keepends=True)
    (tmp_path / "t.earlier.csv").write_bytes(b"".join(lines[: 1 + earlier]))
    (tmp_path / "t.partial.csv").write_bytes(b"".join(lines[: 1 + 3]))
    assert read(photos, "--out", table, "--resume") == 0
    assert f"{max(earlier, 3) - 1} of 6 sources were read before" in capsys.readouterr().err
    assert table.read_bytes() == whole_table
    assert names(tmp_path) == {"t.csv"}


def test_a_run_that_begins_anew_forgets_what_killed_ones_left(
    photos: Path, tmp_path: Path, whole_table: bytes
) -> None:
    table = tmp_path / "t.csv"
    (tmp_path / "t.earlier.csv").write_text("of other options")
    assert read(photos, "--out", table, "--overwrite") == 0
    assert names(tmp_path) == {"t.csv"}
    assert read(photos, "--out", table, "--resume") == 0
    assert table.read_bytes() == whole_table


def test_of_two_tables_the_fuller_one_is_gone_on_with(
    photos: Path, tmp_path: Path, whole_table: bytes, after_events, monkeypatch, capsys
) -> None:
    words = (photos, "--out", tmp_path / "u.jsonl", "--out", tmp_path / "t.csv")
    after_events(6, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(*words) == 130
    monkeypatch.undo()
    (tmp_path / "u.partial.jsonl").write_text("")  # of a kind that a kill leaves unreadable, say
    capsys.readouterr()
    assert read(*words, "--resume") == 0
    assert "sources were read before" in capsys.readouterr().err
    assert (tmp_path / "t.csv").read_bytes() == whole_table
    assert names(tmp_path) == {"t.csv", "u.jsonl"}


def test_rows_of_sources_that_are_not_named_any_more_stay(
    photos: Path, film: Path, tmp_path: Path, capsys
) -> None:
    table = tmp_path / "t.csv"
    assert read(photos / "sub", "--out", table) == 0
    before = rows_of(table)
    assert read(film, "--out", table, "--resume") == 0
    assert "3 sources that are not named now keep their rows" in capsys.readouterr().err
    assert rows_of(table)[:3] == before
    assert len(rows_of(table)) == 3 + 10
    assert read(photos, "--out", table, "--resume") == 0
    assert "3 of 6 sources were read before" in capsys.readouterr().err
    assert {row["source"] for row in rows_of(table)} == {
        str(film),
        *map(str, photos.rglob("*.png")),
    }


def test_a_summary_of_the_tables_name_leaves_its_options(
    film: Path, tmp_path: Path, after_events, monkeypatch
) -> None:
    growing, table = tmp_path / "growing.mp4", tmp_path / "t.csv"
    growing.write_bytes(film.read_bytes())
    words = (growing, "--out", table, "--summary", tmp_path / "t.json", "--resume")
    after_events(3, lambda: growing.write_bytes(film.read_bytes() + b"more"))
    assert read(*words) == 2
    monkeypatch.undo()
    assert names(tmp_path) == {"growing.mp4", "t.partial.csv", NOTE, "t.json"}
    assert read(*words) == 0
    assert names(tmp_path) == {"growing.mp4", "t.csv", "t.json"}


def test_a_table_leaves_the_options_of_another_that_was_interrupted(
    photos: Path, tmp_path: Path, after_events, monkeypatch
) -> None:
    after_events(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(photos, "--out", tmp_path / "t.jsonl") == 130
    monkeypatch.undo()
    assert read(photos, "--out", tmp_path / "t.csv") == 0
    assert names(tmp_path) == {"t.csv", "t.partial.jsonl", NOTE}
    assert read(photos, "--out", tmp_path / "t.jsonl", "--resume") == 0
    assert names(tmp_path) == {"t.csv", "t.jsonl"}
