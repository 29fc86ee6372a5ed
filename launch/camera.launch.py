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

"""Starts the emotion node together with a camera of our own, for a machine without a driver.

    ros2 launch fer_ros camera.launch.py                    (synthetic faces)
    ros2 launch fer_ros camera.launch.py source:=0          (the first webcam)
    ros2 launch fer_ros camera.launch.py source:=talk.mp4

Every argument of fer.launch.py may be given as well; with image_transport:=compressed the camera
publishes JPEG, with image_transport:=foxglove H.264; with image_topics:=/front it does so there.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

TOPIC = "image_raw"
"""Of the images, as the camera names it."""

SENT = {
    "auto": ("raw", ""),
    "raw": ("raw", ""),
    "compressed": ("compressed", "/compressed"),
    "foxglove": ("h264", "/foxglove"),
}
"""How the camera sends, and the end of that topic's name, by image_transport."""


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "source",
                default_value="demo",
                description="A webcam's number, a video file, a folder of pictures, or demo.",
            ),
            DeclareLaunchArgument(
                "rate",
                default_value="",
                description="Images per second (default: 30; pictures: one every 2 s).",
            ),
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of both."),
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="false",
                description="Take the time, that of the images too, from /clock.",
            ),
            # What does not fit together is told of before anything runs.
            OpaqueFunction(function=lambda context: stream(context) and None),
            IncludeLaunchDescription(str(Path(__file__).parent / "fer.launch.py")),
            OpaqueFunction(function=start_camera),
        ]
    )


def stream(context: LaunchContext) -> tuple[str, str, str]:
    """Return how the camera sends, the end of its topic, and the topic without that end."""
    asked = context.launch_configurations.get("image_transport") or "auto"
    if asked not in SENT:
        raise RuntimeError(f"this camera sends {', '.join(SENT)}, not image_transport:={asked}")
    form, end = SENT[asked]
    topics = yaml.safe_load(context.launch_configurations.get("image_topics") or TOPIC)
    topics = topics if isinstance(topics, list) else [topics]
    if len(topics) != 1:
        raise RuntimeError("this is one camera: give one of image_topics, or use fer.launch.py")
    return form, end, str(topics[0]).removesuffix(end)


def start_camera(context: LaunchContext) -> list[Node]:
    form, end, topic = stream(context)
    rate = context.launch_configurations["rate"]
    camera = Node(
        package="fer_ros",
        executable="camera",
        namespace=LaunchConfiguration("namespace"),
        arguments=[
            *("--source", LaunchConfiguration("source")),
            *(["--rate", rate] if rate else []),
            "--loop",
            *("--transport", form),
        ],
        parameters=[{"use_sim_time": LaunchConfiguration("use_sim_time")}],
        remappings=[(TOPIC + end, topic + end)],
        output="screen",
        emulate_tty=True,
    )
    return [camera]
