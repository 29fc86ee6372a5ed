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

"""``fer-ros read --jobs`` ends by Ctrl-C as one process does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from command_processes import loading_worker, start_command
from reading_samples import FAST, rows_of

from fer_ros.reading.drawing import DrawnVideo
from fer_ros.reading.finding import find_sources
from fer_ros.reading.reader import Reader
from fer_ros.reading.recordings import Part
from fer_ros.reading.work import Work, Worker


@pytest.mark.parametrize("whole", [True, False], ids=["ctrl-c", "one process"])
def test_an_interrupt_leaves_the_partial_table_and_no_traceback(
    photos: Path, tmp_path: Path, whole: bool
) -> None:
    table = tmp_path / "t.csv"
    command = start_command("read", photos, "--out", table, "--jobs", "2", *FAST)
    worker = loading_worker(command)
    if whole:
        os.killpg(command.pid, signal.SIGINT)
    else:  # it ends before the parent knows of an interrupt
        worker.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert [line.partition(":")[0] for line in said.splitlines()] == ["fer-ros read"] * 2, said
    assert "repeat the command with --resume" in said
    assert rows_of(tmp_path / "t.partial.csv") == []


def test_a_worker_that_dies_is_an_error(photos: Path, tmp_path: Path) -> None:
    command = start_command("read", photos, "--out", tmp_path / "t.csv", "--jobs", "2", *FAST)
    loading_worker(command).kill()
    _, said = command.communicate(timeout=60)
    assert command.returncode == 2
    assert "a process ended with status -9" in said
    assert not list(tmp_path.iterdir())


def test_a_worker_that_is_interrupted_leaves_the_frames_that_it_drew(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, drawn = DrawnVideo.add, []

    def interrupted(self: DrawnVideo, reading: object) -> None:
        if len(drawn) == 4:
            raise KeyboardInterrupt
        drawn.append(reading)
        original(self, reading)

    monkeypatch.setattr(DrawnVideo, "add", interrupted)
    work = Work(Part(0.0, 0.0, float("inf")), drawn=tmp_path)
    worker = Worker(Reader(models="fer-lite", detector="fer-face"), work)
    with pytest.raises(KeyboardInterrupt):
        list(worker.read(0, find_sources([str(film)])[0]))
    (left,) = tmp_path.iterdir()
    assert left.name == "talk.partial.mp4"
    reader = Reader(models="fer-lite", detector="fer-face")
    assert len(list(reader.read_video(left))) == 4
