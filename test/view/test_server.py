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

"""The page's server beside the real node: what a tab gets, and what nobody can do to it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
import time

import cv2
import numpy as np
import pytest
from support import Robot, smiling, wait_for
from viewing import Server, Tab, serving

import aiohttp  # isort: skip

from fer_ros.perception import annotate
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.event_messages import EMOTION_EVENT
from fer_ros.view import limits, server

TOKEN = "correct-horse"


@pytest.fixture
def view(robot: Robot):
    with serving(robot) as running:
        yield running


@pytest.fixture
def camera(robot: Robot):
    """Images at 20 Hz, as long as the test runs."""
    stop, image = threading.Event(), smiling(320, 240, x=160, size=120)

    def run() -> None:
        while not stop.wait(0.05):
            robot.send(image, stamp_ns=time.time_ns())

    robot.graph.set_time_ns(None)
    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


def with_tabs(view: Server, count: int, use) -> None:
    """Open tabs and use them."""

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            opened = [await session.ws_connect(f"{view.url}/live") for _ in range(count)]
            await use(*map(Tab, opened))

    asyncio.run(run())


def get(view: Server, path: str, **options) -> tuple[int, dict[str, str], str]:
    async def run():
        jar = aiohttp.CookieJar(unsafe=True)  # for addresses without a name
        async with (
            aiohttp.ClientSession(cookie_jar=jar) as session,
            session.get(view.url + path, **options) as response,
        ):
            return response.status, dict(response.headers), await response.text()

    return asyncio.run(run())


async def choose(tab: Tab, topic: str = "/image_raw") -> str:
    await tab.until(lambda: tab.cameras().get(topic, {}).get("picture"))
    camera = tab.cameras()[topic]["id"]
    await tab.wish("camera", camera)
    return camera


def test_the_page_brings_all_it_needs_and_lets_nothing_else_in(view: Server) -> None:
    for path in ("/", "/view.css", "/view.js", "/people.js", "/icon.svg"):
        status, headers, text = get(view, path)
        assert status == 200
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(src|href|url)\s*[=(]\s*['\"]?(https?:)?//", text)
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", text)
    for path in ("/nothing", "/../server.py", "/page/view.js", "/%2e%2e/board.py"):
        assert get(view, path)[0] == 404


def test_a_tab_gets_state_faces_and_pictures(robot: Robot, view: Server, camera) -> None:
    robot.other.publisher("/other/image_raw", messages.IMAGE, Qos())

    async def use(tab: Tab) -> None:
        chosen = await choose(tab)
        assert tab.newest("hello")["palette"]["happy"] == "#F0E442"
        await tab.wish("next", True)
        await tab.until(lambda: tab.pictures and tab.newest("faces"))
        await tab.until(lambda: len(tab.cameras()) == 2 and tab.newest("state")["nodes"])
        picture = cv2.imdecode(np.frombuffer(tab.pictures[0], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (240, 320, 3)
        faces = tab.newest("faces")
        assert faces["camera"] == chosen
        moment = faces["moments"][-1]
        assert len(moment["faces"][0]["probabilities"]) == len(moment["labels"]) == 7
        assert sum(moment["faces"][0]["probabilities"]) == pytest.approx(1000, abs=7)
        read, free = tab.cameras()["/image_raw"], tab.cameras()["/other/image_raw"]
        assert (read["node"], read["size"], free["node"]) == ("/fer", "320x240", "")
        assert float(read["values"]["rate_in_hz"]) > 0
        names = {s["name"] for s in tab.newest("state")["nodes"][0]["statuses"]}
        assert {"fer: node", "fer: latency", "fer: camera /image_raw"} <= names

    with_tabs(view, 1, use)


def test_the_next_picture_comes_only_when_it_is_asked_for(view: Server, camera) -> None:
    async def use(tab: Tab) -> None:
        await choose(tab)
        await tab.wish("next", True)
        await tab.until(lambda: tab.pictures)
        states = len(tab.messages)
        await tab.until(lambda: len(tab.messages) > states + 4)
        assert len(tab.pictures) == 1
        await tab.wish("next", True)
        await tab.until(lambda: len(tab.pictures) == 2)

    with_tabs(view, 1, use)


def test_pictures_are_drawn_only_while_somebody_looks(view: Server, camera, monkeypatch) -> None:
    drawn, draw = [], annotate.draw
    monkeypatch.setattr(annotate, "draw", lambda *all: drawn.append(1) or draw(*all))

    def quiet() -> bool:
        before = len(drawn)
        time.sleep(0.6)
        return len(drawn) == before

    async def use(tab: Tab) -> None:
        await choose(tab)
        await tab.wish("next", True)
        await tab.until(lambda: tab.pictures)
        await tab.wish("visible", False)
        assert await asyncio.to_thread(lambda: any(quiet() for _ in range(10)))
        await tab.wish("visible", True)
        await tab.wish("next", True)
        await tab.until(lambda: len(tab.pictures) > 1)

    assert quiet()
    with_tabs(view, 1, use)
    wait_for(quiet)


def test_twenty_tabs_get_pictures_and_the_node_goes_on(robot: Robot, view: Server, camera) -> None:
    async def use(*tabs: Tab) -> None:
        for tab in tabs:
            await choose(tab)
            await tab.wish("next", True)
        await asyncio.gather(*(tab.until(lambda t=tab: t.pictures) for tab in tabs))
        counts = robot.camera_counts()
        for tab in tabs:
            seen = len(tab.messages)
            await tab.until(lambda t=tab, n=seen: len(t.messages) > n + 3)
        after = robot.camera_counts()
        assert after["published"] > counts["published"]
        assert after["dropped.failed"] == 0

    with_tabs(view, 20, use)


def test_a_tab_too_many_is_told_so_and_may_come_later(view: Server, monkeypatch) -> None:
    monkeypatch.setattr(server, "MAX_TABS", 3)

    async def use(*tabs: Tab) -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(f"{view.url}/live")
            await tabs[0].socket.close()
            assert not (await session.ws_connect(f"{view.url}/live")).closed

    with_tabs(view, 3, use)
    assert any("3 pages are open" in text for text in view.warnings)


RUBBISH = (
    "", "nonsense", "[]", "{}", "null", '{"camera": 3}', '{"camera": "/a", "next": true}',
    '{"next": false}', '{"visible": "yes"}', '{"__proto__": {}}', "[" * 4000, "\0",
)  # fmt: skip


@pytest.mark.parametrize("text", RUBBISH)
def test_rubbish_ends_the_socket_that_sent_it(view: Server, text: str) -> None:
    async def use(tab: Tab, other: Tab) -> None:
        await tab.socket.send_str(text)
        assert await tab.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION
        await other.until(lambda: other.newest("state"))

    with_tabs(view, 2, use)
    assert len(view.warnings) == 1
    assert "127.0.0.1 sent what is not understood" in view.warnings[0]


def test_what_is_too_large_or_no_text_ends_the_socket_too(view: Server) -> None:
    async def use(large: Tab, binary: Tab) -> None:
        await large.socket.send_str(json.dumps({"camera": "x" * 5000}))
        assert await large.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await binary.socket.send_bytes(os.urandom(100))
        assert await binary.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION

    with_tabs(view, 2, use)


def test_a_flood_of_wishes_is_heard_drop_by_drop(view: Server, monkeypatch) -> None:
    heard, obey = [], view.view._obey
    monkeypatch.setattr(view.view, "_obey", lambda *all: heard.append(1) or obey(*all))

    async def use(tab: Tab, other: Tab) -> None:
        start = time.monotonic()
        for number in range(2000):
            await tab.wish("camera", f"/camera_{number}")
        await other.until(lambda: other.newest("state"))
        await asyncio.sleep(0.5)
        assert 0 < len(heard) <= (time.monotonic() - start) / server.WISH_PAUSE + 1

    with_tabs(view, 2, use)


def test_a_storm_of_rubbish_is_logged_once_in_a_while(view: Server) -> None:
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", view.port), timeout=5) as raw:
            raw.sendall(b"\x16\x03\x01" + os.urandom(300) + b"\r\n\r\n")
            raw.settimeout(5)
            while raw.recv(4096):
                pass
    for _ in range(30):
        assert get(view, "/", headers={"Host": "evil.example"})[0] == 403
    assert get(view, "/")[0] == 200
    assert len(view.warnings) == 2
    assert "Error handling request" in view.warnings[0]
    assert "evil.example" in view.warnings[1]


def test_a_page_that_stopped_listening_is_closed(view: Server, monkeypatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT", 0.4)
    with socket.create_connection(("127.0.0.1", view.port), timeout=5) as raw:
        raw.sendall(
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b"101" in raw.recv(4096)
        wait_for(lambda: len(view.view._tabs) == 1)
        wait_for(lambda: not view.view._tabs)  # no pong came


def test_connections_that_say_nothing_are_closed(view: Server, monkeypatch) -> None:
    monkeypatch.setattr(limits, "_IDLE", 0.3)
    idle = [socket.create_connection(("127.0.0.1", view.port), timeout=10) for _ in range(5)]
    idle[0].sendall(b"GET / HTTP/1.1\r\nHost: local")

    async def use(tab: Tab) -> None:
        for each in idle:
            assert await asyncio.to_thread(each.recv, 1) == b""
        states = len(tab.messages)
        await tab.until(lambda: len(tab.messages) > states)  # an open page stays

    with_tabs(view, 1, use)
    for each in idle:
        each.close()


def test_without_the_token_there_is_nothing_to_see(robot: Robot) -> None:
    with serving(robot, TOKEN) as view:
        for path in ("/", "/view.js", "/live", "/?token=wrong-token", "/nothing"):
            status, headers, text = get(view, path)
            assert status == 403
            assert "token" in text
            assert "Set-Cookie" not in headers
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert len(view.warnings) == 1
        assert "no token" in view.warnings[0]


def test_the_token_leaves_the_address_for_a_cookie(robot: Robot) -> None:
    with serving(robot, TOKEN) as view:
        status, headers, _ = get(view, f"/?token={TOKEN}", allow_redirects=False)
        assert (status, headers["Location"]) == (303, "./")
        assert "HttpOnly" in headers["Set-Cookie"]
        assert "SameSite=Lax" in headers["Set-Cookie"], "a link on another site opens the page"
        assert "path" not in headers["Set-Cookie"].lower(), "it is for the folder of the page"
        status, _, text = get(view, f"/?token={TOKEN}")
        assert status == 200
        assert "<title>fer_ros view" in text

        async def look() -> None:
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as session:
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await session.ws_connect(f"{view.url}/live")
                await session.get(f"{view.url}/?token={TOKEN}")
                tab = Tab(await session.ws_connect(f"{view.url}/live"))
                await tab.until(lambda: tab.newest("state"))
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await session.ws_connect(f"{view.url}/live", origin="http://evil.example")

        asyncio.run(look())


@pytest.mark.parametrize(
    "path",
    ["//other.host/", "///other.host", "/\\other.host/", "/%5cother.host", "/%2fother.host/",
     "/%0d%0aX-Injected:%201", "//", "/nothing", "/live/..//other.host/", "/./view.js//other.host"],
)  # fmt: skip
def test_the_right_token_leads_to_no_other_place(robot: Robot, path: str) -> None:
    with serving(robot, TOKEN) as view:
        answer = raw(view, f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: robot\r\n")
    assert answer.split()[1] in ("404", "303")
    place = re.search(r"^Location: (.*?)\r$", answer, re.MULTILINE)
    assert place is None or re.fullmatch(r"\./[\w.]*", place[1])
    assert "X-Injected: 1" not in answer
    assert "token" not in answer.partition("\r\n\r\n")[0]


@pytest.mark.parametrize("path", ["/", "/view.js", "/live"])
@pytest.mark.parametrize("origin", ["http://[", "x", "http://a:b", "http://[::1", "\xff"])
def test_an_origin_that_is_no_url_is_a_bad_request(view: Server, path: str, origin: str) -> None:
    answer = raw(view, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n")
    assert answer.split()[1] == "400"
    assert "Content-Security-Policy" in answer
    assert len(view.warnings) == 1


def test_the_page_can_be_shown_below_a_path(robot: Robot) -> None:
    """A proxy takes its own path away: nothing that the page asks for may begin at the root."""
    with serving(robot, TOKEN) as view:
        cookie = f"fer_view_{view.port}={TOKEN}"
        for name in ("/", "/view.js", "/people.js", "/view.css", "/icon.svg"):
            text = get(view, name, headers={"Cookie": cookie})[2]
            assert not re.search(r"""(src|href|url|import|from|fetch|open)[\s(=]*['"]/\w""", text)
            assert "location.host" not in text
        status, headers, _ = get(view, f"/view.js?token={TOKEN}", allow_redirects=False)
        assert (status, headers["Location"]) == (303, "./view.js")


def raw(view: Server, head: str) -> str:
    """Return the response to a request that no client library would send."""
    with socket.create_connection(("127.0.0.1", view.port), timeout=5) as connection:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode("latin-1")


def test_messages_that_make_no_sense_do_not_reach_the_page(robot: Robot, view: Server) -> None:
    for topic, kind in (("/a/emotions", messages.EMOTION_ARRAY), ("/a/events", EMOTION_EVENT)):
        publisher = robot.other.publisher(topic, kind, Qos())
        wait_for(lambda p=publisher: p.subscription_count() > 0)
        for _ in range(20):
            publisher.publish(b"\0\1\0\0" + b"\xff" * 60)

    async def use(tab: Tab) -> None:
        await tab.until(lambda: tab.newest("state"))

    with_tabs(view, 1, use)
    assert sorted(text.partition(":")[0] for text in view.warnings) == ["/a/emotions", "/a/events"]
