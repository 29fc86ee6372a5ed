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

"""``fer-ros camera`` over the transport in memory."""

from __future__ import annotations

import threading

import numpy as np

from fer_ros.apps.camera import CameraPublisher
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.memory import MemoryGraph, MemoryTransport


def test_on_simulated_time_images_wait_for_the_first_clock():
    graph, stamps, stop = MemoryGraph(), [], threading.Event()
    graph.set_time_ns(0)
    images = (np.zeros((4, 4), np.uint8) for _ in range(2))
    arrived = threading.Event()
    with MemoryTransport(graph, "camera") as transport, MemoryTransport(graph, "ears") as ears:

        def receive(data: bytes) -> None:
            stamps.append(messages.leading_stamp_ns(data, messages.IMAGE))
            if len(stamps) == 2:
                arrived.set()

        ears.subscribe("/image_raw", messages.IMAGE, Qos(), receive)
        camera = CameraPublisher(transport, compressed=False, frame_id="camera")
        thread = threading.Thread(target=camera.run, args=(images, 100.0, stop))
        thread.start()
        assert not arrived.wait(0.15), "images came before there was a time"
        graph.set_time_ns(42)
        assert arrived.wait(10)
        thread.join(10)
    assert stamps == [42, 42]
