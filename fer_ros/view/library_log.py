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

"""Rate limit for aiohttp's log lines about malformed requests."""

from __future__ import annotations

import logging
from collections.abc import Callable


class LibraryLog(logging.Handler):
    """Receives the library's log lines about malformed requests, which would fill any log."""

    def __init__(self, complain: Callable[[str, str], None]) -> None:
        super().__init__()
        self._complain = complain
        self._logger = logging.getLogger("aiohttp.server")
        self._before = self._logger.level, self._logger.propagate
        self._logger.addHandler(self)
        self._logger.setLevel(logging.DEBUG)  # requests that are no HTTP are logged there
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on relevant records."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING or text.startswith("Error handling"):
            self._complain("http", text)

    def end(self) -> None:
        """Give the library its own log back."""
        self._logger.removeHandler(self)
        self._logger.setLevel(self._before[0])
        self._logger.propagate = self._before[1]
