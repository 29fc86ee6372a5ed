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

"""Plays music that goes with what the nearest face shows.

    ros2 launch fer_ros music_player.launch.py options:=music_player.library=/home/me/moods
    ros2 launch fer_ros music_player.launch.py image_topics:=/camera/image_raw

The emotion node is started with it; node:=false leaves that out. Every argument of behave.launch.py
and of fer.launch.py may be given.
"""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

DEFAULTS = {
    "rules": ("music_player", "Rule file."),
    "executable": ("music_player", "Executable, which names the node."),
    "node": ("true", "Start the emotion node as well."),
}


def generate_launch_description() -> LaunchDescription:
    folder = PathJoinSubstitution([FindPackageShare("fer_ros"), "launch"])
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in DEFAULTS.items()
    ]
    behave = PythonLaunchDescriptionSource(PathJoinSubstitution([folder, "behave.launch.py"]))
    given = {name: LaunchConfiguration(name) for name in DEFAULTS}
    return LaunchDescription(
        [*arguments, IncludeLaunchDescription(behave, launch_arguments=given.items())]
    )
