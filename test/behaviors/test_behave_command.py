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

"""``fer-ros behave``: over a recording the same events every time, live over real DDS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dds_domains import loopback_environment
from faces import message
from support import wait_for

from fer_ros.apps.cli import main
from fer_ros.transport import messages
from fer_ros.transport.bag import BagWriter
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import EMOTION_EVENT, read_event

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

RULES = """
rules:
  - name: mood
    expression: any
    for: 0.3
    do: [{at: [start, end], say: {topic: /words, text: "{track_id} {phase} {label}"}}]
  - name: joy
    when: happy > 0.5 and age > 0.5
    do:
      - call: {service: /wave, type: std_srvs/srv/Trigger}
      - call: {service: /light, type: std_srvs/srv/SetBool, value: false}
      - run: {plugin: music_player, options: {library: /none}}
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def bag(tmp_path):
    """Two cameras, three seconds: one person changes, one leaves."""
    folder = tmp_path / "bag"
    writer = BagWriter(folder)
    writer.add_topic("/fer/emotions", messages.EMOTION_ARRAY, Qos())
    writer.add_topic("/other", "std_msgs/msg/String", Qos())
    for i in range(90):
        stamp = START + i * SECOND // 30
        faces = {"face_1": "happy" if i < 45 else "sad"} | ({"face_2": "angry"} if i < 30 else {})
        for topic in ("/left", "/right") if i % 2 else ("/left",):
            writer.write("/fer/emotions", stamp, encode(message(stamp, faces, topic)))
    writer.close()
    return folder


def run(capsys, *argv: object) -> tuple[int, str, str]:
    status = main([str(word) for word in argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_recording_that_is_cut_short_says_so(rules, bag, capsys):
    (file,) = bag.glob("*.mcap")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    status, events, said = run(capsys, "behave", rules, "--bag", bag)
    assert status == 0
    assert events
    assert f"{file.name} is cut short, as by a power loss" in said


def test_a_recording_gives_the_same_events_every_time(rules, bag, tmp_path, capsys):
    status, first, _ = run(capsys, "behave", rules, "--bag", bag)
    assert status == 0
    events = [json.loads(line) for line in first.splitlines()]
    assert {event["source_topic"] for event in events} == {"/left", "/right"}
    words = [(e["phase"], e["rule"], e["track_id"], e["label"], e["cause"]) for e in events]
    assert ("start", "mood", "face_1", "happy", "") in words
    assert ("end", "mood", "face_1", "happy", "changed") in words
    assert ("end", "mood", "face_2", "angry", "left") in words
    assert ("end", "mood", "face_1", "sad", "stopped") in words
    joy = next(event for event in events if event["rule"] == "joy")
    assert joy["actions"] == ["call /wave", "call /light: false", "run music_player"]
    again = subprocess.run(
        [sys.executable, "-m", "fer_ros", "behave", str(rules), "--bag", str(bag)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert again.stdout == first


def test_expected_events_make_a_test(rules, bag, tmp_path, capsys):
    _, events, _ = run(capsys, "behave", rules, "--bag", bag)
    expected = tmp_path / "events.jsonl"
    expected.write_text(events)
    status, said, _ = run(capsys, "behave", rules, "--bag", bag, "--expect", expected)
    assert (status, said) == (0, f"{len(events.splitlines())} events, as expected\n")
    expected.write_text("".join(events.splitlines(keepends=True)[:-1]))
    status, _, said = run(capsys, "behave", rules, "--bag", bag, "--expect", expected)
    assert status == 1
    assert f"event {len(events.splitlines())} differs" in said
    assert "expected: no more" in said


def test_a_recording_without_results_says_how_to_make_them(rules, bag, tmp_path, capsys):
    status, _, said = run(capsys, "behave", rules, "--bag", bag, "--emotions", "/none")
    assert status == 2
    assert "no EmotionArray on /none (there: /fer/emotions)" in said
    assert "fer-ros replay" in said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("behave", "none.yaml"), "cannot read the rules none.yaml: No such file"),
        (("behave", "{rules}", "--expect", "x"), "name it with --bag"),
        (("behave", "{rules}", "--option", "volume=3"), "not of the form PLUGIN.KEY=VALUE"),
        (("behave", "{rules}", "--option", "disco.volume=3"), "no rule runs the plug-in 'disco'"),
        (("behave", "{rules}", "--option", "a.b=["), "has no valid value"),
        (("behave", "{rules}", "--bag", "nobag"), "there is no recording at nobag"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(rules, argv, said, capsys):
    status, _, error = run(capsys, *(word.format(rules=rules) for word in argv))
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


def test_faults_of_rules_are_lines_and_status_2(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("rules:\n  - name: a\n    expresion: happy\n  - name: b\n    fro: 1\n")
    status, _, error = run(capsys, "behave", path)
    assert status == 2
    assert error.splitlines() == [
        f"fer-ros: {path}:3: unknown key 'expresion'; did you mean 'expression'?",
        f"fer-ros: {path}:5: unknown key 'fro'; did you mean 'for'?",
    ]


@pytest.mark.parametrize("name", ["greeter", "music_player"])
def test_the_shipped_rules_are_read(name, bag, capsys):
    status, _, error = run(capsys, "behave", name, "--bag", bag)
    assert (status, error) == (0, "")


def test_live_over_dds_the_greeter_greets_once_and_ends_its_events(monkeypatch):
    """Two processes on loopback; the answers are stamped now, as a node's are."""
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)
    dds = pytest.importorskip("fer_ros.transport.dds.node", reason="needs Cyclone DDS")
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_ros", "behave", "greeter"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    node = dds.DdsTransport("fer", "/")
    try:
        greetings, events = [], []
        node.subscribe(
            "/greeting", "std_msgs/msg/String", Qos(),
            lambda data: greetings.append(decode(data, "std_msgs/msg/String").data),
        )  # fmt: skip
        node.subscribe(
            "/fer/events", EMOTION_EVENT, Qos(depth=100),
            lambda data: events.append(read_event(decode(data, EMOTION_EVENT))),
        )  # fmt: skip
        emotions = node.publisher("fer/emotions", messages.EMOTION_ARRAY, Qos())
        wait_for(lambda: emotions.subscription_count() == 1, 30)

        def see(seconds: float) -> None:
            """The stamps say how long it was, however long it took."""
            for _ in range(round(seconds * 20)):
                emotions.publish(encode(message(time.time_ns(), {"k7w2xq_1": "happy"})))
                time.sleep(0.05)

        see(4.5)
        wait_for(lambda: len(greetings) == 1)
        assert greetings == ["Hello, it is nice to see you smile, k7w2xq_1!"]
        wait_for(lambda: {e.rule for e in events if e.cause == "silent"} == {"greet", "visitor"})
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        node.close()
        process.kill()
        process.wait()
        process.stderr.close()


def test_threads_of_plugins_do_not_keep_the_process():
    code = (
        "import threading, time\n"
        "from fer_ros.apps.behave import leave_threads\n"
        "own = set(threading.enumerate())\n"
        "threading.Thread(target=time.sleep, args=(300,), name='stray').start()\n"
        "leave_threads(own, 3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        3,
        "fer-ros: threads of plug-ins still run: stray\n",
    )
