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

"""What `fer-ros camera` does with a source before it publishes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import wait_for

from fer_ros.apps.camera import CameraPublisher, camera_images, camera_rate
from fer_ros.node.parameters import Settings
from fer_ros.transport.memory import MemoryGraph, MemoryTransport


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg"):
        cv2.imwrite(str(tmp_path / name), np.full((30, 40, 3), 100, np.uint8))
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7 a companion file of another system")
    return tmp_path


def test_pictures_are_too_far_apart_for_a_track(pictures: Path) -> None:
    for source in (pictures, pictures / "a.png"):
        assert 1 / camera_rate(str(source)) > Settings().track_timeout


@pytest.mark.parametrize("source", ["demo", "demo:3", "0", "talk.mp4"])
def test_cameras_and_videos_have_the_usual_rate(source: str) -> None:
    assert camera_rate(source) == 30.0


def test_companion_files_are_no_pictures(pictures: Path) -> None:
    images = list(camera_images(str(pictures), 1.0, None, loop=False))
    assert [image.shape for image in images] == [(30, 40, 3)] * 2


def test_a_camera_whose_clock_does_not_come_says_so_once(monkeypatch, capfd) -> None:
    monkeypatch.setattr("fer_ros.apps.camera._CLOCK_PATIENCE", 0.1)
    graph, stop, said = MemoryGraph(), threading.Event(), ""
    graph.set_time_ns(0)
    transport = MemoryTransport(graph, "camera")
    publisher = CameraPublisher(transport, "raw", "camera")
    images = camera_images("demo", 20.0, (64, 48), loop=False)
    thread = threading.Thread(target=publisher.run, args=(images, 20.0, stop, 1))
    thread.start()
    try:
        wait_for(lambda: "use_sim_time is set, but no /clock came yet" in capfd.readouterr().err)
        time.sleep(0.3)
        said = capfd.readouterr().err
        graph.set_time_ns(1)
        thread.join(10)
        assert not thread.is_alive()
    finally:
        stop.set()
        thread.join()
        transport.close()
    assert said == ""
