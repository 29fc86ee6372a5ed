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

"""The node that runs bridges: one subscription to EmotionArray, decoded once for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from fer_ros.bridges.foxglove import FoxgloveBridge
from fer_ros.bridges.hri import HriBridge
from fer_ros.bridges.people import PeopleBridge
from fer_ros.bridges.position import PositionBridge
from fer_ros.bridges.vision import VisionBridge
from fer_ros.transport import messages
from fer_ros.transport.base import Qos, Transport, refusals
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.result_messages import decode_result
from fer_ros.transport.threads import guarded

EMOTIONS_TOPIC = "fer/emotions"

_SILENCE = 1.0
"""Time without a result after which bridges report no faces [s]."""


class Bridge(Protocol):
    """Publishes the content of an EmotionArray in other topics."""

    def update(self, array: Any) -> None:
        """Handle the result of one image."""

    def silence(self) -> None:
        """Handle a second without a result; called once."""

    def close(self) -> None:
        """Leave the graph."""


BRIDGES: Mapping[str, Callable[[Transport], Bridge]] = {
    "hri": HriBridge,
    "vision": VisionBridge,
    "foxglove": FoxgloveBridge,
    "people": PeopleBridge,
    "position": PositionBridge,
}
"""Every bridge by its name."""


class BridgeNode:
    """Runs some bridges."""

    def __init__(
        self, transport: Transport, names: Sequence[str], emotions: Sequence[str] = ()
    ) -> None:
        """Join the graph.

        Args:
            transport: The node's place in the graph.
            names: Keys of :data:`BRIDGES`.
            emotions: Topics of EmotionArray; ``fer/emotions`` where none is named.

        Raises:
            ValueError: A name is unknown, or there is none.
            TransportError: A topic cannot be used; on ROS 2 most often because the package of its
                messages is not installed.
        """
        unknown = [name for name in names if name not in BRIDGES]
        if unknown or not names:
            what = f"there is no bridge {unknown[0]!r}" if unknown else "no bridge is named"
            raise ValueError(f"{what}; there are {', '.join(BRIDGES)}")
        self._transport = transport
        self._warned = False
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        self._heard: float | None = None
        self._bridges: dict[str, Bridge] = {}
        try:
            for name in dict.fromkeys(names):
                self._bridges[name] = BRIDGES[name](transport)
            self._subscriptions = [
                transport.subscribe(
                    topic, messages.EMOTION_ARRAY, Qos("best_effort", 10), self._take
                )
                for topic in emotions or (EMOTIONS_TOPIC,)
            ]
        except BaseException:
            self._close_bridges()
            raise
        self._timer = transport.timer(_SILENCE / 4, self._tick)
        heard = ", ".join(subscription.topic for subscription in self._subscriptions)
        transport.log.info(f"bridges {', '.join(self._bridges)} for {heard}")

    def _take(self, data: bytes) -> None:
        try:
            array = decode_result(data)
        except DecodeError as error:
            if not self._warned:
                self._warned = True
                self._transport.log.warning(f"an EmotionArray cannot be read: {error}")
            return
        with self._lock:
            self._heard = time.monotonic()
            for name, bridge in self._bridges.items():
                guarded(self._transport.log, f"bridge {name}", bridge.update, array)

    def _tick(self) -> None:
        with self._lock:
            if self._heard is not None and time.monotonic() - self._heard > _SILENCE:
                self._heard = None
                for name, bridge in self._bridges.items():
                    guarded(self._transport.log, f"bridge {name}", bridge.silence)
        for text in set(refusals(self._subscriptions).values()) - self._refused:
            self._refused.add(text)
            self._transport.log.warning(text)

    def close(self) -> None:
        """Leave the graph."""
        self._timer.close()
        for subscription in self._subscriptions:
            subscription.close()
        self._close_bridges()

    def _close_bridges(self) -> None:
        for bridge in self._bridges.values():
            bridge.close()
