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


"""What a person reads off the page: who is who, how sure, what is lost, and what to start."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from browser import chromium
from sample_faces import sample_face
from support import wait_for
from viewing import serving

from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.palette import person_bgr
from fer_ros.perception.types import Frame, FrameResult, Origin
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport
from fer_ros.transport.messages import Status

IMAGE = np.zeros((48, 64, 3), np.uint8)
PATIENCE = 40.0
"""A browser on a busy machine [s]."""

ORIGIN = Origin(FER2013, "net", "0" * 64, "haar")


class Teller:
    """Publishes what a node publishes, as a test wants it."""

    def __init__(self) -> None:
        self.graph = MemoryGraph()
        self._transport = MemoryTransport(self.graph, "fer")
        self._publishers: dict[str, Any] = {}

    def publish(self, topic: str, kind: str, message: Any) -> None:
        if topic not in self._publishers:
            self._publishers[topic] = self._transport.publisher(topic, kind, Qos())
        self._publishers[topic].publish(encode(message))

    def picture(self, topic: str = "/fer/image_annotated/compressed") -> None:
        message = messages.compressed_image(encode_jpeg(IMAGE), 1, "camera")
        self.publish(topic, messages.COMPRESSED_IMAGE, message)

    def faces(self, *labels: str) -> None:
        smoothed = np.array([0.05, 0.05, 0.05, 0.41, 0.29, 0.1, 0.05], np.float32)
        found = [
            sample_face(f"k7w2xq_{number}", label, 0.41, probabilities=smoothed)
            for number, label in enumerate(labels, 1)
        ]
        result = FrameResult(Frame(IMAGE, 1, "camera", "/image_raw"), found)
        array = messages.emotion_array(result, ORIGIN, 1.0, messages.emotions(result))
        self.publish("/fer/emotions", messages.EMOTION_ARRAY, array)

    def diagnose(self, lost: float) -> None:
        statuses = (
            Status(0, "fer: node", "active", {"state": "active"}),
            Status(0, "fer: camera /image_raw", "", {"lost_percent": f"{lost}"}),
        )
        array = messages.diagnostic_array(0, statuses)
        self.publish("/diagnostics", messages.DIAGNOSTIC_ARRAY, array)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(driver: Any):
    """A page of a graph that is still empty: who publishes, and what the browser gives."""
    teller = Teller()
    with serving(SimpleNamespace(graph=teller.graph)) as server:  # type: ignore[arg-type]
        driver.get(f"{server.url}/")

        def ask(script: str) -> Any:
            return driver.execute_script(f"return {script}")

        yield teller, ask
    errors = [line for line in driver.get_log("browser") if "WebSocket" not in line["message"]]
    assert errors == []


def text(ask: Any, query: str) -> str:
    return ask(f"document.querySelector({query!r}).innerText")


def test_it_says_what_to_start(page) -> None:
    teller, ask = page
    wait_for(lambda: "Nothing is published" in text(ask, "#no-picture"), PATIENCE)
    assert "fer-ros camera" in text(ask, "#no-picture")
    teller.picture("/driver/image/compressed")
    wait_for(lambda: "/driver/image/compressed" in text(ask, "#no-picture"), PATIENCE)
    assert "fer-ros run" in text(ask, "#no-picture")

    def known() -> bool:
        teller.diagnose(0.0)  # again, because the page has to find the topic first
        return "to the node's image_topics" in text(ask, "#no-picture")

    wait_for(known, PATIENCE)
    assert "fer-ros run" not in text(ask, "#no-picture")


def test_a_camera_that_loses_a_third_is_not_green(page) -> None:
    teller, ask = page
    dot = "document.querySelector('#cameras button span').className"
    line = "document.querySelectorAll('#diagnostics li span')[1].className"

    def settled(lost: float, colour: str, words: str) -> bool:
        teller.faces("happy")
        teller.diagnose(lost)
        time.sleep(0.1)
        cameras = ask("document.querySelectorAll('#cameras button span').length")
        if not cameras or ask("document.querySelectorAll('#diagnostics li span').length") < 2:
            return False
        return {ask(dot), ask(line)} == {colour} and text(ask, "#link") == words

    wait_for(lambda: settled(3.0, "ok", "live"), PATIENCE)
    wait_for(lambda: settled(32.0, "warn", "live, 32 % of images lost"), PATIENCE)


def test_faces_are_told_apart_and_doubt_has_its_runners_up(page) -> None:
    teller, ask = page
    cards = "document.querySelectorAll('#cards li')"

    def shown() -> bool:
        teller.faces("happy", UNCERTAIN)
        teller.diagnose(0.0)
        time.sleep(0.25)
        return ask(f"{cards}.length") == 2

    wait_for(shown, PATIENCE)
    badges = [ask(f"{cards}[{n}].querySelector('.badge').innerText") for n in (0, 1)]
    assert badges == ["1", "2"]
    for number in (0, 1):
        style = f"getComputedStyle({cards}[{number}].querySelector('.badge')).backgroundColor"
        colour = [int(part) for part in re.findall(r"\d+", ask(style))]
        assert colour == list(person_bgr(f"k7w2xq_{number + 1}"))[::-1]
    assert "happy 41 %" in ask(f"{cards}[0].innerText")
    assert "uncertain" in ask(f"{cards}[1].innerText")
    assert "happy 41 %, sad 29 %" in ask(f"{cards}[1].innerText")
    for _ in range(4):
        shown()
    ask("""(() => { const canvas = document.querySelector('#cards canvas');
        const box = canvas.getBoundingClientRect();
        canvas.dispatchEvent(new PointerEvent('pointermove',
            {clientX: box.right - 1, clientY: box.top + 5})); })()""")
    tip = text(ask, "#tip")
    assert "k7w2xq_1" in tip
    assert tip.splitlines()[1:3] == ["happy 41 %", "sad 29 %"]
    ask("document.querySelector('#cards canvas').dispatchEvent(new PointerEvent('pointerleave'))")
    assert ask("document.getElementById('tip').hidden")


def test_a_pause_holds_the_picture_and_a_snapshot_keeps_it(page) -> None:
    teller, ask = page
    count = "Number(document.getElementById('picture').dataset.pictures ?? 0)"

    def more() -> int:
        teller.faces("happy")
        teller.diagnose(0.0)
        teller.picture()
        time.sleep(0.1)
        return int(ask(count))

    wait_for(lambda: more() > 2, PATIENCE)
    ask("document.getElementById('pause').click()")
    time.sleep(0.3)  # what is under way arrives
    held = more()
    for _ in range(8):
        assert more() == held
    assert text(ask, "#link") == "paused"
    ask("""(() => { HTMLAnchorElement.prototype.click = function () {
        window.kept = [this.download, this.href]; };
        document.getElementById('snapshot').click(); })()""")
    name, address = ask("window.kept")
    assert re.fullmatch(r"fer_ros-[\dTZ-]+\.jpg", name)
    assert address == ask("document.getElementById('picture').src")
    ask("document.getElementById('pause').click()")
    wait_for(lambda: more() > held + 1, PATIENCE)
    wait_for(lambda: more() and text(ask, "#link") == "live", PATIENCE)
