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

"""Processes that share the work of a command, and end quietly with it on Ctrl-C.

Ctrl-C reaches every process of a terminal, and the parent passes it on as well.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.context import SpawnProcess

SPAWN = get_context("spawn")
"""Not forked: ONNX Runtime's threads do not survive a fork."""

_CAN_BLOCK = hasattr(signal, "pthread_sigmask")  # not on Windows


def start_held(process: SpawnProcess) -> None:
    """Start a process in which SIGINT waits until :func:`until_interrupted` can handle it.

    One that comes before would show where in its imports the process was. Here SIGINT waits until
    the process has been started.
    """
    if not _CAN_BLOCK:
        process.start()
        return
    # The first process starts it otherwise, which lets SIGINT through again too early.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def until_interrupted(work: Callable[[], None]) -> None:
    """In a process of :func:`start_held`: work until that is done, or to the first SIGINT.

    It raises KeyboardInterrupt in `work`, which goes no further: the parent, which was interrupted
    as well, speaks for all. Later ones are ignored, for work may clean up, and nothing is left to
    do after it.
    """
    # Set here, because a shell lets its background jobs, and so their children, ignore SIGINT.
    signal.signal(signal.SIGINT, _interrupt_once)
    with suppress(KeyboardInterrupt):
        try:
            if _CAN_BLOCK:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            work()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt_once(*_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
