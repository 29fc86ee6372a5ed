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

"""Clients of the page's server that come and go for long."""

from __future__ import annotations

import asyncio
import threading
import time

import aiohttp
import pytest
from stress.watching import watching
from support import Robot, smiling, wait_for
from viewing import Server, Tab, serving

_AT_ONCE, _ROUNDS, _WARM = 20, 40, 15


async def _look(session: aiohttp.ClientSession, url: str, politely: bool) -> None:
    """Open the page and its socket, look at a camera, and leave, or vanish."""
    async with session.get(url) as response:
        assert response.status == 200
        await response.read()
    socket = await session.ws_connect(f"{url}/live")
    tab = Tab(socket)
    await tab.until(lambda: tab.cameras().get("/image_raw", {}).get("picture"))
    await tab.wish("camera", tab.cameras()["/image_raw"]["id"])
    await tab.wish("next", True)
    await tab.until(lambda: tab.pictures)
    if politely:
        await socket.close()
    else:
        socket.get_extra_info("socket").shutdown(2)


def _visit(view: Server) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(_look(session, view.url, i % 2 == 0) for i in range(_AT_ONCE)))

    asyncio.run(run())
    wait_for(lambda: not view.view._tabs)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_clients_that_come_and_go_leave_nothing_behind(robot: Robot) -> None:
    robot.graph.set_time_ns(None)
    stop, image = threading.Event(), smiling(320, 240, x=160, size=120)

    def film() -> None:
        while not stop.wait(0.05):
            robot.send(image, stamp_ns=time.time_ns())
            robot.arrays.clear()

    camera = threading.Thread(target=film)
    camera.start()
    try:
        with serving(robot) as view, watching() as watch:
            for index in range(_ROUNDS):
                _visit(view)
                if index == _WARM:
                    watch.look()
            watch.check(slack=8)
            wait_for(lambda: not view.view._watch._wanted)
    finally:
        stop.set()
        camera.join()
