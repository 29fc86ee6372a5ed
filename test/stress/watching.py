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

"""What must stay as it is while much comes in: memory, threads, open files; no error escapes."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

_SETTLE_S = 20.0
"""In which sockets and threads of clients that have left are given up: servers close them later."""
_SLACK = 60
"""Growth of the memory that a warm process may show [MiB]."""


class Watch:
    """Looks at this process while a test runs."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._first: tuple[float, int, int] | None = None
        self.latest = (0.0, 0, 0)
        self.escaped: list[str] = []

    def look(self) -> None:
        """Note memory [MiB], threads and open files; later looks are held against the first."""
        gc.collect()
        memory = self._process.memory_info().rss / 2**20
        self.latest = (memory, threading.active_count(), self._process.num_fds())
        self._first = self._first or self.latest

    def check(self, slack: float = _SLACK) -> None:
        """Fail when something grew, or an error left its thread.

        Args:
            slack: Growth of the memory that is allowed [MiB].
        """
        assert self._first is not None
        self.look()
        end = time.monotonic() + _SETTLE_S
        while not self._settled() and time.monotonic() < end:
            time.sleep(0.2)
            self.look()
        assert not self.escaped
        assert self.latest[0] <= self._first[0] + slack, f"memory {self._first} -> {self.latest}"
        assert self._settled(), f"threads and files {self._first[1:]} -> {self.latest[1:]}"

    def _settled(self) -> bool:
        assert self._first is not None
        (_, threads, files), (_, now_threads, now_files) = self._first, self.latest
        return now_threads <= threads and now_files <= files + 2

    def summary(self) -> str:
        """Return how it began and how it is."""
        assert self._first is not None
        (before, _, _), (after, threads, files) = self._first, self.latest
        return f"memory {before:.0f} -> {after:.0f} MiB, {threads} threads, {files} open files"


def soon(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait as :func:`support.wait_for` does, but look often: this happens for every message."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.0003)


@contextmanager
def watching() -> Iterator[Watch]:
    """Give a watch that also hears of errors that end a thread."""
    watch, hook = Watch(), threading.excepthook
    threading.excepthook = lambda args: watch.escaped.append(repr(args.exc_value))
    try:
        yield watch
    finally:
        threading.excepthook = hook
