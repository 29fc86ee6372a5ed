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

"""``fer-ros bridge`` on rclpy: ``ros2 run fer_ros bridges``."""

from __future__ import annotations

import argparse
import sys

from rclpy.utilities import remove_ros_args

from fer_ros.apps.bridge import add_arguments, serve
from fer_ros.apps.ros_spin import spin


def main(argv: list[str] | None = None) -> int:
    """Run bridges until a signal comes; return the exit status."""
    argv = sys.argv if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="bridges", description="Publishes faces and expressions in topics of other standards."
    )
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    return spin("fer_bridges", argv, lambda transport, stop: serve(transport, args, stop))
