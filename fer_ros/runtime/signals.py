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

"""End of a command: on SIGINT, SIGTERM or SIGHUP, once, and in bounded time."""

from __future__ import annotations

import selectors
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 0.6
"""How long the end of the process waits for work that cannot be interrupted [s]."""


def ending_signals() -> tuple[int, ...]:
    """Return the signals that end a command in order.

    SIGHUP, the end of a terminal or an ssh session, is one unless ``nohup`` has it ignored.
    """
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, hangup


class StopEvent(threading.Event):
    """An event that a signal handler may set; it is never cleared.

    The handler runs in the main thread, between any two of its instructions. ``set`` of
    ``threading.Event`` takes a lock, and where the main thread holds that, as at the end of each
    of its waits, it would wait for itself for ever.
    """

    def __init__(self) -> None:
        """Begin unset."""
        super().__init__()
        self._stopped = False
        self._seen, self._told = socket.socketpair()

    def set(self) -> None:
        """Set it and wake who waits."""
        if not self._stopped:
            self._stopped = True
            self._told.send(b"\0")

    def is_set(self) -> bool:
        """Return whether it was set."""
        return self._stopped

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most so long [s]; return whether it is."""
        if not self._stopped:
            with selectors.DefaultSelector() as selector:
                selector.register(self._seen, selectors.EVENT_READ)
                selector.select(None if timeout is None else max(timeout, 0.0))
        return self._stopped

    def __del__(self) -> None:
        """Close what wakes it: threads may wait until the very end of a command."""
        self._seen.close()
        self._told.close()


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that is set by the signals of :func:`ending_signals`.

    After the block they are ignored, for the process is about to end: a terminal and a launcher
    may each send one, and the second would kill an interpreter that is already closing down.
    """
    stop, numbers = StopEvent(), ending_signals()
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
