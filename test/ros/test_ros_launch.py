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

"""The launch files bring the node to active, and again after its process died."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from observing import wait_for

from fer_ros.node.parameters import PARAMETERS

pytestmark = pytest.mark.ros


@pytest.fixture
def launch(start, ros):
    """Run ``ros2 launch fer_ros``."""
    if shutil.which("ros2") is None:
        pytest.skip("needs the ros2 command (ros2launch)")

    def run(*arguments: str):
        return start("ros2", "launch", "fer_ros", *arguments)

    return run


def test_the_node_becomes_active_by_itself(launch, observer):
    launched = launch("fer.launch.py", "detector:=fer-face", "image_topics:=[/a,/b]")
    launched.says("active: /a, /b -> /fer/emotions")
    assert observer.state() == "active"
    assert launched.signal(signal.SIGINT) == 0
    assert "Traceback" not in launched.output
    assert "process has finished cleanly" in launched.output


def test_arguments_reach_the_node(launch, observer, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text("/**:\n  ros__parameters:\n    hysteresis: 0.25\n    image_depth: 4\n")
    launched = launch(
        "fer.launch.py",
        *("namespace:=robot", "name:=face", "image_topics:=camera/color", "detector:=fer-face"),
        *(f"params_file:={values}", "detection_size:=480", "log_level:=debug"),
    )
    launched.says("active: /robot/camera/color -> /robot/face/emotions")
    assert observer.state("/robot/face") == "active"


def test_every_parameter_is_an_argument(launch, observer):
    given = {
        "hysteresis": "0.3", "expression_rate": "5", "max_rate": "[2,3]", "baseline": "off",
        "models": "fer-lite-int8", "image_topics": "[/a,/b]",
    }  # fmt: skip
    words = [f"{name}:={text}" for name, text in given.items()]
    launched = launch("fer.launch.py", "detector:=fer-face", *words)
    launched.says("active: /a, /b -> /fer/emotions")
    found = [observer.get_parameter(name) for name in given]
    assert found == [0.3, 5.0, [2.0, 3.0], "off", ["fer-lite-int8"], ["/a", "/b"]]


@pytest.mark.parametrize(
    ("file", "words", "said"),
    [
        ("bridges", ["bridges:=[people]", "node:=true"], "bridges people for "),
        ("bridges", ["bridges:=people", "node:=true"], "bridges people for "),
        ("greeter", [], "/robot/face/emotions -> /robot/fer/events"),
    ],
)
def test_what_listens_hears_the_node_of_its_launch(launch, observer, file, words, said):
    names = ("namespace:=robot", "name:=face", "use_sim_time:=yes")
    launched = launch(f"{file}.launch.py", "detector:=fer-face", *names, *words)
    launched.says("active: /robot/image_raw -> /robot/face/emotions")
    launched.says(said)
    listeners = observer.node.get_subscriptions_info_by_topic

    def namespaces() -> set[str]:  # an endpoint may be known a while before its node
        return {each.node_namespace for each in listeners("/robot/face/emotions")}

    wait_for(lambda: namespaces() == {"/robot"}, "a subscriber of the emotions in /robot")


def test_the_manager_decides_without_autostart(launch, observer):
    launch("fer.launch.py", "detector:=fer-face", "autostart:=false")
    assert observer.state() == "unconfigured"
    observer.activate()


def test_ctrl_c_ends_everything_in_order(launch, observer):
    """A terminal sends SIGINT to the whole group, and launch sends it once more."""
    launched = launch("camera.launch.py", "detector:=fer-face")
    launched.says("active: ")
    launched.says("-> /image_raw")
    os.killpg(launched.pid, signal.SIGINT)
    assert launched.wait() == 0
    assert launched.output.count("process has finished cleanly") == 2
    assert "Traceback" not in launched.output


def test_a_process_that_died_comes_back_active(launch, observer):
    launched = launch("fer.launch.py", "detector:=fer-face", "respawn:=true")
    launched.says("active: ")
    (child,) = children(launched.pid)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: launched.output.count("active: ") == 2, "the second start")
    assert children(launched.pid) != [child]


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_the_camera_and_the_node_work_together(launch, observer, transport):
    from fer_ros.msg import EmotionArray

    answers = observer.listen(EmotionArray, "/fer/emotions")
    launch("camera.launch.py", "detector:=fer-face", "rate:=10", f"image_transport:={transport}")
    wait_for(lambda: any(each.faces for each in answers), "faces in an answer")


@pytest.mark.parametrize("transport", ["auto", "compressed"])
def test_the_camera_sends_where_the_node_listens(launch, observer, transport):
    from fer_ros.msg import EmotionArray

    answers = observer.listen(EmotionArray, "/robot/fer/emotions")
    names = ("namespace:=robot", "image_topics:=front/image", f"image_transport:={transport}")
    launch("camera.launch.py", "detector:=fer-face", "rate:=10", *names)
    wait_for(lambda: any(each.faces for each in answers), "faces in an answer")
    assert {each.source_topic.partition("/compressed")[0] for each in answers} == {
        "/robot/front/image"
    }


def test_the_camera_is_on_simulated_time_too(launch, observer):
    from fer_ros.msg import EmotionArray
    from rosgraph_msgs.msg import Clock

    answers = observer.listen(EmotionArray, "/fer/emotions")
    clocks = observer.node.create_publisher(Clock, "/clock", 10)
    clock = Clock()
    clock.clock.sec = 1000
    launch("camera.launch.py", "detector:=fer-face", "rate:=10", "use_sim_time:=true")
    wait_for(lambda: clocks.publish(clock) or answers, "an answer")
    assert {each.header.stamp.sec for each in answers} == {1000}


@pytest.mark.parametrize(
    "words",
    [
        ("camera.launch.py", "respawn:=perhaps"),
        ("camera.launch.py", "image_transport:=ffmpeg"),
        ("camera.launch.py", "image_topics:=[/a,/b]"),
        ("greeter.launch.py", "node:=perhaps"),
        ("bridges.launch.py", "bridges:=people", "node:=perhaps"),
    ],
)
def test_a_bad_value_starts_nothing(launch, words):
    """What launch has started when a launch file fails, it leaves running."""
    launched = launch(*words)
    assert launched.wait() == 1
    assert "process started" not in launched.output


@pytest.mark.parametrize("folder", ["online", "online_online"])
def test_answers_of_an_earlier_replay_are_not_scored_again(launch, tmp_path, folder):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "metadata.yaml").write_text("of an earlier run")
    launched = launch("replay.launch.py", "bag:=drive", "out:=online")
    assert launched.wait() == 1
    assert f"{folder} is there already; move it away, or give another out" in launched.output
    assert "process started" not in launched.output


def test_every_argument_is_explained(launch, prefix):
    files = [path.name for path in (prefix / "share" / "fer_ros" / "launch").glob("*.launch.py")]
    assert "fer.launch.py" in files
    for file in files:
        launched = launch(file, "--show-args")
        assert launched.wait() == 0
        for row in PARAMETERS:
            assert f"'{row.name}':" in launched.output
            assert row.description.split("<")[0] in " ".join(launched.output.split())
        assert "No description given" not in launched.output


def children(pid: int) -> list[int]:
    psutil = pytest.importorskip("psutil")
    return [
        each.pid for each in psutil.Process(pid).children() if "emotion_node" in str(each.cmdline())
    ]
