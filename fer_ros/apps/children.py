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

"""Other ``fer-ros`` commands run beside this one, as processes of their own.

A child holds one end of a pipe whose other end only its parent has. When the parent is gone,
however it ended, the pipe is at its end, and the child ends as on SIGTERM. This module is also the
program that the child runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from fer_ros.apps import cli
from fer_ros.perception.strings import shortened

_END_TIME = 3.0
"""Time that a process has to end before it is killed [s]."""

_MOST_LINES = 1000
"""Lines of output that are kept of a process, the newest."""

_MOST_CHARACTERS = 2000
"""Of such a line; what a library prints may hold anything."""


def node_command(parameters: Mapping[str, Any]) -> list[str]:
    """Return the command that starts the node with some parameters.

    Images are asked for reliably unless the parameters say otherwise: with the small socket
    buffers of a stock kernel, raw images would mostly be lost on the best-effort way.
    """
    values = {"image_reliability": "reliable", **parameters}
    rules = [f"{name}:={json.dumps(value)}" for name, value in values.items()]
    return ["run", "--ros-args", *(word for rule in rules for word in ("-p", rule))]


class Child:
    """A ``fer-ros`` command in its own process, ended when the ``with`` block is left."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        """Start it.

        Args:
            name: For messages.
            arguments: Command and options, as after ``fer-ros``.
        """
        self.name = name
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments],
            stdin=subprocess.PIPE,  # nothing is written: its end is the end of this process
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is for this process, which then ends its children in order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def ended(self) -> bool:
        """Return whether the process is over."""
        if self._process.poll() is None:
            return False
        self._reader.join(1.0)  # its last words
        return True

    def output(self) -> str:
        """Return the newest lines that it has printed."""
        return "\n".join(tuple(self._lines))

    def stop(self) -> int:
        """End the process and return its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_END_TIME)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return self._process.returncode

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(shortened(line.rstrip(), _MOST_CHARACTERS))

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def main() -> int:
    """Run a ``fer-ros`` command that ends with its parent; return its exit status."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return cli.main()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_END_TIME)
    os._exit(1)  # something that does not react to signals is in its way


if __name__ == "__main__":
    sys.exit(main())
