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

"""The last images of a camera, kept undecoded and only while somebody wants them."""

from __future__ import annotations

import threading
from collections import deque

from fer_ros.bridges.cameras import Cameras
from fer_ros.perception.images import ImageError
from fer_ros.perception.types import Image
from fer_ros.transport import messages
from fer_ros.transport.base import Qos, Subscription, Transport
from fer_ros.transport.codec import DecodeError

_KEPT = 8
"""Images of a camera: a result comes within a few of them."""

_MAX_PIXELS = 7680 * 4320

_Camera = tuple[Subscription, deque[bytes], bool]
"""Subscription, newest images, and whether they are compressed."""


class RecentImages:
    """Images of cameras by their stamps; a camera is subscribed to when it is first asked for."""

    def __init__(self, transport: Transport) -> None:
        """Start without cameras."""
        self._transport = transport
        self._lock = threading.Lock()
        self._cameras = Cameras(self._subscribe, lambda camera: camera[0].close(), transport.log)

    def get(self, topic: str, stamp_ns: int) -> Image | None:
        """Return the image of a stamp as BGR or grey; None when it is not there (yet)."""
        camera = self._cameras.get(topic)
        if camera is None:
            return None
        _, kept, compressed = camera
        with self._lock:
            candidates = list(kept)
        for data in reversed(candidates):
            try:
                received = messages.read_image(data, compressed)
                if received.stamp_ns == stamp_ns:
                    return received.pixels(_MAX_PIXELS)
            except (DecodeError, ImageError):
                continue
        return None

    def forget(self, topic: str) -> None:
        """Leave a camera's topic; harmless when it was not asked for."""
        self._cameras.forget(topic)

    def close(self) -> None:
        """Leave all topics."""
        self._cameras.close()

    def _subscribe(self, topic: str) -> _Camera:
        compressed = topic.endswith("/compressed")
        kept: deque[bytes] = deque(maxlen=_KEPT)

        def take(data: bytes) -> None:
            with self._lock:
                kept.append(data)

        kind = messages.COMPRESSED_IMAGE if compressed else messages.IMAGE
        subscription = self._transport.subscribe(topic, kind, Qos("best_effort", 2), take)
        return subscription, kept, compressed
