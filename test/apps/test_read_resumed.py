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
    assert list(tmp_path.iterdir()) == [table]
    assert "were read before" in capsys.readouterr().err


@pytest.mark.parametrize("part", [0.0, 0.45, 0.8, 1.0])
def test_what_a_killed_run_left_is_gone_on_with(
    photos: Path, tmp_path: Path, whole_table: bytes, part: float, after_events, monkeypatch
) -> None:
    table = tmp_path / "t.csv"

    class KilledError(BaseException):
        pass

    def die() -> None:
        (tmp_path / "note").write_bytes((tmp_path / "t.partial.json").read_bytes())
        raise KilledError

    after_events(1, die)
    with pytest.raises(KilledError):
        read(photos, "--out", table)
    (tmp_path / "note").rename(tmp_path / "t.partial.json")
    (tmp_path / "t.partial.csv").write_bytes(whole_table[: int(len(whole_table) * part)])
    monkeypatch.undo()
    assert read(photos, "--out", table, "--resume") == 0
    assert table.read_bytes() == whole_table
    assert list(tmp_path.iterdir()) == [table]


def test_a_run_is_not_gone_on_with_under_other_options(
    photos: Path, tmp_path: Path, after_events, capsys
) -> None:
    table = tmp_path / "t.jsonl"
    after_events(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert read(photos, "--out", table) == 130
    before = (tmp_path / "t.partial.jsonl").read_bytes()
    assert main(["read", str(photos), "--out", str(table), "--resume", *FAST, "-p",
                 "detection_size:=320"]) == 2  # fmt: skip
    assert "other options (parameters)" in capsys.readouterr().err
    assert (tmp_path / "t.partial.jsonl").read_bytes() == before


def test_an_interrupted_video_ends_whole_under_its_partial_name(
    film: Path, tmp_path: Path, after_events
) -> None:
    after_events(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert read(film, "--out", tmp_path / "t.csv", "--out", tmp_path / "t.mp4") == 130
    with av.open(str(tmp_path / "t.partial.mp4")) as container:
        frames = len(list(container.decode(video=0)))
    assert len(rows_of(tmp_path / "t.partial.csv")) == frames == 6
    names = {"t.partial.csv", "t.partial.mp4", "t.partial.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
