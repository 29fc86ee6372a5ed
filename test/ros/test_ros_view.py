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

"""The page in the browser on ROS 2: ``ros2 run fer_ros view`` beside the node and a camera."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

pytestmark = pytest.mark.ros


def test_the_page_gets_pictures_and_diagnostics_from_rclpy(emotion_node, start, prefix) -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="the page's library is not installed")
    programs = prefix / "lib" / "fer_ros"
    emotion_node("-p", "autostart:=true")
    start(programs / "camera", "--rate", "10", "--size", "320x240")
    view = start(programs / "view", "--port", "0")
    view.says("the page is at ")
    address = view.output.partition("the page is at ")[2].split()[0]

    async def look() -> dict:
        async with aiohttp.ClientSession() as session:
            socket, camera = await session.ws_connect(f"{address}live"), None
            pictures, faces = 0, False
            async for message in socket:
                if message.type == aiohttp.WSMsgType.BINARY:
                    assert message.data[:2] == b"\xff\xd8"
                    pictures += 1
                    await socket.send_json({"next": True})
                    continue
                news = json.loads(message.data)
                faces = faces or news["type"] == "faces"
                cameras = news["cameras"] if news["type"] == "state" else []
                if camera is None and any(each["picture"] for each in cameras):
                    camera = next(each["id"] for each in cameras if each["picture"])
                    await socket.send_json({"camera": camera})
                    await socket.send_json({"next": True})
                if pictures > 3 and faces and news["type"] == "state" and news["nodes"]:
                    return news
        raise AssertionError("the socket was closed")

    state = asyncio.run(asyncio.wait_for(look(), 60))
    assert state["nodes"][0]["name"] == "/fer"
    assert {"fer: node", "fer: latency"} <= {each["name"] for each in state["nodes"][0]["statuses"]}
    (camera,) = state["cameras"]
    assert (camera["topic"], camera["size"]) == ("/image_raw", "320x240")
    assert view.signal(signal.SIGINT) == 0
