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

"""The recorder of ``fer-ros record`` when it cannot end in order."""

from __future__ import annotations

import errno
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import wait_for

from fer_ros.apps.record import Recorder, without_own_log
from fer_ros.transport import rosout
from fer_ros.transport.bag import BagReader, BagWriter
from fer_ros.transport.base import Qos, TopicInfo
from fer_ros.transport.codec import encode, message_class
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

STRING = TopicInfo("/chatter", "std_msgs/msg/String", 1, reliable=True, latched=False)
ROSOUT = TopicInfo(rosout.TOPIC, rosout.TYPE, 1, reliable=True, latched=True)


def text(size: int) -> bytes:
    return encode(message_class(STRING.type_name)(data="x" * size))


@pytest.fixture
def small_disk():
    """Files of this process end at 3 MB, as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_fitted_on_a_full_disk_is_read_and_the_reason_is_said(tmp_path, small_disk):
    recorder = Recorder(tmp_path / "bag")
    for _ in range(100):
        recorder.receive(STRING, text(60_000))
    wait_for(lambda: recorder.error is not None)
    recorder.close()
    assert "File too large" in str(recorder.error)
    assert "fer-ros replay" in recorder.kept()
    reader = BagReader(tmp_path / "bag")
    assert reader.cuts
    assert 30 <= len(list(reader.messages(["/chatter"]))) < 60


@pytest.mark.parametrize("method", ["write", "add_topic", "flush", "close"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("odd")]
)
def test_whatever_fails_ends_the_recording_with_its_reason(tmp_path, monkeypatch, method, error):
    monkeypatch.setattr("fer_ros.apps.record._FLUSH_PERIOD", 0.01)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(BagWriter, method, fail)
    recorder = Recorder(tmp_path / "bag")
    recorder.receive(STRING, text(10))
    time.sleep(0.05)
    recorder.close()
    assert str(error.args[-1]) in str(recorder.error)


def test_a_killed_process_leaves_what_it_has_written(tmp_path):
    script = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from test_recorder import STRING, Recorder, text
recorder = Recorder(Path({str(tmp_path / "bag")!r}))
for number in range(20):
    recorder.receive(STRING, text(100))
print("there", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
    ) as process:
        assert process.stdout.readline() == "there\n"

        def readable() -> bool:
            files = list((tmp_path / "bag").glob("*.mcap"))
            return bool(files) and files[0].stat().st_size > 2000

        wait_for(readable)
        process.send_signal(signal.SIGKILL)
    assert len(list(BagReader(tmp_path / "bag").messages(["/chatter"]))) == 20


def test_the_own_log_is_left_out_and_others_logs_are_not():
    graph, heard = MemoryGraph(), []
    own, other = MemoryTransport(graph, "fer_record"), MemoryTransport(graph, "fer")
    take = without_own_log(own, lambda topic, data: heard.append(data))
    subscription = other.subscribe(
        rosout.TOPIC, rosout.TYPE, Qos(depth=10),
        lambda data: take(ROSOUT, data),
    )  # fmt: skip
    publisher = own.publisher(rosout.TOPIC, rosout.TYPE, Qos(depth=10))
    kind = message_class(rosout.TYPE)
    stamp = message_class("builtin_interfaces/msg/Time")(sec=0, nanosec=0)
    for name in ("fer_record", "fer", "robot.fer_record"):
        publisher.publish(
            encode(kind(stamp=stamp, level=20, name=name, msg="", file="", function="", line=0))
        )
    wait_for(lambda: len(heard) == 2)
    take(ROSOUT, b"no log")
    take(STRING, text(1))
    assert len(heard) == 4
    subscription.close()
    own.close()
    other.close()
