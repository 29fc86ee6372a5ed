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

"""Behaviours on rclpy: ``ros2 run fer_ros behave``, ``greeter`` and ``music_player``."""

from __future__ import annotations

import argparse
import sys
import threading

from rclpy.utilities import remove_ros_args

from fer_ros.apps.behave import SHIPPED, add_arguments, leave_threads, load, serve
from fer_ros.apps.ros_spin import spin


def main(name: str = "behave", argv: list[str] | None = None) -> int:
    """Run rules until a signal comes; return the exit status.

    Args:
        name: Of the node; ``greeter`` and ``music_player`` take the shipped rules unless a file is
            named.
        argv: The command line; that of the process where none is given.
    """
    argv = sys.argv if argv is None else argv
    shipped = name if name in SHIPPED else None
    parser = argparse.ArgumentParser(
        prog=name, description="Publishes events of faces by rules, and runs their actions."
    )
    parser.add_argument(
        "rules", nargs="?" if shipped else None, default=shipped,
        help=f"rule file, or one of: {', '.join(SHIPPED)}",
    )  # fmt: skip
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    try:
        rules = load(args.rules, args.option)
    except (OSError, RuntimeError, ValueError) as error:
        print("\n".join(f"{name}: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 2
    own = set(threading.enumerate())
    status = spin(name, argv, lambda transport, stop: serve(transport, rules, args.emotions, stop))
    leave_threads(own, status)
    return status
