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

"""The page's server on a thread of its own, and a tab as a script has one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the page's library is not installed (extra [web])")

import aiohttp
from support import Robot

from fer_ros.transport.memory import MemoryTransport
from fer_ros.view.access import Access
from fer_ros.view.server import ViewServer


@contextmanager
def serving(robot: Robot, token: str = "") -> Iterator[Server]:
    """Serve the page of a robot's graph."""
    transport = MemoryTransport(robot.graph, "fer_view")
    ready, stop, port = threading.Event(), threading.Event(), []

    def started(at: int) -> None:
        port.append(at)
        ready.set()

    server = ViewServer(transport, Access(token))
    run = lambda: asyncio.run(server.run("127.0.0.1", 0, started, stop))  # noqa: E731
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield Server(port[0], server, transport)
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        transport.close()


class Server:
    def __init__(self, port: int, view: ViewServer, transport: MemoryTransport) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.view = view
        self.warnings: list[str] = []
        transport.log.warning = self.warnings.append  # type: ignore[method-assign]


class Tab:
    """A page's socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.pictures: list[bytes] = []

    async def wish(self, name: str, value: object) -> None:
        await self.socket.send_str(json.dumps({name: value}))

    async def until(self, condition, seconds: float = 10.0) -> None:
        """Take in messages until a condition holds."""

        async def take() -> None:
            while not condition():
                message = await self.socket.receive()
                if message.type == aiohttp.WSMsgType.TEXT:
                    self.messages.append(json.loads(message.data))
                elif message.type == aiohttp.WSMsgType.BINARY:
                    self.pictures.append(message.data)
                else:
                    raise AssertionError(f"the socket was closed: {message}")

        await asyncio.wait_for(take(), seconds)

    async def closed(self, seconds: float = 10.0) -> int:
        """Return the code with which the server closes the socket."""

        async def take() -> None:
            while not self.socket.closed:
                await self.socket.receive()

        await asyncio.wait_for(take(), seconds)
        return int(self.socket.close_code or 0)

    def newest(self, kind: str) -> dict[str, Any] | None:
        return next((m for m in reversed(self.messages) if m["type"] == kind), None)

    def cameras(self) -> dict[str, dict[str, Any]]:
        state = self.newest("state")
        return {camera["topic"]: camera for camera in state["cameras"]} if state else {}
