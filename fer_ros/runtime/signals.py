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

import signal
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


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that is set by the signals of :func:`ending_signals`.

    After the block they are ignored, for the process is about to end: a terminal and a launcher
    may each send one, and the second would kill an interpreter that is already closing down.
    """
    stop, numbers = threading.Event(), ending_signals()
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
