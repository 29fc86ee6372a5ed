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

"""Rate limit for log messages that would come with every frame, with their count."""

from __future__ import annotations

import threading
import time

_MOST_KINDS = 1000
"""Kinds that are remembered; of more, those are forgotten that came first."""


class Throttle:
    """Admits a message of one kind at most once in a period; thread-safe.

    Args:
        period: Least time between two messages of a kind [s].
    """

    def __init__(self, period: float = 5.0) -> None:
        self._period = period
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str, text: str) -> str | None:
        """Return the message to log, with the number suppressed before it; None: log nothing."""
        now = time.monotonic()
        with self._lock:
            last, held_back = self._kinds.get(kind, (-self._period, 0))
            if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            if now - last < self._period:
                self._kinds[kind] = (last, held_back + 1)
                return None
            self._kinds[kind] = (now, 0)
        return f"{text} (and {held_back} more like it)" if held_back else text
