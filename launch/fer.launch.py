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

"""Starts the emotion node and brings it to active.

    ros2 launch fer_ros fer.launch.py image_topics:=/camera/color/image_raw
    ros2 launch fer_ros fer.launch.py image_topics:=[/left/image_raw,/right/image_raw]
    ros2 launch fer_ros fer.launch.py --show-args

An argument that is left out leaves the parameter to the file of parameters.
"""

from __future__ import annotations

from typing import Any

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

PARAMETERS = {
    "image_topics": "Camera topics: one name, or several as [/a,/b].",
    "image_transport": "raw, compressed, ffmpeg, foxglove or auto.",
    "image_reliability": "QoS of the image subscriptions: best_effort or reliable.",
    "models": "Emotion networks: names of shipped models or paths, as [a,b].",
    "detector": "Face detector: auto, fer-face, yunet or haar.",
    "detector_model": "Path of a detector's file; empty: YuNet where it is found, else fer-face.",
    "detection_size": "Longest side of the image as the detector sees it [pixels].",
    "providers": "ONNX Runtime execution providers in order of preference, as [cuda,cpu].",
    "intra_op_threads": "Threads inside one network run.",
}
"""Arguments that are passed on as parameters of the same name."""

LISTS = ("image_topics", "models", "providers")

OTHERS = {
    "name": ("fer", "Name of the node; its topics are ~/emotions and ~/image_annotated."),
    "namespace": ("", "Namespace of the node and of relative camera topics."),
    "params_file": (
        PathJoinSubstitution([FindPackageShare("fer_ros"), "config", "fer.yaml"]),
        "File of parameters.",
    ),
    "use_sim_time": ("false", "Take the time from /clock, e.g. of ros2 bag play --clock."),
    "log_level": ("info", "debug, info, warn, error or fatal."),
    "autostart": ("true", "Configure and activate the node; false leaves that to a manager."),
    "respawn": ("false", "Start the node again when its process ends."),
}


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(name, default_value="", description=description)
        for name, description in PARAMETERS.items()
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in OTHERS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[LifecycleNode]:
    argument = {name: LaunchConfiguration(name).perform(context) for name in OTHERS}
    parameters = given_parameters(context)
    for name in ("use_sim_time", "autostart"):
        parameters[name] = yaml.safe_load(argument[name])
    node = LifecycleNode(
        package="fer_ros",
        executable="emotion_node",
        name=argument["name"],
        namespace=argument["namespace"],
        parameters=[argument["params_file"], parameters],
        ros_arguments=["--log-level", f"{logger(argument)}:={argument['log_level']}"],
        respawn=yaml.safe_load(argument["respawn"]),
        respawn_delay=1.0,
        output="screen",
        emulate_tty=True,
    )
    return [node]


def given_parameters(context: LaunchContext) -> dict[str, Any]:
    """Return the parameters whose arguments were given, in their own types."""
    found = {}
    for name in PARAMETERS:
        text = LaunchConfiguration(name).perform(context)
        if text:
            value = yaml.safe_load(text)
            found[name] = [value] if name in LISTS and not isinstance(value, list) else value
    return found


def logger(argument: dict[str, str]) -> str:
    """Return the name of the node's logger."""
    full = f"{argument['namespace']}/{argument['name']}"
    return full.strip("/").replace("/", ".")
