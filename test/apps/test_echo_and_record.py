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

"""``fer-ros echo`` and ``record`` beside a camera and the node, as three terminals have them."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from robot_processes import CAMERA, domain_of_its_own, start_node

from fer_ros.apps.children import Child
from fer_ros.apps.cli import main
from fer_ros.apps.record import Recorder
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader
from fer_ros.transport.base import TopicInfo

STRING = TopicInfo("/words", "std_msgs/msg/String", 1, reliable=True, latched=False)


@pytest.fixture(scope="module", autouse=True)
def robot():
    with domain_of_its_own(), start_node(), Child("camera", CAMERA):
        assert fer_ros("echo", "/fer/emotions", "--count", "1", "--seconds", "50").returncode == 0
        yield


def fer_ros(*argv: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fer_ros", *map(str, argv)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_echo_shows_topics_with_rates_and_the_faces_as_plain_lines() -> None:
    done = fer_ros("echo", "--seconds", "4")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    newest = done.stdout.rpartition("topic ")[2].splitlines()
    rows = {line.split()[0]: line.split() for line in newest if "/msg/" in line}
    assert rows["/image_raw"][1] == messages.IMAGE
    assert 4 < float(rows["/image_raw"][3]) < 25
    assert float(rows["/fer/emotions"][3]) > 1
    assert rows["/fer/image_annotated"][3] == "-", "looking must not make the node draw"
    assert any("320x240" in line and "fer-face" in line for line in newest)
    assert any(line.startswith("track") for line in newest)


@pytest.mark.parametrize("width", [80, 140])
def test_echo_draws_in_place_on_a_terminal_and_cuts_nothing_off(width: int) -> None:
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_ros", "echo", "--seconds", "2"],
        stdout=follower, stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(width)},
    )  # fmt: skip
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    assert process.wait(10) == 0
    assert b"\x1b[" in shown
    text = shown.decode()
    assert "/fer/image_annotated/compressed" in text
    assert "Hz" in text
    assert "…" not in text
    assert (messages.EMOTION_ARRAY in text) == (width > 100)


def test_echo_of_a_topic_prints_its_messages() -> None:
    done = fer_ros("echo", "/fer/emotions", "--count", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("---\n") == 2
    assert 'source_topic: "/image_raw"' in done.stdout
    assert "ANGRY" not in done.stdout
    pixels = fer_ros("echo", "/image_raw", "--count", "1").stdout
    assert "# and 230384 more" in pixels
    assert len(pixels) < 1000


def test_echo_of_a_topic_that_nobody_publishes_names_those_that_are_there() -> None:
    done = fer_ros("echo", "/nothing", "--seconds", "2.6")
    assert done.stdout == ""
    assert "nobody publishes /nothing yet" in done.stderr
    assert "/image_raw" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_recording_is_whole_after_a_signal_and_can_be_replayed(tmp_path: Path, number) -> None:
    bag = tmp_path / "bag"
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_ros", "record", "--out", str(bag)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 30
    while not list(bag.glob("*.mcap")):
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(1.5)
    process.send_signal(number)
    _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    reader = BagReader(bag)
    assert reader.warnings == []
    counts = {topic.name: topic.count for topic in reader.topics}
    assert counts.keys() == {"/image_raw", "/fer/emotions", "/diagnostics", "/rosout"}
    assert counts["/image_raw"] > 5
    assert f"{sum(counts.values())} messages of 4 topics" in log
    for message in reader.messages(["/fer/emotions"]):
        assert codec.decode(message.data, message.type_name).source_topic == "/image_raw"
    if number != signal.SIGINT:
        return
    arguments = ["replay", str(bag), "--out", str(tmp_path / "out"), "--topic", "/image_raw"]
    assert main([*arguments, "--ros-args", "-p", "detector:=fer-face"]) == 0


def test_what_nobody_publishes_leaves_no_recording(tmp_path: Path) -> None:
    done = fer_ros("record", "/nothing", "--out", tmp_path / "bag", "--seconds", "2")
    assert done.returncode == 1
    assert "nothing came" in done.stderr
    assert "/image_raw" in done.stderr
    assert not (tmp_path / "bag").exists()


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    done = fer_ros("record", "--out", tmp_path)
    assert done.returncode == 2
    assert "exists already" in done.stderr


def test_what_the_disk_cannot_keep_up_with_costs_messages_and_not_memory(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "bag", memory=1000)
    for size in (10, 5000, 10):
        recorder.receive(STRING, codec.encode(codec.message_class(STRING.type_name)("x" * size)))
    recorder.close()
    assert (recorder.written, recorder.lost) == (2, 1)
    assert "1 lost because the disk is too slow" in recorder.summary()
    assert sum(topic.count for topic in BagReader(tmp_path / "bag").topics) == 2


def test_a_full_disk_ends_the_recording_with_a_reason() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    recorder = Recorder(Path("/dev/full/bag"))
    recorder.receive(STRING, codec.encode(codec.message_class(STRING.type_name)(data="x")))
    recorder.close()
    assert recorder.error is not None
    assert "cannot write the recording" in str(recorder.error)
