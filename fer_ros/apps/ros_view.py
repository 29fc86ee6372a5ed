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

"""The page on rclpy: ``ros2 run fer_ros view``."""

from __future__ import annotations

import argparse
import sys

from rclpy.utilities import remove_ros_args

from fer_ros.apps.ros_spin import spin
from fer_ros.apps.view import access_rules, add_arguments, serve

NODE_NAME = "fer_view"


def main(argv: list[str] | None = None) -> int:
    """Serve the page until a signal comes; return the exit status.

    Args:
        argv: The command line; that of the process where none is given.
    """
    argv = sys.argv if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="view", description="Serves a live page of what the robot sees."
    )
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    try:
        access = access_rules(args)
    except ValueError as error:
        print(f"view: {error}", file=sys.stderr)
        return 2
    return spin(
        NODE_NAME, argv,
        lambda transport, stop: serve(transport, access, args.host, args.port, stop),
    )  # fmt: skip
