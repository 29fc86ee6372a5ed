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

"""The page in a real browser, beside a camera and the node as processes, DDS between them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from browser import chromium, set_size
from robot_processes import CAMERA, domain_of_its_own, start_node
from support import wait_for

from fer_ros.apps.children import Child
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.event_messages import EMOTION_EVENT, Event, emotion_event
from fer_ros.transport.result_messages import read_result

pytest.importorskip("aiohttp", reason="the page's library is not installed (extra [web])")

ADDRESS = "the page is at "
PATIENCE = 40.0
"""A node takes a second to start, and a broken one ten until DDS gives it up [s]."""


@pytest.fixture(scope="module", autouse=True)
def domain():
    with domain_of_its_own(), Child("camera", CAMERA):
        yield


@pytest.fixture(scope="module")
def address():
    with Child("view", ["view", "--port", "0"]) as view:
        yield served_at(view)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(driver: Any, address: str) -> Callable[[str], Any]:
    driver.get(address)
    return lambda script: driver.execute_script(f"return {script}")


def text(page: Callable[[str], Any], query: str) -> str:
    return page(f"document.querySelector({query!r}).innerText")


def pictures(page: Callable[[str], Any]) -> int:
    return int(page("document.getElementById('picture').dataset.pictures") or 0)


def live(page: Callable[[str], Any]) -> bool:
    return text(page, "#link") == "live"


def tell_an_event() -> None:
    """Publish what a behaviour publishes."""
    from fer_ros.transport.dds.node import DdsTransport

    event = Event("start", "", "greet", "/image_raw", time.time_ns(), "camera", "k7w2xq_1",
                  "happy", "", 0.9, time.time_ns(), 0)  # fmt: skip
    transport = DdsTransport("teller")
    publisher = transport.publisher("/fer/events", EMOTION_EVENT, Qos())
    wait_for(lambda: publisher.subscription_count() > 0, PATIENCE)
    publisher.publish(encode(emotion_event(event)))
    time.sleep(0.5)  # until it has crossed
    transport.close()


def test_the_page_shows_the_robot_at_every_size(page, driver) -> None:
    with start_node():
        wait_for(lambda: live(page) and pictures(page) > 3, PATIENCE)
        wait_for(lambda: page("document.querySelectorAll('#cards canvas').length") > 0, PATIENCE)
        wait_for(
            lambda: page("document.querySelectorAll('#latency tbody tr').length") == 8, PATIENCE
        )
        assert "/image_raw" in text(page, "#cameras")
        assert "320x240" in text(page, "#caption")
        assert "active" in text(page, "#diagnostics")
        assert "images received" in text(page, "#images")
        assert page("document.getElementById('picture').naturalWidth") == 320
        drawn = """[...document.querySelectorAll('#cards canvas')].some((canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            return data.some((value) => value > 0); })"""
        wait_for(lambda: page(drawn), PATIENCE)
        tell_an_event()
        wait_for(lambda: "greet · start · happy · k7w2xq_1" in text(page, "#events"), PATIENCE)
        for width, height in ((1280, 800), (820, 1180), (390, 844)):
            set_size(driver, width, height)
            wait_for(lambda w=width: page("innerWidth") == w)
            assert page("document.documentElement.scrollWidth") <= width
            before = pictures(page)
            wait_for(lambda n=before: pictures(page) > n, PATIENCE)
        loaded = page("performance.getEntriesByType('resource').map((each) => each.name)")
        own = page("location.origin")
        assert all(name.startswith((own, f"blob:{own}")) for name in loaded), loaded
    assert driver.get_log("browser") == [], "errors, or something the CSP refused"


def test_it_survives_the_death_of_the_node_and_its_return(page) -> None:
    with start_node() as node:
        wait_for(lambda: live(page) and pictures(page) > 0, PATIENCE)
        os.kill(node.pid, signal.SIGKILL)
        wait_for(lambda: not live(page), PATIENCE)
        assert "no result for" in text(page, "#link") or "silent" in text(page, "#link")
    before = pictures(page)
    with start_node():
        wait_for(lambda: live(page) and pictures(page) > before + 3, PATIENCE)


def served_at(view: Child) -> str:
    """Return the address that a ``fer-ros view`` prints."""
    wait_for(lambda: ADDRESS in view.output() or view.ended(), 20)
    assert ADDRESS in view.output(), view.output()
    return view.output().partition(ADDRESS)[2].split()[0]


def test_it_survives_its_own_server(driver) -> None:
    page = lambda script: driver.execute_script(f"return {script}")  # noqa: E731
    with Child("view", ["view", "--port", "0"]) as view:
        address = served_at(view)
        driver.get(address)
        wait_for(lambda: "/image_raw not read by a node" in text(page, "#cameras"), PATIENCE)
        assert text(page, "#link") == "no node yet"
    wait_for(lambda: "connection lost" in text(page, "#link"), PATIENCE)
    port = address.rstrip("/").rpartition(":")[2]
    with Child("view", ["view", "--port", port]) as view:
        served_at(view)
        wait_for(lambda: text(page, "#link") == "no node yet", PATIENCE)


def test_a_public_address_wants_its_token(driver) -> None:
    with Child("view", ["view", "--host", "0.0.0.0", "--port", "0"]) as view:
        with_token = re.sub("//[^:]+:", "//127.0.0.1:", served_at(view))
        bare = with_token.partition("?")[0]
        driver.get(bare)
        assert "not without the token" in driver.page_source
        driver.get(with_token)
        page = lambda script: driver.execute_script(f"return {script}")  # noqa: E731
        wait_for(lambda: text(page, "#link") == "no node yet", PATIENCE)
        assert page("location.href") == bare, "the token stays in no history"
        assert page("document.cookie") == ""
        driver.get(bare)
        wait_for(lambda: text(page, "#link") == "no node yet", PATIENCE)


def test_a_page_server_that_is_stopped_dead_costs_the_node_nothing(driver) -> None:
    """A subscriber that stalls: the process is stopped while it takes pictures."""
    from fer_ros.transport.dds.node import DdsTransport

    transport, answers = DdsTransport("listener"), []
    with start_node(), Child("view", ["view", "--port", "0"]) as view:
        driver.get(served_at(view))
        page = lambda script: driver.execute_script(f"return {script}")  # noqa: E731
        wait_for(lambda: pictures(page) > 0, PATIENCE)
        transport.subscribe("/fer/emotions", messages.EMOTION_ARRAY, Qos(), answers.append)
        os.kill(view.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: len(answers) > 40, PATIENCE)
            ages = [read_result(data).age_ms for data in answers]
            assert sorted(ages)[len(ages) // 2] < 500, "milliseconds; the camera's period is 83"
        finally:
            os.kill(view.pid, signal.SIGCONT)
    transport.close()
