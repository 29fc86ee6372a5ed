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

"""Input of one camera: the newest image waiting to be processed, and counters of all others."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fer_ros.node.backlog import Backlog, Message
from fer_ros.node.gaps import StampGaps
from fer_ros.perception.timing import RollingWindow

DROP_CAUSES = (
    "superseded", "rate_limited", "disabled", "no_key_frame", "undecodable", "too_old", "failed",
)  # fmt: skip
"""Why an image has no result: a newer one came before the worker was free; it came sooner than
``max_rate`` allows; the node is disabled; it is a picture of a video that rests on packets which
did not come; its bytes are no usable image; it was older than ``max_age``; the pipeline failed."""

_TROUBLE_TIME = 10.0
"""How long diagnostics go on about an unusable image [s]."""

_EARLY = 0.1
"""How much sooner than ``max_rate`` allows an image may come, in periods: cameras jitter."""

_CLOCK_TOLERANCE = 50_000_000
"""How far a stamp may lie ahead of the node's clock without remark [ns]: clocks of two hosts are
rarely closer, and /clock comes in steps."""


@dataclass(frozen=True)
class StreamCounts:
    """Counters of a stream since the node became active."""

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
    recent_error: bool
    """Whether that was in the last ten seconds."""
    recent_odd_stamp: bool
    """Whether an image of the last ten seconds had no stamp, or one ahead of the clock."""
    missing: int
    """Images that never came, by the gaps in the stamps of the others."""
    without_result: float
    """How long images have come without one being processed [s]; 0 when none is waited for."""


@dataclass(frozen=True)
class StreamRates:
    """Rates of received, processed and dropped images over the recent past."""

    received: float
    """[Hz]"""
    processed: float
    """[Hz]"""
    lost_share: float
    """Share of the camera's images that was not processed, 0 to 1; ``max_rate`` set apart."""
    superseded_share: float
    """Share of the received images for which the worker was not free, 0 to 1."""
    missing_share: float
    """Share of the camera's images that got lost before the node, 0 to 1."""


class Stream:
    """The newest-frame slot of one camera topic and its counters; safe between threads."""

    def __init__(
        self, topic: str, type_name: str, wake: Callable[[], None], max_rate: float = 0.0
    ) -> None:
        """Start with an empty slot.

        Args:
            topic: Fully qualified name.
            type_name: Of its messages, one of :data:`fer_ros.transport.messages.IMAGES`.
            wake: Called when an image arrives.
            max_rate: Images taken in at most [1/s]; 0 sets no limit.
        """
        self.topic = topic
        self._rate_in = RollingWindow()
        self._rate_out = RollingWindow()
        self._rate_superseded = RollingWindow()
        self._rate_limited = RollingWindow()
        self._rate_missing = RollingWindow()
        self._gaps = StampGaps()
        self._period = 1 / max_rate if max_rate else 0.0
        self._due = -math.inf
        self._wake = wake
        self._lock = threading.Lock()
        self._backlog = Backlog(type_name)
        self._events: Counter[str] = Counter()
        self._started = time.monotonic()
        self._last_arrival: float | None = None
        self._last_error = ""
        self._error_at = self._odd_stamp_at = -math.inf
        self._waiting_since: float | None = None

    @property
    def type_name(self) -> str:
        """Of its messages."""
        return self._backlog.type_name

    def turn_to(self, type_name: str) -> None:
        """Expect messages of another type from now on."""
        with self._lock:
            self._backlog = Backlog(type_name)

    def put(self, message: Message) -> None:
        """Store a new image; one that still waits is dropped as superseded."""
        with self._lock:
            now = time.monotonic()
            self._events["received"] += 1
            self._last_arrival = now
            self._rate_in.add(1.0, now)
            self._note_gap(message.stamp_ns, now)
            if not self._admits(now):
                self._events["rate_limited"] += 1
                self._rate_limited.add(1.0, now)
                self._backlog.pass_by(message)
                return
            if self._waiting_since is None:
                self._waiting_since = now
            if self._backlog.put(message):
                self._events["superseded"] += 1
                self._rate_superseded.add(1.0, now)
        self._wake()

    def _note_gap(self, stamp_ns: int, now: float) -> None:
        missing = sum(gap.missing for gap in self._gaps.note(stamp_ns))
        self._events["missing"] += missing
        if missing:
            self._rate_missing.add(float(missing), now)

    def _admits(self, now: float) -> bool:
        """Whether ``max_rate`` lets an image in; one that comes a little early counts as due."""
        if now < self._due - _EARLY * self._period:
            return False
        kept_up = now - self._due <= self._period
        self._due = (self._due if kept_up else now) + self._period
        return True

    @property
    def waiting(self) -> bool:
        """Whether an image waits."""
        return self._backlog.filled

    def take(self) -> Message | None:
        """Remove and return the waiting image, if any, with the packets that it may rest on."""
        with self._lock:
            return self._backlog.take()

    def drop(self, cause: str, reason: str = "") -> None:
        """Count an image that was taken but not processed; cause as in :data:`DROP_CAUSES`."""
        with self._lock:
            self._events[cause] += 1
            if cause == "disabled":
                self._waiting_since = None  # no result is waited for
            if reason:
                self._last_error = reason
                self._error_at = time.monotonic()

    def note_stamp(self, stamp_ns: int, received_ns: int) -> None:
        """Count stamps that cannot be right; a clock at 0 has not started and proves nothing."""
        unstamped = stamp_ns == 0
        ahead = received_ns > 0 and stamp_ns > received_ns + _CLOCK_TOLERANCE
        with self._lock:
            self._events["unstamped"] += unstamped
            self._events["from_future"] += ahead
            if unstamped or ahead:
                self._odd_stamp_at = time.monotonic()

    def published(self) -> None:
        """Count a processed image."""
        with self._lock:
            self._events["published"] += 1
            self._rate_out.add(1.0, time.monotonic())
            self._waiting_since = None

    def silence(self) -> tuple[float, bool]:
        """Return how long the camera has been silent [s], and whether it was ever heard."""
        with self._lock:
            since = self._started if self._last_arrival is None else self._last_arrival
            return time.monotonic() - since, self._last_arrival is not None

    def counts(self) -> StreamCounts:
        """Return the counters."""
        with self._lock:
            events, now = self._events, time.monotonic()
            return StreamCounts(
                received=events["received"],
                published=events["published"],
                dropped={cause: events[cause] for cause in DROP_CAUSES},
                unstamped=events["unstamped"],
                from_future=events["from_future"],
                last_error=self._last_error,
                recent_error=now - self._error_at < _TROUBLE_TIME,
                recent_odd_stamp=now - self._odd_stamp_at < _TROUBLE_TIME,
                missing=events["missing"],
                without_result=now - self._waiting_since if self._waiting_since else 0.0,
            )

    def rates(self) -> StreamRates:
        """Return the rates over the recent past."""
        with self._lock:
            now = time.monotonic()
            received, missing = self._rate_in.count(now), round(self._rate_missing.total(now))
            wanted = received + missing - self._rate_limited.count(now)
            wanted -= self._waiting_since is not None  # the newest is not lost yet
            return StreamRates(
                received=self._rate_in.rate(now),
                processed=self._rate_out.rate(now),
                lost_share=max(1 - self._rate_out.count(now) / wanted, 0.0) if wanted > 0 else 0.0,
                superseded_share=self._rate_superseded.count(now) / max(received, 1),
                missing_share=missing / max(received + missing, 1),
            )
