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

"""Makes the pictures of the documentation anew, from averaged faces that show nobody.

docs/demo.png is what ``~/image_annotated`` carries; docs/view.jpg is the page in the browser, for
which Chromium, chromedriver and Selenium are needed. Run it from the repository:
``python tools/pictures.py``.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fer_ros.apps.camera import CameraPublisher, camera_images  # noqa: E402
from fer_ros.node.core import EmotionNode  # noqa: E402
from fer_ros.node.parameters import Settings  # noqa: E402
from fer_ros.perception.images import MAX_PIXELS  # noqa: E402
from fer_ros.perception.types import Image  # noqa: E402
from fer_ros.transport import messages  # noqa: E402
from fer_ros.transport.base import Qos  # noqa: E402
from fer_ros.transport.memory import MemoryGraph, MemoryTransport  # noqa: E402
from fer_ros.view.access import Access  # noqa: E402
from fer_ros.view.server import ViewServer  # noqa: E402

RATE = 10.0
FILLED = 62.0
"""When the timelines of the page are full [s]."""
PAGE = (1280, 800)
QUALITY = 82
"""Of the page's JPEG."""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


@contextmanager
def robot() -> Iterator[MemoryGraph]:
    """Run camera and node in this process."""
    graph, stop = MemoryGraph(), threading.Event()
    transports = [MemoryTransport(graph, name) for name in ("fer", "camera")]
    node = EmotionNode(transports[0], Settings().with_values({"detector": "fer-face"}))
    images = camera_images("demo", RATE, None, loop=True)
    camera = CameraPublisher(transports[1], "raw", frame_id="camera")
    thread = threading.Thread(target=camera.run, args=(images, RATE, stop), daemon=True)
    node.configure()
    node.activate()
    thread.start()
    try:
        yield graph
    finally:
        stop.set()
        thread.join()
        node.close()


def annotated(graph: MemoryGraph, after: float) -> Image:
    """Return an annotated image, some seconds after the start."""
    arrived, box = threading.Event(), []
    transport = MemoryTransport(graph, "pictures")

    def receive(data: bytes) -> None:
        box.append(data)
        arrived.set()

    time.sleep(after)
    transport.subscribe("/fer/image_annotated", messages.IMAGE, Qos(depth=1), receive)
    if not arrived.wait(10):
        raise SystemExit("no annotated picture came")
    transport.close()
    return messages.read_image(box[0], messages.IMAGE).pixels(MAX_PIXELS)


def page(graph: MemoryGraph, driver: Any) -> Image:
    """Return a picture of the page with full timelines."""
    transport = MemoryTransport(graph, "fer_view")
    ready, stop = threading.Event(), threading.Event()
    port: list[int] = []

    def started(at: int) -> None:
        port.append(at)
        ready.set()

    server = ViewServer(transport, Access(""))
    serve: Callable[[], None] = lambda: asyncio.run(  # noqa: E731
        server.run("127.0.0.1", 0, started, stop)
    )
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait()
    driver.get(f"http://127.0.0.1:{port[0]}/")
    time.sleep(FILLED)
    shot = cv2.imdecode(np.frombuffer(driver.get_screenshot_as_png(), np.uint8), cv2.IMREAD_COLOR)
    stop.set()
    thread.join()
    transport.close()
    return np.asarray(shot, np.uint8)


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium without a screen."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.binary_location = shutil.which("chromium") or ""
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": PAGE[0], "height": PAGE[1], "deviceScaleFactor": 1, "mobile": False},
        )
        try:
            yield driver
        finally:
            driver.quit()


def save(picture: Image, path: Path) -> None:
    """Write a PNG or a JPEG, as small as it gets."""
    png = (cv2.IMWRITE_PNG_COMPRESSION, 9)
    jpeg = (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
    if not cv2.imwrite(str(path), picture, png if path.suffix == ".png" else jpeg):
        raise SystemExit(f"{path} cannot be written")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Make both."""
    with robot() as graph:
        save(annotated(graph, 4.8), ROOT / "docs" / "demo.png")
        if not (shutil.which("chromium") and shutil.which("chromedriver")):
            raise SystemExit("docs/view.jpg needs chromium and chromedriver; it stays as it was")
        with browser() as driver:
            save(page(graph, driver), ROOT / "docs" / "view.jpg")


if __name__ == "__main__":
    main()
