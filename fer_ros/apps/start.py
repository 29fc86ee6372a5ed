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

"""Start and end of a program: Ctrl-C without a traceback, and no thread left computing.

Imports here are those that Python itself has loaded already, or nearly so, because a Ctrl-C before
:func:`quiet_interrupt` still shows one.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time

TYPE_CHECKING = False  # as in fer_ros/__init__.py
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

COMPUTING = "fer-"
"""Beginning of the names of threads that may be inside a network or a picture when all ends."""

_LAST_WAIT = 0.6
"""How long such threads are waited for [s]."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell reports it."""


def start(module: str, *arguments: Any) -> int:
    """Import a module and run its ``main``; return the exit status.

    Args:
        module: Dotted name. Loading it may take a second.
        arguments: Of its ``main``.
    """
    quiet_interrupt()
    return leave(int(importlib.import_module(module).main(*arguments)))


def leave(status: int) -> int:
    """Return an exit status; the process ends with it at once where a thread still computes.

    Python's own end takes a thread out of native code as it comes back from there, which aborts the
    process ("terminate called without an active exception"). Such a thread cannot be stopped.
    """
    threading = sys.modules.get("threading")
    if threading is None:
        return status
    threads = [each for each in threading.enumerate() if each.name.startswith(COMPUTING)]
    end = time.monotonic() + _LAST_WAIT
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.0))
    if any(thread.is_alive() for thread in threads):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # nobody reads it any more
                continue
        os._exit(status)
    return status


def quiet_interrupt() -> None:
    """Let Ctrl-C end the process at once, unless somebody handles or ignores it already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _handle(_leave)


def raised_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, for work that cleans up after itself.

    SIGTERM, and SIGHUP where ``nohup`` does not have it ignored, do so as well.
    """
    if signal.getsignal(signal.SIGINT) is _leave:
        _handle(signal.default_int_handler)
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is signal.SIG_DFL:
                _handle(signal.default_int_handler, number)


def _handle(handler: Any, number: int = signal.SIGINT) -> None:
    try:  # noqa: SIM105  (contextlib would have to be loaded)
        signal.signal(number, handler)
    except ValueError:  # not the main thread, where signals never arrive
        pass


def _leave(_: int, __: FrameType | None) -> None:
    # No clean-up: nothing has been made yet, and libraries that are half loaded may hang in theirs.
    os._exit(INTERRUPTED)
