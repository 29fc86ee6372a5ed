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

"""The music ends with what plays it, and a person's own settings of mpv do not silence it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rooms import Room, song
from support import wait_for

from fer_ros.behaviors.mpv import Mpv, MpvError

PLAYER = """#!{python}
import json, os, signal, socket, sys, time
kind, place = "{kind}", sys.argv[-1].split("=", 1)[1]
if kind == "deaf":
    time.sleep(600)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.socket(socket.AF_UNIX)
server.bind(place)
server.listen()
client, _ = server.accept()
while kind == "flood":
    client.sendall(b"x" * 65536)
while kind == "events":
    client.sendall(b'{{"event": "idle"}}\\n' * 1000)
while kind == "reads nothing":
    time.sleep(600)
for line in client.makefile():
    sent = json.loads(line)
    if kind == "good":
        reply = {{"request_id": sent["request_id"], "error": "success", "data": 1}}
        client.sendall(json.dumps(reply).encode() + b"\\n")
time.sleep(600)
"""
"""Takes the place of mpv: answers in its protocol or misbehaves, and never ends by itself."""


@pytest.fixture
def player(tmp_path):
    def make(kind: str) -> str:
        path = tmp_path / "player"
        path.write_text(PLAYER.format(python=sys.executable, kind=kind), encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


def running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_a_player_ends_with_its_parent_whatever_ends_that(player, how):
    script = (
        "import sys, time; from fer_ros.behaviors.mpv import Mpv\n"
        "print(Mpv(lambda event: None, sys.argv[1]).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, player("good")], stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        assert running(child)
        parent.send_signal(how)
        parent.wait()
        wait_for(lambda: not running(child))


@pytest.mark.parametrize("kind", ["deaf", "mute", "flood", "events", "reads nothing"])
def test_a_player_that_misbehaves_does_not_hold_up_the_end(player, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    song(tmp_path / "happy" / "a.wav", 0.1)
    room = Room(tmp_path, mpv=player(kind))
    room.show("start", "happy")
    wait_for(lambda: list(tmp_path.glob("fer_ros_mpv_*")))
    time.sleep(0.3)
    start = time.monotonic()
    room.close()
    assert time.monotonic() - start < 8
    assert not room.player._thread.is_alive()
    assert not list(tmp_path.glob("fer_ros_mpv_*"))


def test_a_line_without_end_is_not_kept(player):
    heard = []
    flood = Mpv(heard.append, player("flood"))
    try:
        wait_for(lambda: heard == [{"event": "gone"}])
        wait_for(lambda: flood.exit_status() is not None)
        with pytest.raises(MpvError, match="gone"):
            flood.command("stop")
    finally:
        flood.close()


def test_waiting_for_a_response_ends_with_the_player(player):
    ending = threading.Event()
    mute = Mpv(lambda event: None, player("mute"), ending=ending)
    threading.Timer(0.2, ending.set).start()
    start = time.monotonic()
    with pytest.raises(MpvError, match="does not respond"):
        mute.command("stop")
    assert time.monotonic() - start < 4
    mute.close()
    assert not running(mute.pid)


@pytest.mark.parametrize(
    "settings",
    ["keep-open=yes", "pause=yes", "loop-file=inf", "loop-playlist=inf", "idle=no",
     "length=0.1\nend=0.01", "input-ipc-server=/nowhere/x", "script={folder}/quit.lua",
     "include={folder}/more.conf"],
)  # fmt: skip
def test_a_persons_settings_of_mpv_change_nothing(tmp_path, monkeypatch, settings):
    if shutil.which("mpv") is None:
        pytest.skip("needs mpv (sudo apt-get install mpv)")
    home = tmp_path / "home"
    (home / "scripts").mkdir(parents=True)
    (home / "quit.lua").write_text('mp.command("quit 3")', encoding="utf-8")
    shutil.copy(home / "quit.lua", home / "scripts" / "quit.lua")
    (home / "more.conf").write_text("pause=yes\n", encoding="utf-8")
    (home / "mpv.conf").write_text(settings.format(folder=home), encoding="utf-8")
    monkeypatch.setenv("MPV_HOME", str(home))
    for number in (1, 2, 3):
        song(tmp_path / "happy" / f"{number}.wav", 0.3)
    room = Room(tmp_path, mpv_options=["--ao=null"])
    try:
        room.show("start", "happy")
        wait_for(lambda: [name for name in room.heard if name][:3] == ["1.wav", "2.wav", "3.wav"])
        assert room.player.health() == ""
    finally:
        room.close()


def test_options_of_the_rule_file_cannot_silence_it_either(tmp_path):
    if shutil.which("mpv") is None:
        pytest.skip("needs mpv (sudo apt-get install mpv)")
    for number in (1, 2):
        song(tmp_path / "happy" / f"{number}.wav", 0.3)
    room = Room(tmp_path, mpv_options=["--ao=null", "--keep-open=always", "--pause"])
    try:
        room.show("start", "happy")
        wait_for(lambda: [name for name in room.heard if name][:2] == ["1.wav", "2.wav"])
    finally:
        room.close()


@pytest.mark.parametrize("mood", ["../other", "/etc", "a/b", "..", ""])
def test_a_class_that_is_no_name_of_a_folder_plays_nothing(tmp_path, mood):
    song(tmp_path / "other" / "a.wav", 0.1)
    (tmp_path / "library").mkdir()
    room = Room(tmp_path / "library", mpv=os.devnull)
    try:
        room.show("start", mood)
        wait_for(lambda: "no name of a folder" in room.player.health())
    finally:
        room.close()
