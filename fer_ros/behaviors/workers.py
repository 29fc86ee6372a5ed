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

"""A thread with a bounded queue: what stalls holds up nobody else."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from fer_ros.transport.base import Logger
from fer_ros.transport.threads import guarded, join

T = TypeVar("T")

QUEUE_SIZE = 256

_WARNING_PERIOD = 10.0
"""Shortest time between two warnings [s]."""

_DRAIN_TIME = 2.0
"""How long closing waits for what is queued [s]."""


class Worker(Generic[T]):
    """Hands items to a function, one at a time; of too many the oldest are dropped."""

    def __init__(self, name: str, work: Callable[[T], None], log: Logger) -> None:
        """Start the thread.

        Args:
            name: What warnings call it.
            work: May take its time; what it raises is logged.
            log: Where.
        """
        self.name = name
        self.dropped = 0
        self._work = work
        self._log = log
        self._queue: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._warned = -_WARNING_PERIOD
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Queue an item; returns at once."""
        with self._changed:
            if len(self._queue) >= QUEUE_SIZE:
                self._queue.popleft()
                self.dropped += 1
                self._warn()
            self._queue.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Let what is queued be done, for two seconds at most, and end."""
        end = time.monotonic() + _DRAIN_TIME
        with self._changed:
            self._changed.wait_for(lambda: not self._queue, max(end - time.monotonic(), 0))
            self._closed = True
            self._changed.notify_all()
        join(self._thread, self._log)

    def _warn(self) -> None:
        now = time.monotonic()
        if now - self._warned >= _WARNING_PERIOD:
            self._warned = now
            self._log.warning(
                f"{self.name} is too slow: {self.dropped} of its events dropped, {QUEUE_SIZE} wait"
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._queue)
                if self._closed:
                    return
                item = self._queue.popleft()
                self._changed.notify_all()
            guarded(self._log, self.name, self._work, item)
