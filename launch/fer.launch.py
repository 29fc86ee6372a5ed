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

Every parameter of the node is an argument of the same name. One that is left out leaves the
parameter to the file of parameters.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

DEFAULTS = Path(__file__).parent.parent / "config" / "fer.yaml"

# Read, not imported from the package: a launcher needs no OpenCV.
PARAMETERS = {
    name: " ".join(re.findall(r"# (.*)", comment))
    for comment, name in re.findall(r"((?: +#.*\n)+)    (\w+):", DEFAULTS.read_text("utf-8"))
}
"""Meaning of every parameter of the node, by name."""

OTHERS = {
    "name": ("fer", "Name of the node; its topics are ~/emotions and ~/image_annotated."),
    "namespace": ("", "Namespace of the node and of relative camera topics."),
    "params_file": (str(DEFAULTS), "File of parameters."),
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
    given = {name: LaunchConfiguration(name).perform(context) for name in (*PARAMETERS, *OTHERS)}
    own = ("use_sim_time", "autostart")
    logger = f"{given['namespace']}/{given['name']}".strip("/").replace("/", ".")
    node = LifecycleNode(
        package="fer_ros",
        executable="emotion_node",
        name=given["name"],
        namespace=given["namespace"],
        parameters=[
            given["params_file"],
            {name: LaunchConfiguration(name) for name in (*PARAMETERS, *own) if given[name]},
        ],
        ros_arguments=["--log-level", f"{logger}:={given['log_level']}"],
        respawn=yaml.safe_load(given["respawn"]),
        respawn_delay=1.0,
        output="screen",
        emulate_tty=True,
    )
    return [node]
