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

"""Idle connections are closed, so that they cannot accumulate."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

MAX_CONNECTIONS = 200
"""Open at once; beyond, all that are no page's live socket are closed."""

_IDLE = 15.0
"""How long a connection may be open that is no page's live socket [s]."""

_PERIOD = 2.0
"""Time between two looks [s]."""


class IdleConnections:
    """Closes what is open for long and is no live socket."""

    def __init__(self) -> None:
        self._kept: set[Any] = set()
        self._since: dict[Any, float] = {}

    def keep(self, request: web.Request) -> None:
        """Let a request's connection live."""
        self._kept.add(request.protocol)

    async def watch(self, runner: web.AppRunner) -> None:
        """Look at a server's connections for ever."""
        while True:
            await asyncio.sleep(_PERIOD)
            server = runner.server
            connections = [] if server is None else list(server.connections)
            now = time.monotonic()
            self._since = {each: self._since.get(each, now) for each in connections}
            self._kept &= self._since.keys()
            crowded = len(connections) > MAX_CONNECTIONS
            for each in self._since.keys() - self._kept:
                if crowded or now - self._since[each] > _IDLE:
                    each.force_close()
