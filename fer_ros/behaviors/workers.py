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

"""Threads with bounded queues, and calls with a timeout, so that nothing blocks the caller."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Logger
from fer_ros.transport.threads import join

T = TypeVar("T")

QUEUE_SIZE = 256

_WARNING_PERIOD = 10.0
"""Shortest time between two log lines of one kind [s]."""

_DRAIN_TIME = 2.0
"""How long closing waits for what is queued [s]."""


@dataclass(frozen=True)
class Load:
    """What a worker has done so far."""

    done: int
    failed: int
    dropped: int
    waiting: int
    busy_s: float
    """How long the item that it works on has taken so far [s]; 0: it is idle."""
    last_error: str
    """Of the newest failure; empty: none."""
    failing: bool
    """Whether the newest item failed."""


class Worker(Generic[T]):
    """Hands items to a function, one at a time; of too many the oldest are dropped."""

    def __init__(self, name: str, work: Callable[[T], None], log: Logger) -> None:
        """Start the thread.

        Args:
            name: For log lines.
            work: May take its time; what it raises, ``SystemExit`` included, is logged and counted.
            log: Where.
        """
        self.name = name
        self._work = work
        self._log = log
        self._queue: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._done = self._failed = self._dropped = 0
        self._busy_since: float | None = None
        self._last_error = ""
        self._failing = False
        self._logged: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name=f"fer-{name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many items were dropped because too many waited."""
        return self._dropped

    def load(self) -> Load:
        """Return what it has done so far."""
        since = self._busy_since
        return Load(
            done=self._done,
            failed=self._failed,
            dropped=self._dropped,
            waiting=len(self._queue),
            busy_s=0.0 if since is None else time.monotonic() - since,
            last_error=self._last_error,
            failing=self._failing,
        )

    def put(self, item: T) -> None:
        """Queue an item; returns at once."""
        with self._changed:
            if len(self._queue) >= QUEUE_SIZE:
                self._queue.popleft()
                self._dropped += 1
                self._say(
                    self._log.warning, "slow",
                    f"{self.name} is too slow: {self._dropped} of its events dropped, "
                    f"{QUEUE_SIZE} wait",
                )  # fmt: skip
            self._queue.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Process what is queued, for two seconds at most, and end."""
        end = time.monotonic() + _DRAIN_TIME
        with self._changed:
            self._changed.wait_for(lambda: not self._queue, max(end - time.monotonic(), 0))
            self._closed = True
            self._changed.notify_all()
        join(self._thread, self._log)

    def _say(self, log: Callable[[str], Any], kind: str, text: str) -> None:
        """Log a line, unless one of its kind was logged a short while ago."""
        now = time.monotonic()
        if now - self._logged.get(kind, -_WARNING_PERIOD) >= _WARNING_PERIOD:
            self._logged[kind] = now
            log(text)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._queue)
                if self._closed:
                    return
                item = self._queue.popleft()
                self._changed.notify_all()
            self._busy_since = time.monotonic()
            try:
                self._work(item)
                self._failing = False
            except BaseException as error:  # sys.exit() of foreign code must not end the thread
                self._failed += 1
                self._failing = True
                self._last_error = error_text(error)
                count = f" ({self._failed} times so far)" if self._failed > 1 else ""
                self._say(
                    self._log.error, "failed", f"{self.name} failed: {self._last_error}{count}"
                )
            self._busy_since = None
            self._done += 1


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How a call ended."""

    value: T | None = None
    error: BaseException | None = None
    timed_out: bool = False


def call_bounded(name: str, function: Callable[[], T], timeout: float) -> Outcome[T]:
    """Call a function on a thread of its own and wait for it, for a bounded time.

    Args:
        name: Of the thread.
        function: Whatever it raises, ``SystemExit`` included, is part of the outcome.
        timeout: After which the call is left to itself [s].
    """
    outcomes: list[Outcome[T]] = []

    def run() -> None:
        try:
            outcomes.append(Outcome(value=function()))
        except BaseException as error:  # as in Worker
            outcomes.append(Outcome(error=error))

    thread = threading.Thread(target=run, name=f"fer-{name}", daemon=True)
    thread.start()
    thread.join(timeout)
    return outcomes[0] if outcomes else Outcome(timed_out=True)


def error_text(error: BaseException) -> str:
    """Return type and message of an error of foreign code, also where ``str`` of it fails."""
    try:
        text = shortened(str(error))
    except Exception:  # a __str__ that fails
        text = "without a readable message"
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind
