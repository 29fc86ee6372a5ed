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

"""``fer-ros camera`` on rclpy: ``ros2 run fer_ros camera``."""

from __future__ import annotations

import argparse
import sys

from rclpy.utilities import remove_ros_args

from fer_ros.apps.camera import add_arguments, publish
from fer_ros.apps.ros_spin import spin
from fer_ros.transport.ros2.middleware import SENDER, use_own_profiles


def main(argv: list[str] | None = None) -> int:
    """Publish until the source ends or a signal comes; return the exit status.

    Args:
        argv: The command line; that of the process where none is given.
    """
    argv = sys.argv if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="camera",
        description="Publishes images on image_raw (or image_raw/compressed, or as video on "
        "image_raw/foxglove), as a camera driver does.",
    )
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    use_own_profiles(SENDER)
    return spin("camera", argv, lambda transport, stop: publish(args, transport, stop))
