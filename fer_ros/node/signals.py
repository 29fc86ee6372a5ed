"""How a process of the node ends: on SIGINT or SIGTERM, once, and in bounded time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 0.6
"""How long the end of the process waits for work that cannot be interrupted [s]."""


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set.

    After the block both are ignored, for the process is about to end: a terminal and a launcher
    may each send one, and the second would kill an interpreter that is already closing down.
    """
    stop, numbers = threading.Event(), (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
