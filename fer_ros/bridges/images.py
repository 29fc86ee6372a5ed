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

"""The last images of a camera, kept only while somebody wants them; undecoded, but for video."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from fer_ros.bridges.cameras import Cameras
from fer_ros.perception.images import ImageError
from fer_ros.perception.types import Image
from fer_ros.sources.packets import PacketDecoder
from fer_ros.transport.base import Qos, Subscription, Transport
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.image_topics import type_by_name
from fer_ros.transport.messages import read_image
from fer_ros.transport.video_messages import VIDEOS

_KEPT = 8
"""Images of a camera: a result comes within a few of them."""

_MAX_PIXELS = 7680 * 4320

_Camera = tuple[Subscription, deque[tuple[int, Callable[[], Image]]]]
"""Subscription, and of each of the newest images its stamp [ns] and what gives its pixels."""


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
        with self._lock:
            found = [pixels for stamp, pixels in camera[1] if stamp == stamp_ns]
        for pixels in reversed(found):
            with suppress(ImageError):
                return pixels()
        return None

    def forget(self, topic: str) -> None:
        """Leave a camera's topic; harmless when it was not asked for."""
        self._cameras.forget(topic)

    def close(self) -> None:
        """Leave all topics."""
        self._cameras.close()

    def _subscribe(self, topic: str) -> _Camera:
        kept: deque[tuple[int, Callable[[], Image]]] = deque(maxlen=_KEPT)
        decoder = PacketDecoder(_MAX_PIXELS)
        there = {
            info.type_name for info in self._transport.published_topics() if info.name == topic
        }
        kind = type_by_name(topic)
        if kind not in there:
            kind = min(there & set(VIDEOS), default=kind)

        def take(data: bytes) -> None:
            with suppress(DecodeError, ImageError):
                received = read_image(data, kind)
                packet = received.packet()
                picture: Callable[[], Image] = partial(received.pixels, _MAX_PIXELS)
                if packet is not None:  # each needs those before it
                    picture = decoder.decode(packet).pixels
                with self._lock:
                    kept.append((received.stamp_ns, picture))

        depth = 30 if kind in VIDEOS else 2
        return self._transport.subscribe(topic, kind, Qos("best_effort", depth), take), kept
