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

"""The music player with the real mpv, which plays into nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from rooms import Room, song
from support import wait_for

from fer_ros.behaviors.music import Options


@pytest.fixture
def mpv():
    if shutil.which("mpv") is None:
        pytest.skip("needs mpv (sudo apt-get install mpv)")


@pytest.fixture
def room(mpv):
    rooms = []

    def enter(library: Path, **options: object) -> Room:
        rooms.append(Room(library, **options))
        return rooms[-1]

    yield enter
    for each in rooms:
        each.close()


@pytest.fixture
def library(tmp_path) -> Path:
    for mood in ("happy", "sad"):
        for number in (1, 2):
            song(tmp_path / mood / f"{mood}{number}.wav")
    return tmp_path


def test_the_expression_chooses_the_song(room, library):
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    wait_for(lambda: here.property("time-pos") is not None)
    wait_for(lambda: abs(here.property("volume") - 70) < 0.01)
    here.show("end", "happy")
    here.show("start", "sad")
    here.plays("sad1.wav")
    here.show("end", "sad")
    here.show("start", "happy")
    here.plays("happy2.wav")
    assert here.player.health() == ""


def test_a_change_fades(room, library):
    here = room(library, fade=1.0)
    here.show("start", "happy")
    here.plays("happy1.wav")
    volumes = [here.property("volume")]
    wait_for(lambda: volumes.append(here.property("volume")) or volumes[-1] == 70)
    assert volumes[0] < 70
    assert volumes == sorted(volumes)
    here.show("end", "happy")
    here.show("start", "sad")
    falling = [70.0]
    wait_for(lambda: falling.append(here.property("volume")) or here.playing == "sad1.wav")
    assert min(falling) < 70


def test_a_song_plays_for_its_minimum_time(room, library):
    here = room(library, minimum_play=1.0, fade=0.0)
    start = time.monotonic()
    here.show("start", "happy")
    here.plays("happy1.wav")
    here.show("end", "happy")
    here.show("start", "sad")
    here.plays("sad1.wav")
    assert time.monotonic() - start >= 1.0


def test_a_mood_that_is_over_before_changes_nothing_and_the_song_ends_by_itself(room, tmp_path):
    song(tmp_path / "happy" / "short.wav", 0.5)
    song(tmp_path / "sad" / "sad.wav")
    here = room(tmp_path, minimum_play=60.0)
    here.show("start", "happy")
    here.plays("short.wav")
    here.show("end", "happy")
    here.show("start", "sad")
    here.show("end", "sad")
    here.plays("")
    assert here.heard == ["short.wav", ""]


def test_songs_follow_while_the_mood_goes_on(room, tmp_path):
    for name in "abc":
        song(tmp_path / "happy" / f"{name}.wav", 0.3)
    here = room(tmp_path)
    here.show("start", "happy")
    wait_for(
        lambda: [name for name in here.heard if name][:4] == ["a.wav", "b.wav", "c.wav", "a.wav"]
    )


def test_a_persons_stop_wins(room, library):
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    here.enable(False)
    here.plays("")
    here.show("end", "happy")
    here.show("start", "sad")
    time.sleep(0.3)
    assert here.playing == ""
    here.graph.call_set_bool("/music_player/enable", True)
    here.plays("sad1.wav")


@pytest.mark.parametrize("words", [("stop",), ("quit",)])
def test_mpv_stopped_or_quit_by_hand_is_a_persons_stop(room, library, words):
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    here.player._mpv.command(*words)
    here.plays("")
    here.show("start", "sad")
    time.sleep(0.3)
    assert here.playing == ""
    here.enable(True)
    here.plays("sad1.wav")


def test_a_stop_that_comes_with_a_song_is_a_persons_stop(room, library, monkeypatch):
    """Mpv tells of no end then, as it has begun nothing."""
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    here.enable(False)
    here.plays("")
    wait_for(lambda: here.property("idle-active"))
    sent = socket.socket.sendall

    def with_stop(connection: socket.socket, data: bytes) -> None:
        stop = b'{"command": ["stop"]}\n' if b"loadfile" in data else b""
        sent(connection, data + stop)

    monkeypatch.setattr(socket.socket, "sendall", with_stop)
    here.enable(True)
    wait_for(lambda: here.heard == ["happy1.wav", "", "happy2.wav", ""])
    monkeypatch.undo()
    here.enable(True)
    here.plays("happy1.wav")


def test_mpv_paused_by_hand_waits_for_the_hand(room, library):
    here = room(library, fade=0.0)
    here.show("start", "happy")
    here.plays("happy1.wav")
    here.player._mpv.command("set_property", "pause", True)
    wait_for(lambda: here.player._paused)
    here.show("start", "sad")
    time.sleep(0.3)
    assert here.playing == "happy1.wav"
    here.player._mpv.command("set_property", "pause", False)
    here.plays("sad1.wav")


def test_mpv_killed_comes_back(room, library):
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    killed = here.player._mpv.pid
    os.kill(killed, signal.SIGKILL)
    here.plays("happy2.wav")
    assert here.player._mpv.pid != killed
    assert here.player.health() == ""


def test_mpv_killed_again_and_again_is_given_up_until_a_person_asks(room, library):
    here = room(library)
    here.show("start", "happy")
    for _ in range(4):
        wait_for(lambda: here.player._mpv is not None and here.playing)
        os.kill(here.player._mpv.pid, signal.SIGKILL)
        here.plays("")
    wait_for(lambda: "again and again" in here.player.health())
    here.enable(True)
    wait_for(lambda: here.playing)
    assert here.player.health() == ""


def test_a_broken_file_is_named_and_the_next_one_plays(room, tmp_path, caplog):
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "a.mp3").write_bytes(b"no music" * 100)
    song(tmp_path / "happy" / "b.wav")
    here = room(tmp_path)
    with caplog.at_level("WARNING"):
        here.show("start", "happy")
        here.plays("b.wav")
    assert "a.mp3 cannot be played" in caplog.text
    here.close()


def test_nothing_but_broken_files_is_said_once(room, tmp_path):
    (tmp_path / "happy").mkdir()
    for name in "ab":
        (tmp_path / "happy" / f"{name}.mp3").write_bytes(b"no music" * 100)
    here = room(tmp_path)
    here.show("start", "happy")
    wait_for(lambda: "can be played" in here.player.health())
    assert str(tmp_path / "happy") in here.player.health()
    song(tmp_path / "sad" / "sad.wav")
    here.show("start", "sad")
    here.plays("sad.wav")
    assert here.player.health() == ""


def test_a_missing_or_empty_folder_is_named_and_the_robot_lives_on(room, library):
    (library / "fear").mkdir()
    (library / "fear" / "._a.mp3").write_bytes(b"\0\5\x16\7")  # left there by macOS
    here = room(library)
    for mood, said in (("angry", "there is no folder"), ("fear", "has no songs")):
        here.show("start", mood)
        wait_for(lambda said=said: said in here.player.health())
    here.show("start", "happy")
    here.plays("happy1.wav")


def test_without_mpv_that_is_said_and_how_to_get_it(tmp_path):
    song(tmp_path / "happy" / "a.wav", 0.1)
    here = Room(tmp_path, mpv="mpv-that-is-not-there")
    try:
        here.show("start", "happy")
        wait_for(lambda: "apt-get install mpv" in here.player.health())
        here.show("start", "sad")
        wait_for(lambda: "no folder" in here.player.health())
    finally:
        here.close()


def test_the_end_ends_mpv_and_leaves_nothing(room, library):
    here = room(library)
    here.show("start", "happy")
    here.plays("happy1.wav")
    process, folder = here.player._mpv._process, here.player._mpv._folder
    here.close()
    assert process.poll() is not None
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "'library' is missing"),
        ({"library": 3}, "'library' must be a string"),
        ({"library": "a", "fade": "long"}, "'fade' must be a number"),
        ({"library": "a", "fade": float("nan")}, "'fade' must lie in"),
        ({"library": "a", "volume": 130}, "'volume' must lie in 0..100"),
        ({"library": "a", "mpv_options": "--ao=null"}, "must be a list"),
        ({"library": "a", "libary": "b"}, "unknown option 'libary'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Options.of(options)
