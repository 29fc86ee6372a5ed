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

"""The emotion node as a ROS 2 lifecycle node; ``ros2 run fer_ros emotion_node`` starts it.

The transitions are those of the core: configure loads the networks, activate subscribes to the
cameras, and back. A transition that fails logs the reason, leaves the node in the state it
was in, and can be tried again.

By itself the node waits, unconfigured, for somebody to call its transitions (``ros2 lifecycle
set``, a lifecycle manager). With the parameter ``autostart`` it configures and activates itself.
The launch files set that instead of sending the transitions from outside, so that a process which
``respawn`` starts again comes up like the first.

One thread spins everything: no images arrive while a transition runs, because only the active node
listens to cameras, and all other callbacks return at once. A multi-threaded executor brought
nothing when measured.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import try_shutdown

from fer_ros.node.core import ConfigurationError, EmotionNode
from fer_ros.node.lifecycle_parameters import declare, in_own_type, values_given
from fer_ros.node.parameters import PARAMETERS, ParameterError
from fer_ros.runtime.signals import GRACE, stop_signals
from fer_ros.transport.ros2.images import CvBridgeConverter
from fer_ros.transport.ros2.middleware import RECEIVER, use_own_profiles
from fer_ros.transport.ros2.node import RosTransport

NODE_NAME = "fer"

_AFTER_FAILURE = 0.05
"""Pause after a callback that failed, so that one that always fails cannot flood the log [s]."""

_OWN = frozenset(row.name for row in PARAMETERS)


class FerLifecycleNode(LifecycleNode):  # type: ignore[misc] # rclpy has no types here
    """Joins rclpy's lifecycle, parameters and services to the emotion node's core."""

    def __init__(self, node_name: str = NODE_NAME, **kwargs: Any) -> None:
        """Join the graph, unconfigured.

        Args:
            node_name: Name unless ``__node`` says otherwise.
            **kwargs: For ``rclpy.node.Node``.

        Raises:
            ParameterError: A parameter given from outside does not fit.
            TransportError: The package's messages are not built.
        """
        with values_given():
            super().__init__(
                node_name, automatically_declare_parameters_from_overrides=True, **kwargs
            )
        self.transport = RosTransport(self)
        settings, self.autostart = declare(self, self.transport)
        convert = CvBridgeConverter(self.transport.log)
        self.core = EmotionNode(self.transport, settings, convert)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.transport.set_bool_service("~/enable", self._enable)

    def start(self) -> None:
        """Configure and activate, as ``autostart`` asks."""
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        else:
            name = self.transport.node_name
            self.transport.log.error(
                f"not started; when the cause is removed: ros2 lifecycle set {name} configure, "
                f"then ros2 lifecycle set {name} activate"
            )

    def say_what_follows(self) -> None:
        """Log the next step for users who started the node by hand."""
        self.transport.log.info(self._what_follows())

    def _what_follows(self) -> str:
        name = self.transport.node_name
        return (
            f"unconfigured, waiting: ros2 lifecycle set {name} configure, then ros2 lifecycle set "
            f"{name} activate (or start with -p autostart:=true)"
        )

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set parameters as rclpy does, and log which and whether it succeeded.

        What fits at the start fits here too, such as a whole number for a double.
        """
        parameter_list = [in_own_type(each) for each in parameter_list]
        result = super().set_parameters_atomically(parameter_list)
        wanted = ", ".join(f"{each.name} = {each.value!r}" for each in parameter_list)
        if result.successful:
            self.transport.log.info(f"parameter set: {wanted}")
        else:
            self.transport.log.warning(f"parameter refused: {wanted}: {result.reason}")
        return result

    def close(self) -> None:
        """Close every entity and leave the graph."""
        self.core.close()
        self.transport.close()
        self.destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Load networks and detector; FAILURE leaves the node unconfigured."""
        return self._attempt("configure", self.core.configure, undo=self.core.cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Subscribe to the cameras; FAILURE leaves the node inactive."""
        return self._attempt("activate", self.core.activate, undo=self.core.deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Leave the cameras; networks stay loaded."""
        return self._attempt("deactivate", self.core.deactivate, "inactive; networks stay loaded")

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Let networks and detector go."""
        return self._attempt("clean up", self.core.cleanup, self._what_follows())

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Close the core for good; the process goes on until a signal ends it."""
        return self._attempt("shut down", self.core.close, "finalized; end the process to go on")

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Return to unconfigured, from where the node can be configured again."""
        return self._attempt("recover", self.core.cleanup, self._what_follows())

    def _attempt(
        self,
        what: str,
        step: Callable[[], None],
        done: str = "",
        undo: Callable[[], None] | None = None,
    ) -> TransitionCallbackReturn:
        try:
            step()
            if done:
                self.transport.log.info(done)
        except ConfigurationError:  # the core has logged it, undone the step, and tells the reason
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # rclpy would swallow it without a word
            self.transport.log.error(f"cannot {what}: {error}")
            if undo is None:
                return TransitionCallbackReturn.ERROR
            undo()
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _on_set_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Change all of the parameters of one request, or none."""
        changes = {each.name: each.value for each in parameters if each.name in _OWN}
        try:
            self.core.set_parameters(changes)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _enable(self, enabled: bool) -> tuple[bool, str]:
        """Handle ``~/enable`` by way of the parameter, so that the two always agree."""
        change = Parameter("enabled", Parameter.Type.BOOL, enabled)
        result = self.set_parameters_atomically([change])
        return self.core.enable(enabled) if result.successful else (False, result.reason)


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM.

    Returns:
        The exit status: 0, or 2 when the command line or a parameter cannot be used.
    """
    with stop_signals() as stop:
        try:
            profile = use_own_profiles(RECEIVER)
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = FerLifecycleNode()
            if profile:
                node.transport.log.debug(f"for camera images: {profile}")
            _serve(node, stop)
        except (ParameterError, RuntimeError) as error:
            print(f"emotion_node: {error}", file=sys.stderr)
            return 2
        finally:
            try_shutdown()
    return 0


def _serve(node: FerLifecycleNode, stop: threading.Event) -> None:
    """Spin a node on a thread of its own, for signals must reach it while networks load."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=(executor, node, stop), daemon=True)
    spinner.start()
    if node.autostart:
        executor.create_task(node.start)
    else:
        node.say_what_follows()
    stop.wait()
    executor.create_task(_nothing)  # wakes the executor, which then sees that it is to stop
    spinner.join(GRACE)
    if spinner.is_alive():
        node.get_logger().warning("ended while a callback was still running")
        os._exit(0)  # a network that is being loaded or compiled cannot be interrupted
    executor.shutdown()
    node.close()


def _spin(executor: SingleThreadedExecutor, node: FerLifecycleNode, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            executor.spin_once()
        except ExternalShutdownException:
            stop.set()
        except Exception as error:  # e.g. rclpy's own for a transition that is not allowed now
            node.get_logger().error(f"a callback failed: {error}")
            stop.wait(_AFTER_FAILURE)


def _nothing() -> None:
    """Give the executor something to do."""


if __name__ == "__main__":
    sys.exit(main())
