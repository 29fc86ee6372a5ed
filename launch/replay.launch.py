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

"""Plays a recording to the live node on simulated time, and scores its results.

    ros2 launch fer_ros replay.launch.py bag:=drive out:=online
    ros2 launch fer_ros replay.launch.py bag:=drive out:=online image_topics:=/camera/image_raw \
        labels:=labels.csv criteria:=criteria.yaml rate:=0.5

The node's answers are recorded to <out>_online and then matched with the recording's images by
their stamps, by ``fer-ros replay --answers``. The results in <out> are laid out as those of an
offline replay; frames that the node did not answer stand there as "unanswered".

Arguments of fer.launch.py may be given as well.
"""

from __future__ import annotations

import signal
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown, matches_action
from launch.events.process import SignalProcess
from launch.substitutions import LaunchConfiguration

ARGUMENTS = {
    "bag": (None, "The recording: a rosbag2 folder or file."),
    "out": (None, "Folder to write; <out>_online gets the node's answers. Neither may exist yet."),
    "rate": ("1.0", "Speed of playing; 1.0 is that of the recording."),
    "delay": ("5.0", "Time for the node to load its networks before playing starts [s]."),
    "namespace": ("", "Namespace of the node."),
    "name": ("fer", "Name of the node."),
    "labels": ("", "CSV or JSONL file of labels."),
    "criteria": ("", "YAML file of criteria."),
}

CLOCK_HZ = "200"
"""Ages are no finer than the clock that they are measured with."""

SETTLE = 2.0
"""How long the last answers may take before the recorder is stopped [s]."""


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    node = IncludeLaunchDescription(
        str(Path(__file__).parent / "fer.launch.py"),
        launch_arguments={"use_sim_time": "true"}.items(),
    )
    return LaunchDescription([*arguments, OpaqueFunction(function=play_and_score), node])


def play_and_score(context: LaunchContext) -> list[ExecuteProcess | RegisterEventHandler]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    answers = f"{given['out']}_online"
    for folder in (given["out"], answers):  # the recorder would refuse, and old answers be scored
        if Path(folder).exists():
            raise RuntimeError(f"{folder} is there already; move it away, or give another out")
    namespace = given["namespace"].strip("/")
    topic = "/".join(["", *filter(None, [namespace, given["name"]]), "emotions"])
    record = ExecuteProcess(
        cmd=["ros2", "bag", "record", "-s", "mcap", "-o", answers, topic, "/diagnostics"],
        output="screen",
    )
    play = ExecuteProcess(
        cmd=[
            *("ros2", "bag", "play", given["bag"], "--clock", CLOCK_HZ),
            *("--rate", given["rate"], "--delay", given["delay"]),
        ],
        output="screen",
    )
    options = [f"--{name}={given[name]}" for name in ("labels", "criteria") if given[name]]
    score = ExecuteProcess(
        cmd=[
            *("ros2", "run", "fer_ros", "fer-ros", "replay", given["bag"]),
            *("--answers", answers, "--out", given["out"], *options),
        ],
        output="screen",
    )
    stop = EmitEvent(
        event=SignalProcess(signal_number=signal.SIGINT, process_matcher=matches_action(record))
    )
    return [
        record,
        play,
        RegisterEventHandler(
            OnProcessExit(target_action=play, on_exit=[TimerAction(period=SETTLE, actions=[stop])])
        ),
        RegisterEventHandler(OnProcessExit(target_action=record, on_exit=[score])),
        RegisterEventHandler(
            OnProcessExit(target_action=score, on_exit=[EmitEvent(event=Shutdown(reason="scored"))])
        ),
    ]
