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

"""Rules and the tutorial of docs/behaviors.md on ROS 2, with an emotion node played by the test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from observing import wait_for

pytestmark = pytest.mark.ros

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "behaviors.md").read_text(encoding="utf-8")


def block(kind: str, containing: str) -> str:
    found = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in found if containing in text)


@pytest.fixture
def smiling(observer):
    """Let a face be seen that smiles (or what is asked), 20 times a second, until the end."""
    from fer_ros.msg import Emotion, EmotionArray

    publisher = observer.node.create_publisher(EmotionArray, "/fer/emotions", 10)
    stop = threading.Event()

    def show(label: str = "happy", track_id: str = "k7w2xq_1") -> None:
        face = Emotion(track_id=track_id, label=label, confidence=0.8)
        face.roi.width, face.roi.height = 100, 120
        labels = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
        face.probabilities = [0.8 if each == label else 0.2 / 6 for each in labels]
        face.smoothed_probabilities = face.probabilities
        while not stop.is_set():
            array = EmotionArray(source_topic="/image_raw", width=640, height=480, labels=labels)
            array.header.stamp = observer.node.get_clock().now().to_msg()
            array.header.frame_id = "camera"
            array.faces = [face]
            publisher.publish(array)
            time.sleep(0.05)

    thread = threading.Thread(target=show, daemon=True)

    def begin(**what: str) -> None:
        nonlocal thread
        thread = threading.Thread(target=show, kwargs=what, daemon=True)
        thread.start()

    def end() -> None:
        stop.set()
        if thread.is_alive():
            thread.join(5)
        stop.clear()

    begin.end = end
    yield begin
    end()


@pytest.fixture
def behave(start, prefix, tmp_path):
    """Run an executable of this package with rules."""

    def run(rules: str = "", *arguments: str, executable: str = "behave"):
        words = []
        if rules:
            path = tmp_path / "rules.yaml"
            path.write_text(rules, encoding="utf-8")
            words = [str(path)]
        return start(prefix / "lib" / "fer_ros" / executable, *words, *arguments)

    return run


def smile_until(smiling, process, words: str) -> None:
    """Let a face smile for a while, again and again: who joins late hears a later start."""
    for _ in range(8):
        smiling()
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            if words in process.output:
                return
            time.sleep(0.1)
        smiling.end()
        time.sleep(1.5)  # until the event has ended
    process.says(words)


SMILE = "rules: [{name: smile, expression: happy, for: 0.5}]"


def test_events_are_told_in_the_generated_classes(behave, smiling, observer):
    from fer_ros.msg import EmotionEvent

    events = observer.listen(EmotionEvent, "/fer/events")
    behave(SMILE).says("1 rule: /fer/emotions -> /fer/events")
    smiling()
    wait_for(lambda: events, "a start")
    assert (events[0].phase, events[0].track_id) == (EmotionEvent.START, "k7w2xq_1")
    assert events[0].header.frame_id == "camera"
    assert events[0].duration.sec + events[0].duration.nanosec / 1e9 >= 0.5
    smiling.end()
    wait_for(lambda: len(events) == 2, "an end")
    assert (events[1].phase, events[1].cause) == (EmotionEvent.END, EmotionEvent.SILENT)


def test_who_joins_late_learns_what_runs(behave, smiling, observer):
    from fer_ros.msg import EmotionEvent, RunningEvents
    from rclpy.qos import DurabilityPolicy, QoSProfile

    behave(SMILE).says("1 rule: ")
    events = observer.listen(EmotionEvent, "/fer/events")
    smiling()
    wait_for(lambda: events, "a start")
    time.sleep(1.0)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    running = observer.listen(RunningEvents, "/fer/running_events", latched)
    wait_for(lambda: running, "what runs")
    assert [(e.rule, e.phase, e.track_id) for e in running[0].events] == [
        ("smile", EmotionEvent.START, "k7w2xq_1")
    ]
    smiling.end()
    wait_for(lambda: not running[-1].events, "the end")


def test_the_greeter_greets_and_ends_in_order(behave, smiling, observer):
    from std_msgs.msg import String

    words = observer.listen(String, "/greeting")
    greeter = behave(executable="greeter")
    greeter.says("2 rules: ")
    smiling()
    wait_for(lambda: words, "a greeting")
    assert words[0].data == "Hello, it is nice to see you smile, k7w2xq_1!"
    assert greeter.signal(signal.SIGINT) == 0
    assert "Traceback" not in greeter.output


def test_a_rule_calls_a_service(behave, smiling, observer):
    from std_srvs.srv import Trigger

    called = []

    def answer(_, response):
        called.append(True)
        response.success = True
        return response

    observer.node.create_service(Trigger, "/wave", answer)
    do = "do: [{call: {service: /wave, type: std_srvs/srv/Trigger}}]"
    process = behave(SMILE.replace("for: 0.5", f"for: 0.5, {do}"))
    process.says("1 rule: ")
    smiling()
    wait_for(lambda: called, "a call")
    time.sleep(0.2)
    assert "failed" not in process.output


def test_a_service_that_nobody_offers_is_said(behave, smiling):
    do = "do: [{call: {service: /nobody, type: std_srvs/srv/Trigger}}]"
    process = behave(SMILE.replace("for: 0.5", f"for: 0.5, {do}"))
    process.says("1 rule: ")
    smiling()
    process.says("service /nobody failed: nobody offers the service /nobody")


def test_faults_of_rules_are_lines_and_status_2(behave):
    process = behave("rules: [{name: a, fro: 1}]")
    assert process.wait() == 2
    assert "unknown key 'fro'; did you mean 'for'?" in process.output
    assert "Traceback" not in process.output


def test_the_music_player_plays_and_obeys(behave, smiling, observer, tmp_path):
    import wave

    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String
    from std_srvs.srv import SetBool

    if shutil.which("mpv") is None:
        pytest.skip("needs mpv (sudo apt-get install mpv)")
    (tmp_path / "moods" / "happy").mkdir(parents=True)
    with wave.open(str(tmp_path / "moods" / "happy" / "song.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * 1000)
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    playing = observer.listen(String, "/music_player/playing", latched)
    process = behave(
        "",
        *("--option", f"music_player.library={tmp_path / 'moods'}"),
        *("--option", "music_player.mpv_options=[--no-config, --ao=null]"),
        executable="music_player",
    )
    process.says("1 rule: ")
    smiling()
    process.says("happy: song.wav")
    wait_for(lambda: playing and playing[-1].data.endswith("song.wav"), "the song's name")
    answer = observer.call(SetBool, "/music_player/enable", SetBool.Request(data=False))
    assert (answer.success, answer.message) == (True, "no music")
    wait_for(lambda: playing[-1].data == "", "silence")
    assert process.signal(signal.SIGINT) == 0
    assert "Traceback" not in process.output


def test_the_python_tutorial_waves(behave, start, smiling, tmp_path):
    script = tmp_path / "waver.py"
    script.write_text(block("python", "class Waver"), encoding="utf-8")
    waver = start(sys.executable, script)
    behave(block("yaml", "name: smile")).says("1 rule: ")
    smile_until(smiling, waver, "waving at k7w2xq_1")


def test_the_behaviour_tree_of_the_tutorial_waves_while_somebody_smiles(
    behave, start, smiling, tmp_path
):
    pytest.importorskip("py_trees", reason="needs py_trees (pip install py_trees)")
    script = tmp_path / "tree.py"
    script.write_text(block("python", "py_trees"), encoding="utf-8")
    tree = start(sys.executable, script)
    tree.says("looking around")
    behave(block("yaml", "name: smile")).says("1 rule: ")
    smiling()
    tree.says("waving")
    smiling.end()
    before = tree.output.count("looking around")
    wait_for(lambda: tree.output.count("looking around") > before, "the smile's end")


@pytest.fixture
def waver(ros, tmp_path) -> Path:
    """The executable of the C++ tutorial, built as a package of its own."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        get_package_prefix("rclcpp")
    except PackageNotFoundError:
        pytest.skip("needs rclcpp, which the wheels of ROS 2 do not have")
    if shutil.which("colcon") is None:
        pytest.skip("needs colcon")
    package = tmp_path / "workspace" / "src" / "waver"
    (package / "src").mkdir(parents=True)
    (package / "src" / "waver.cpp").write_text(block("cpp", "rclcpp"), encoding="utf-8")
    (package / "CMakeLists.txt").write_text(block("cmake", "project(waver)"), encoding="utf-8")
    (package / "package.xml").write_text(block("xml", "waver"), encoding="utf-8")
    workspace = tmp_path / "workspace"
    subprocess.run(["colcon", "build"], cwd=workspace, check=True, env=dict(os.environ))
    return workspace / "install" / "waver" / "lib" / "waver" / "waver"


def test_the_cpp_tutorial_is_built_and_waves(waver, behave, start, smiling):
    process = start(waver)
    behave(block("yaml", "name: smile")).says("1 rule: ")
    smile_until(smiling, process, "waving at k7w2xq_1")


@pytest.mark.parametrize("file", ["behave", "greeter", "music_player"])
def test_the_launch_files_start_what_they_say(start, smiling, observer, tmp_path, file):
    from lifecycle_msgs.srv import GetState

    if shutil.which("ros2") is None:
        pytest.skip("needs the ros2 command (ros2launch)")
    rules = ["rules:=greeter"] if file == "behave" else []
    launched = start("ros2", "launch", "fer_ros", f"{file}.launch.py", "detector:=fer-face", *rules)
    launched.says("/fer/emotions -> /fer/events")
    if file != "behave":
        launched.says("active: ")
        assert observer.call(GetState, "/fer/get_state", GetState.Request()) is not None
    assert launched.signal(signal.SIGINT) == 0
    assert "Traceback" not in launched.output
