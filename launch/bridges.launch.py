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

"""Publishes what the emotion node says in the topics of other standards (docs/bridges.md).

    ros2 launch fer_ros bridges.launch.py bridges:=hri
    ros2 launch fer_ros bridges.launch.py bridges:=[vision,foxglove] node:=true
    ros2 launch fer_ros bridges.launch.py --show-args

With node:=true every argument of fer.launch.py may be given as well.
"""

from __future__ import annotations

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "bridges": (None, "hri, vision, foxglove, people, position: one, or several as [a,b]."),
    "emotions": (
        [LaunchConfiguration("name", default="fer"), "/emotions"],
        "Topic of EmotionArray.",
    ),
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
    bridges = Node(
        package="fer_ros",
        executable="bridges",
        namespace=LaunchConfiguration("namespace"),
        arguments=["--emotions", LaunchConfiguration("emotions")],
        parameters=[{name: LaunchConfiguration(name) for name in ("bridges", "use_sim_time")}],
        output="screen",
        emulate_tty=True,
    )
    return LaunchDescription([*arguments, node, bridges])
