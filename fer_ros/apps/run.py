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

"""``fer-ros run``: the live node on a machine without ROS 2."""

from __future__ import annotations

import argparse
import os
import threading
from typing import Any

from fer_ros.apps.hints import check_parameters, parameter_help
from fer_ros.node.core import EmotionNode
from fer_ros.node.native_stderr import throttled
from fer_ros.node.parameters import ParameterError, Settings, unknown_parameters
from fer_ros.node.standalone_services import ServiceTransport, offer_services
from fer_ros.node.transitions import Lifecycle
from fer_ros.perception.strings import in_one_line
from fer_ros.runtime.signals import GRACE, stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.opening import open_standalone

NODE_NAME = "fer"


def add_parser(subparsers: Any) -> None:
    """Add the ``run`` command."""
    parser = subparsers.add_parser(
        "run",
        description="Runs the emotion node without ROS 2. It subscribes to camera topics and "
        "publishes /fer/emotions over Cyclone DDS or Zenoh, where a real ROS 2 sees it as any "
        "other node. Parameters, remapping and namespaces are given as to every ROS 2 node.",
        epilog="examples:\n"
        "  fer-ros run\n"
        "  fer-ros run --ros-args -p image_topics:='[/left/image_raw, /right/image_raw]'\n"
        "  fer-ros run --ros-args --params-file config/fer.yaml -r __ns:=/robot1\n"
        "  fer-ros run --ros-args -r image_raw:=/camera/color/image_raw -p detection_size:=640\n\n"
        + parameter_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=_run)


def _run(_: argparse.Namespace, ros_args: RosArgs) -> int:
    check_parameters(ros_args, ros_args.identity(NODE_NAME).full)
    with (
        throttled(),
        stop_signals() as stop,
        open_standalone(NODE_NAME, ros_args) as transport,
    ):
        return serve(transport, stop)


def serve(transport: ServiceTransport, stop: threading.Event) -> int:
    """Run a node until `stop` is set; return the exit status.

    Args:
        transport: The node's place in the graph, with the parameters given from outside.
        stop: Set to end the node.
    """
    overrides = transport.parameter_overrides()
    unknown = unknown_parameters(overrides)
    if unknown:
        transport.log.warning(f"ignored: {unknown}")
    try:
        node = EmotionNode(transport, Settings.from_overrides(overrides))
    except ParameterError as error:
        transport.log.error(str(error))
        return 2
    lifecycle = Lifecycle(node, transport.log)
    services = offer_services(transport, node, lifecycle)
    try:
        return _run_until(stop, node, lifecycle)
    finally:
        for service in services:
            service.close()
        node.close()


def _run_until(stop: threading.Event, node: EmotionNode, lifecycle: Lifecycle) -> int:
    """Configure and activate on a thread of its own, for a signal must be heard meanwhile."""
    failed = threading.Event()

    def start() -> None:
        try:
            for label in ("configure", "activate"):
                if not stop.is_set() and not lifecycle.change(label=label):
                    failed.set()  # the node has logged why
                    stop.set()
        except BaseException as error:  # else the process would idle for ever
            node.transport.log.error(f"cannot start: {in_one_line(error)}")
            failed.set()
            stop.set()

    starter = threading.Thread(target=start, name="fer-start", daemon=True)
    starter.start()
    stop.wait()
    starter.join(GRACE)
    if starter.is_alive():
        node.transport.log.warning("ended while networks were still being loaded")
        node.transport.close()
        os._exit(0)  # neither loading nor compiling can be interrupted
    return 2 if failed.is_set() else 0
