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

"""Log lines for changes in the diagnostics, for users who run a node by hand."""

from __future__ import annotations

import time

from fer_ros.transport.base import Logger
from fer_ros.transport.messages import Status

_WORSE, _WELL = 2.0, 10.0
"""Debounce before a change of level is logged [s]; what comes and goes is for
diagnostics."""


class StatusLog:
    """Logs changes of level of a camera or of the node, once for each change that lasts."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._said: dict[str, int] = {}
        self._since: dict[str, tuple[int, float]] = {}

    def note(self, status: Status) -> None:
        """Take in a status of this moment."""
        now = time.monotonic()
        level, since = self._since.get(status.name, (0, now))
        if level != status.level:
            level, since = status.level, now
        self._since[status.name] = (level, since)
        if level != self._said.get(status.name, 0) and now - since >= (_WORSE if level else _WELL):
            self._said[status.name] = level
            self._say(status)

    def clear(self) -> None:
        """Forget the cameras, which are left."""
        self._said, self._since = {}, {}

    def _say(self, status: Status) -> None:
        text = f"{status.name.partition(': ')[2]}: {status.message}"
        if status.level == 0:
            self._log.info(text)
        elif status.level == 1:
            self._log.warning(text)
        else:
            self._log.error(text)
