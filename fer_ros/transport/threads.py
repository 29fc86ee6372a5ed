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

"""Threads for callbacks: steady timers and message deliveries, with a guaranteed end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from fer_ros.transport.base import Logger

JOIN_TIMEOUT = 2.0
"""How long closing waits for a callback that runs [s]; callbacks are to return at once."""


def guarded(log: Logger, what: str, callback: Callable[..., None], *args: Any) -> None:
    """Run a callback; what it raises is logged, so that its thread lives on."""
    try:
        callback(*args)
    except Exception as error:  # a callback's fault must not silence all later messages
        log.error(f"{what} failed: {type(error).__name__}: {error}")


def join(thread: threading.Thread, log: Logger) -> None:
    """Wait for a thread's end, unless it is the calling one."""
    if thread is threading.current_thread():
        return
    thread.join(JOIN_TIMEOUT)
    if thread.is_alive():
        log.warning(f"{thread.name} still runs {JOIN_TIMEOUT:g} s after it was closed")


class SteadyTimer:
    """Calls back periodically on a thread of its own; missed periods are skipped."""

    def __init__(self, period: float, callback: Callable[[], None], log: Logger) -> None:
        """Start it.

        Args:
            period: Steady-clock seconds between calls; the first comes after one period.
            callback: Must return soon.
            log: Where a failing callback is reported.

        Raises:
            ValueError: The period is not positive.
        """
        if not period > 0:
            raise ValueError(f"a timer's period must be positive, not {period}")
        self._period = period
        self._callback = callback
        self._log = log
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it was stopped."""
        return self._closed.is_set()

    def close(self) -> None:
        """Stop it; no callback runs after it returns."""
        self._closed.set()
        join(self._thread, self._log)

    def _run(self) -> None:
        due = time.monotonic() + self._period
        while not self._closed.wait(max(due - time.monotonic(), 0.0)):
            guarded(self._log, "timer callback", self._callback)
            late = time.monotonic() - due
            due += self._period * (1 + max(late, 0.0) // self._period)
