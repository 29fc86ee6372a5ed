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

"""A plain rclpy node from its start to a signal, for the commands that are subscribers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import try_shutdown

from fer_ros.node.lifecycle_parameters import values_given
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.ros2.node import RosTransport


def spin(name: str, argv: list[str], serve: Callable[[RosTransport, threading.Event], None]) -> int:
    """Run a node; return the exit status.

    Args:
        name: Of the node, unless the ROS arguments say otherwise.
        argv: The command line with its ROS arguments.
        serve: Does the work until the event is set.
    """
    with stop_signals() as stop:
        try:
            rclpy.init(args=argv, signal_handler_options=SignalHandlerOptions.NO)
            with values_given():
                node = Node(name, automatically_declare_parameters_from_overrides=True)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            spinner = threading.Thread(target=_spin, args=(executor,), name="executor", daemon=True)
            spinner.start()
            transport = RosTransport(node)
            try:
                serve(transport, stop)
            finally:
                transport.close()
                executor.shutdown()
                spinner.join(2.0)
                node.destroy_node()
        except (OSError, RuntimeError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        finally:
            try_shutdown()
    return 0


def _spin(executor: SingleThreadedExecutor) -> None:
    with suppress(ExternalShutdownException):
        executor.spin()
