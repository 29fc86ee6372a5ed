"""One camera: the newest image waiting to be processed, and what became of all others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fer_ros.timing import RollingWindow

DROP_CAUSES = ("superseded", "disabled", "undecodable", "too_old", "failed")
"""Why an image is not answered: a newer one came before the worker was free; the node is
disabled; its bytes are no usable image; it was older than ``max_age``; the pipeline failed."""

_TROUBLE_TIME = 10.0
"""How long diagnostics go on about an unusable image [s]."""


@dataclass(frozen=True)
class Arrival:
    """An image as it came from the middleware."""

    data: bytes
    """CDR bytes of the message."""
    received_ns: int
    """Node clock on arrival."""


@dataclass(frozen=True)
class StreamCounts:
    """What happened on a stream since the node became active."""

    received: int
    published: int
    dropped: dict[str, int]
    """By cause, in the order of :data:`DROP_CAUSES`."""
    unstamped: int
    """Images with a stamp of zero."""
    from_future: int
    """Images whose stamp lies ahead of the node's clock."""
    last_error: str
    """Why the newest undecodable image, or failed run, was given up; empty when none was."""


class Stream:
    """The newest-frame slot of one camera topic and its counters; safe between threads."""

    def __init__(self, topic: str, compressed: bool, wake: Callable[[], None]) -> None:
        """Start with an empty slot.

        Args:
            topic: Fully qualified name.
            compressed: Whether messages are CompressedImage.
            wake: Called when an image arrives.
        """
        self.topic = topic
        self.compressed = compressed
        self._rate_in = RollingWindow()
        self._rate_out = RollingWindow()
        self._wake = wake
        self._lock = threading.Lock()
        self._slot: Arrival | None = None
        self._events: Counter[str] = Counter()
        self._started = time.monotonic()
        self._last_arrival: float | None = None
        self._last_error = ""
        self._last_trouble: float | None = None

    def put(self, arrival: Arrival) -> None:
        """Store a new image; one that still waits is dropped as superseded."""
        with self._lock:
            now = time.monotonic()
            self._events["received"] += 1
            self._last_arrival = now
            self._rate_in.add(1.0, now)
            if self._slot is not None:
                self._events["superseded"] += 1
            self._slot = arrival
        self._wake()

    def take(self) -> Arrival | None:
        """Remove and return the waiting image, if any."""
        with self._lock:
            arrival, self._slot = self._slot, None
            return arrival

    def drop(self, cause: str, reason: str = "") -> None:
        """Count an image that was taken but not answered; cause as in :data:`DROP_CAUSES`."""
        with self._lock:
            self._events[cause] += 1
            if reason:
                self._last_error = reason
                self._last_trouble = time.monotonic()

    def note_stamp(self, stamp_ns: int, received_ns: int) -> None:
        """Count stamps that cannot be right; a clock at 0 has not started and proves nothing."""
        with self._lock:
            self._events["unstamped"] += stamp_ns == 0
            self._events["from_future"] += stamp_ns > received_ns > 0

    def published(self) -> None:
        """Count an answered image."""
        with self._lock:
            self._events["published"] += 1
            self._rate_out.add(1.0, time.monotonic())

    def silence(self) -> tuple[float, bool]:
        """Return how long the camera has been silent [s], and whether it was ever heard."""
        with self._lock:
            since = self._started if self._last_arrival is None else self._last_arrival
            return time.monotonic() - since, self._last_arrival is not None

    def recent_trouble(self) -> bool:
        """Return whether an image was dropped for a reason of its own in the last ten seconds."""
        with self._lock:
            last = self._last_trouble
            return last is not None and time.monotonic() - last < _TROUBLE_TIME

    def counts(self) -> StreamCounts:
        """Return the counters."""
        with self._lock:
            events = self._events
            return StreamCounts(
                received=events["received"],
                published=events["published"],
                dropped={cause: events[cause] for cause in DROP_CAUSES},
                unstamped=events["unstamped"],
                from_future=events["from_future"],
                last_error=self._last_error,
            )

    def rates(self) -> tuple[float, float]:
        """Return images received and answered per second [Hz]."""
        with self._lock:
            now = time.monotonic()
            return self._rate_in.rate(now), self._rate_out.rate(now)
