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

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args, try_shutdown

from fer_ros.apps.camera import add_arguments, publish
from fer_ros.node.signals import stop_signals
from fer_ros.transport.ros2.middleware import SENDER, use_own_profiles
from fer_ros.transport.ros2.node import RosTransport


def main(argv: list[str] | None = None) -> int:
    """Publish until the source ends or a signal comes; return the exit status."""
    argv = sys.argv if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="camera",
        description="Publishes images on image_raw (or image_raw/compressed), as a camera driver "
        "does.",
    )
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    with stop_signals() as stop:
        try:
            use_own_profiles(SENDER)
            rclpy.init(args=argv, signal_handler_options=SignalHandlerOptions.NO)
            node = Node("camera")
            transport = RosTransport(node)
            publish(args, transport, stop)
            transport.close()
            node.destroy_node()
        except (OSError, RuntimeError, ValueError) as error:
            print(f"camera: {error}", file=sys.stderr)
            return 2
        finally:
            try_shutdown()
    return 0
