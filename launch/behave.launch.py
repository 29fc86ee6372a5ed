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

"""Runs a file of rules, and if asked the emotion node with it.

    ros2 launch fer_ros behave.launch.py rules:=/path/rules.yaml
    ros2 launch fer_ros behave.launch.py rules:=greeter node:=true image_topics:=/camera/image_raw
    ros2 launch fer_ros behave.launch.py --show-args

With node:=true every argument of fer.launch.py may be given as well.
"""

from __future__ import annotations

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "rules": (None, "Rule file, or greeter or music_player for those of this package."),
    "executable": ("behave", "behave, greeter or music_player."),
    "emotions": (
        [LaunchConfiguration("name", default="fer"), "/emotions"],
        "Topic of EmotionArray.",
    ),
    "options": ("", "Options of plug-ins, as music_player.volume=50, several apart by blanks."),
    "namespace": ("", "Namespace of everything that is started."),
    "node": ("false", "Start the emotion node as well."),
    "use_sim_time": ("false", "Take the time from /clock, e.g. of ros2 bag play --clock."),
}


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    node = IncludeLaunchDescription(
        str(Path(__file__).parent / "fer.launch.py"),
        condition=IfCondition(LaunchConfiguration("node")),
    )
    return LaunchDescription([*arguments, node, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    options = [word for each in given["options"].split() for word in ("--option", each)]
    behaviour = Node(
        package="fer_ros",
        executable=given["executable"],
        namespace=given["namespace"],
        arguments=[given["rules"], "--emotions", given["emotions"], *options],
        parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
        output="screen",
        emulate_tty=True,
    )
    return [behaviour]
