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

"""The page's server: a few files, and one socket a tab that everything live comes through.

Pictures come through that socket as well: a browser opens only six connections to one server, so a
seventh tab of MJPEG would wait for ever. A tab asks for its next picture when it has drawn the last
one, so that a slow one gets fewer and at most one is under way to it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from fer_ros import __version__
from fer_ros.perception.palette import PALETTE, PEOPLE
from fer_ros.runtime.throttle import Throttle
from fer_ros.transport.base import Logger, Transport
from fer_ros.view.access import Access
from fer_ros.view.board import WINDOW, Board
from fer_ros.view.library_log import LibraryLog
from fer_ros.view.limits import IdleConnections
from fer_ros.view.watch import Picture, Watch

MAX_TABS = 40
"""Sockets open at once; more are refused with a message."""

HEARTBEAT = 15.0
"""Period of pings to pages; the response may take half of it [s]."""

_MAX_REQUEST = 4096
"""Largest body or message that is read from a browser [bytes]."""

_STATE_PERIOD, _FACES_PERIOD = 1.0, 0.2
"""Time between two states, and between two looks for new faces [s]."""

_PICTURES_PER_SECOND = 120.0
"""Sent to all tabs together; one alone gets what the camera gives."""

WISH_PAUSE = 0.01
"""Time between two wishes of a page that are heard [s]; more wait in its browser."""

_SEND_TIME = 5.0
"""A tab that takes no message for longer is closed [s]."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PAGES = {
    "/": ("index.html", "text/html"),
    "/view.css": ("view.css", "text/css"),
    "/view.js": ("view.js", "text/javascript"),
    "/people.js": ("people.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

_WITHOUT_TOKEN = (
    "fer-ros view: not without the token. Open the address that the command printed when it was "
    "started; it ends in ?token=...\n"
)

_NOT_FROM_HERE = (
    "fer-ros view: this server is for browsers on its own machine, by the names localhost and "
    "127.0.0.1, and for its own page. fer-ros view --host serves others.\n"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Tab:
    """One open page."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.camera = ""
        self.visible = True
        self.cursor = 0
        """How far the camera's timeline has been sent."""
        self.topic = ""
        """Of the pictures it gets."""
        self.shown = 0
        """Number of the last picture sent."""
        self.asked = asyncio.Event()
        """Set while it waits for a picture."""
        self.news = asyncio.Event()
        """Set when a picture may have come."""

    async def send(self, content: str | bytes) -> None:
        """Send text or a picture; a tab that takes nothing for long raises TimeoutError."""
        send = self.socket.send_str if isinstance(content, str) else self.socket.send_bytes
        await asyncio.wait_for(send(content), _SEND_TIME)  # type: ignore[arg-type]


class ViewServer:
    """Serves the page until it is closed; lives in one event loop."""

    def __init__(self, transport: Transport, access: Access) -> None:
        """Prepare.

        Args:
            transport: This node's place in the graph.
            access: The rules of access.
        """
        self._log: Logger = transport.log
        self._access = access
        self._cookie = "fer_view"
        self._board = Board()
        self._transport = transport
        self._tabs: set[_Tab] = set()
        self._throttle = Throttle()
        self._state = (0.0, "")
        self._watch: Watch
        self._connections = IdleConnections()

    async def run(self, host: str, port: int, ready: Callable[[int], None], stop: Any) -> None:
        """Serve until ``stop`` (a ``threading.Event``) is set.

        Args:
            host: Name or address to listen at.
            port: 0 takes a free one.
            ready: Called with the port when the server listens.
            stop: Ends it.

        Raises:
            OSError: The address cannot be had.
        """
        loop = asyncio.get_running_loop()
        application = web.Application(
            middlewares=[self._guard()], client_max_size=_MAX_REQUEST
        )  # fmt: skip
        application.router.add_get("/live", self._live)
        for path in _PAGES:
            application.router.add_get(path, self._page)
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=10)
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=64)
        await site.start()
        port = int(runner.addresses[0][1])
        self._cookie = f"fer_view_{port}"  # cookies are shared by all ports of a host

        def on_picture() -> None:
            loop.call_soon_threadsafe(self._announce_picture)

        self._watch = Watch(self._transport, self._board, on_picture)
        complaints = LibraryLog(self._complain)
        sweeper = asyncio.create_task(self._connections.watch(runner))
        try:
            ready(port)
            await asyncio.to_thread(stop.wait)
        finally:
            sweeper.cancel()
            for tab in list(self._tabs):
                await tab.socket.close(code=WSCloseCode.GOING_AWAY, message=b"ended")
            await asyncio.to_thread(self._watch.close)
            await runner.cleanup()
            complaints.end()

    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            by_address, by_cookie = (
                request.query.get("token", ""),
                request.cookies.get(self._cookie, ""),
            )
            refusal = self._access.check(request.headers, (by_address, by_cookie))
            if refusal:
                self._complain("refused", f"refused {request.remote}: {refusal.reason}")
                text = _WITHOUT_TOKEN if self._access.token else _NOT_FROM_HERE
                response: web.StreamResponse = web.Response(status=refusal.status, text=text)
            elif self._access.token and "token" in request.query and request.path in _PAGES:
                # The token leaves the address bar, and with it the history. The path is relative,
                # for a proxy may show this server below a path of its own.
                place = f"./{request.path.removeprefix('/')}"
                response = web.Response(status=303, headers={"Location": place})
                if self._access.is_right(by_address):
                    self._set_cookie(response)
            else:
                response = await self._respond(request, handler)
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return guard

    def _set_cookie(self, response: web.StreamResponse) -> None:
        # Lax: a link on another site may open the page; Strict would leave the cookie out of that
        # navigation and of its reloads. Without a path it belongs to the folder of the page.
        response.set_cookie(
            self._cookie, self._access.token, httponly=True, samesite="Lax", path=""
        )  # fmt: skip

    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:  # 404, 405 and the like, as aiohttp words them
            return web.Response(status=error.status, text=f"{error.status} {error.reason}\n")

    async def _page(self, request: web.Request) -> web.Response:
        name, kind = _PAGES[request.path]
        file = resources.files("fer_ros.view") / "page" / name
        return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if len(self._tabs) >= MAX_TABS:
            self._complain("full", f"{MAX_TABS} pages are open; {request.remote} has to wait")
            return web.Response(status=503, text="too many pages are open\n")
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT, max_msg_size=_MAX_REQUEST, compress=False, timeout=2.0
        )
        await socket.prepare(request)
        tab = _Tab(socket)
        self._tabs.add(tab)
        self._connections.keep(request)
        tasks = [
            asyncio.create_task(self._until_it_stalls(tab, each))
            for each in (self._send_news(tab), self._send_pictures(tab))
        ]
        try:
            await self._listen(tab, request)
        finally:
            self._tabs.discard(tab)
            await _end(tasks)
            self._show(tab, "")  # last: what still sent might have asked for pictures again
        return socket

    async def _until_it_stalls(self, tab: _Tab, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (asyncio.TimeoutError, ConnectionError) as error:
            if isinstance(error, asyncio.TimeoutError):
                self._complain("stalled", "a page took nothing any more and was closed")
            await tab.socket.close()

    async def _listen(self, tab: _Tab, request: web.Request) -> None:
        async for message in tab.socket:
            if message.type == WSMsgType.ERROR:
                return
            problem = self._obey(tab, message.data) if message.type == WSMsgType.TEXT else "bytes"
            if problem:
                self._complain(
                    "rubbish", f"{request.remote} sent what is not understood: {problem}"
                )
                await tab.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not understood")
                return
            await asyncio.sleep(WISH_PAUSE)

    def _obey(self, tab: _Tab, text: str) -> str:
        """Handle a page's request; return an error message, or nothing."""
        try:
            wish = json.loads(text)
        except (ValueError, RecursionError):
            return "no JSON"
        if not isinstance(wish, dict) or len(wish) != 1:
            return "no single wish"
        ((name, value),) = wish.items()
        if name == "camera" and isinstance(value, str):
            tab.camera, tab.cursor, tab.shown = value, 0, 0
            self._show(tab, self._topic_of(value))
        elif name == "visible" and isinstance(value, bool):
            tab.visible = value
            self._show(tab, self._topic_of(tab.camera) if value else "")
        elif name == "next" and value is True:
            tab.asked.set()
        else:
            return "an unknown wish"
        return ""

    def _topic_of(self, camera: str) -> str:
        views = self._board.snapshot().cameras
        return next((view.picture for view in views if view.id == camera), "")

    def _show(self, tab: _Tab, topic: str) -> None:
        if topic == tab.topic:
            return
        if tab.topic:
            self._watch.unwant(tab.topic)
        tab.topic = topic
        if topic:
            self._watch.want(topic)

    def _announce_picture(self) -> None:
        for tab in self._tabs:
            tab.news.set()

    async def _send_pictures(self, tab: _Tab) -> None:
        """Send the newest picture whenever the tab has drawn the last one."""
        while True:
            await tab.asked.wait()
            while (picture := self._fresh(tab)) is None:
                tab.news.clear()
                await tab.news.wait()
            tab.asked.clear()
            tab.shown = picture.number
            await tab.send(picture.jpeg)
            await asyncio.sleep(len(self._tabs) / _PICTURES_PER_SECOND)

    def _fresh(self, tab: _Tab) -> Picture | None:
        picture = self._watch.picture(tab.topic) if tab.topic else None
        return picture if picture is not None and picture.number > tab.shown else None

    async def _send_news(self, tab: _Tab) -> None:
        """Send the state every second, and faces as they come."""
        await tab.send(_hello())
        sent = 0.0
        while True:
            if tab.visible:
                made, text = self._current_state()
                if made != sent:
                    sent = made
                    await tab.send(text)
                    # A node that was started anew may show its camera elsewhere.
                    self._show(tab, self._topic_of(tab.camera))
                await self._send_faces(tab)
            await asyncio.sleep(_FACES_PERIOD)

    def _current_state(self) -> tuple[float, str]:
        """Return when the newest state was made, and the state; all tabs share it."""
        now = time.monotonic()
        if now - self._state[0] >= _STATE_PERIOD or not self._state[1]:
            state = {"type": "state", **asdict(self._board.snapshot())}
            self._state = now, json.dumps(state, separators=(",", ":"))
        return self._state

    async def _send_faces(self, tab: _Tab) -> None:
        moments, cursor = self._board.moments(tab.camera, tab.cursor)
        if moments:
            whole = "true" if tab.cursor == 0 else "false"
            news = ",".join(moment.text for moment in moments)
            camera = json.dumps(tab.camera)
            tab.cursor = cursor
            await tab.send(
                f'{{"type":"faces","camera":{camera},"whole":{whole},"moments":[{news}]}}'
            )

    def _complain(self, kind: str, text: str) -> None:
        admitted = self._throttle.admit(kind, text)
        if admitted:
            self._log.warning(admitted)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: before Python 3.12 ``wait_for`` may swallow it."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)


def _hello() -> str:
    shown = {"palette": PALETTE, "people": PEOPLE, "window": WINDOW}
    return json.dumps({"type": "hello", "version": __version__, **shown})
