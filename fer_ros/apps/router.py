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

"""``fer-ros router``: the Zenoh router of a machine without ROS 2."""

from __future__ import annotations

import argparse
import os
from typing import Any

from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.opening import open_router

DEFAULT_ENDPOINT = "tcp/localhost:7447"


def add_parser(subparsers: Any) -> None:
    """Add the ``router`` command."""
    parser = subparsers.add_parser(
        "router",
        description="Runs a Zenoh router, through which the nodes of this machine find each other "
        "(RMW_IMPLEMENTATION=rmw_zenoh_cpp). It serves nodes of fer_ros and of ROS 2 alike, and "
        "this machine alone unless --listen says otherwise. Where a router runs already, as "
        "'ros2 run rmw_zenoh_cpp rmw_zenohd', none is needed.",
        epilog="examples:\n"
        "  fer-ros router\n"
        "  fer-ros router --connect tcp/robot.local:7447     # joins this machine to a robot\n"
        "  fer-ros router --listen tcp/0.0.0.0:7447          # anybody on the network may join\n\n"
        "ZENOH_ROUTER_CONFIG_URI and ZENOH_CONFIG_OVERRIDE are heeded as by rmw_zenohd.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen", default=DEFAULT_ENDPOINT, metavar="ENDPOINT",
        help="where nodes connect (default: %(default)s, this machine alone)",
    )  # fmt: skip
    parser.add_argument(
        "--connect", action="append", default=[], metavar="ENDPOINT",
        help="router of another machine; several times for several",
    )  # fmt: skip
    parser.set_defaults(func=_router)


def _router(args: argparse.Namespace, _: RosArgs) -> int:
    config = os.environ.get("ZENOH_ROUTER_CONFIG_URI", "")
    overrides = os.environ.get("ZENOH_CONFIG_OVERRIDE", "")
    with stop_signals() as stop, open_router(args.listen, config, overrides, tuple(args.connect)):
        print(f"router: {config or args.listen}  (Ctrl-C ends it)", flush=True)
        stop.wait()
    return 0
