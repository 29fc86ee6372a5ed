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

"""What the ROS tests see the node with: processes, and a plain rclpy node."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

PATIENCE = 60.0
"""How long starting, discovery and answers may take on a busy machine [s]."""


def wait_for(condition, what: str, timeout: float = PATIENCE):
    """Return the first true answer of a condition."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout:g} s: {what}")


class Process:
    """A process in a session of its own, and what it said."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def says(self, text: str) -> None:
        """Wait until a text was printed."""
        wait_for(lambda: text in self.output, f"{text!r} in the output")

    def signal(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit status, and collect the rest of the output."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def end(self) -> None:
        """End the process and its children."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.append(line)


class Observer:
    """A plain rclpy node that uses the generated classes, as anybody's would."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        self.context = rclpy.Context()
        rclpy.init(
            context=self.context,
            domain_id=int(os.environ["ROS_DOMAIN_ID"]),
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node = rclpy.create_node("observer", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._closing = threading.Event()
        self._spinner = threading.Thread(target=self._spin, daemon=True)
        self._spinner.start()

    def close(self) -> None:
        self._closing.set()
        self._executor.create_task(lambda: None)  # wakes the spinner
        self._spinner.join(PATIENCE)
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()

    def _spin(self) -> None:
        while not self._closing.is_set():
            self._executor.spin_once()

    def call(self, kind, name: str, request):
        """Call a service, and return its answer."""
        client = self.node.create_client(kind, name)
        try:
            assert client.wait_for_service(PATIENCE), f"no service {name}"
            future = client.call_async(request)
            wait_for(future.done, f"an answer of {name}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def state(self, node: str = "/fer") -> str:
        """Return the state of a lifecycle node."""
        from lifecycle_msgs.srv import GetState

        return self.call(GetState, f"{node}/get_state", GetState.Request()).current_state.label

    def change(self, transition: str, node: str = "/fer") -> bool:
        """Call a transition by its label; return whether it succeeded."""
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request()
        request.transition.label = transition
        return self.call(ChangeState, f"{node}/change_state", request).success

    def activate(self, node: str = "/fer") -> None:
        """Bring a node to active."""
        assert self.change("configure", node)
        assert self.change("activate", node)

    def set_parameters(self, atomically: bool = False, **values):
        """Set parameters of /fer; return the result, or the list of results."""
        from rcl_interfaces.srv import SetParameters, SetParametersAtomically
        from rclpy.parameter import Parameter

        wanted = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        if atomically:
            request = SetParametersAtomically.Request(parameters=wanted)
            name = "/fer/set_parameters_atomically"
            return self.call(SetParametersAtomically, name, request).result
        request = SetParameters.Request(parameters=wanted)
        return self.call(SetParameters, "/fer/set_parameters", request).results

    def get_parameter(self, name: str):
        """Return the value of a parameter of /fer."""
        from rcl_interfaces.srv import GetParameters
        from rclpy.parameter import parameter_value_to_python

        request = GetParameters.Request(names=[name])
        return parameter_value_to_python(
            self.call(GetParameters, "/fer/get_parameters", request).values[0]
        )

    def listen(self, kind, topic: str, qos=10) -> list:
        """Return a list that fills with the messages of a topic."""
        received: list = []
        self.node.create_subscription(kind, topic, received.append, qos)
        return received

    def diagnostics(self):
        """Return a function that answers the newest status by the end of its name, or None."""
        from diagnostic_msgs.msg import DiagnosticArray

        arrays = self.listen(DiagnosticArray, "/diagnostics")

        def newest(name: str):
            statuses = arrays[-1].status if arrays else []
            return next((each for each in statuses if name in each.name), None)

        return newest
