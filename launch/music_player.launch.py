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

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.substitutions import LaunchConfiguration


def generate_launch_description() -> LaunchDescription:
    given = {"rules": LaunchConfiguration("rules"), "executable": "music_player"}
    return LaunchDescription(
        [
            DeclareLaunchArgument("rules", default_value="music_player", description="Rule file."),
            DeclareLaunchArgument("node", default_value="true", description="Start the node too."),
            IncludeLaunchDescription(
                str(Path(__file__).parent / "behave.launch.py"), launch_arguments=given.items()
            ),
        ]
    )
