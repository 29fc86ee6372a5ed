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

"""``fer-ros bridge``: EmotionArray in the topics of other standards."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Mapping
from typing import Any

from fer_ros.bridges.node import BRIDGES, BridgeNode
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Transport
from fer_ros.transport.opening import open_standalone


def add_parser(subparsers: Any) -> None:
    """Add the ``bridge`` command."""
    parser = subparsers.add_parser(
        "bridge",
        description="Subscribes to fer/emotions and publishes what it says in topics that others "
        "already use (docs/bridges.md).",
        epilog="examples:\n"
        "  fer-ros bridge hri\n"
        "  fer-ros bridge vision foxglove --ros-args -r __ns:=/robot1\n"
        "  fer-ros bridge --ros-args -p bridges:='[hri, position]'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(func=_bridge)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``ros2 run`` has as well."""
    parser.add_argument(
        "bridges", nargs="*", metavar="BRIDGE",
        help=f"any of {', '.join(BRIDGES)}; or the parameter 'bridges'",
    )  # fmt: skip
    parser.add_argument(
        "--emotions", action="append", default=[], metavar="TOPIC",
        help="topic of EmotionArray (default: fer/emotions); several times for several",
    )  # fmt: skip


def serve(transport: Transport, args: argparse.Namespace, stop: threading.Event) -> None:
    """Run the bridges that arguments and parameter ask for until `stop` is set.

    Raises:
        ValueError: None is named, or one is unknown.
        TransportError: A topic cannot be used.
    """
    names = [*args.bridges, *_parameter(transport.parameter_overrides())]
    node = BridgeNode(transport, names, args.emotions)
    try:
        stop.wait()
    finally:
        node.close()


def _parameter(overrides: Mapping[str, Any]) -> list[str]:
    value = overrides.get("bridges", [])
    names = [value] if isinstance(value, str) else list(value)
    return [str(name) for name in names if name]


def _bridge(args: argparse.Namespace, ros_args: RosArgs) -> int:
    with stop_signals() as stop, open_standalone("fer_bridges", ros_args) as transport:
        serve(transport, args, stop)
    return 0
