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

"""Rules in a live graph: subscribes to EmotionArray, judges, and lets things happen."""

from __future__ import annotations

import threading
import time

from fer_ros.behaviors.actions import Actions
from fer_ros.behaviors.engine import EventEngine
from fer_ros.behaviors.rules import RuleSet
from fer_ros.transport import messages
from fer_ros.transport.base import Qos, Transport
from fer_ros.transport.codec import DecodeError, decode, encode
from fer_ros.transport.event_messages import Event, read_face_table
from fer_ros.transport.messages import Status

EMOTIONS_TOPIC = "fer/emotions"
EVENTS_TOPIC = "fer/events"

_TICK = 0.1
"""How often silence is looked for [s]."""

_DIAGNOSTICS_PERIOD = 1.0

_NO_INPUT = 5.0
"""Silence after the start from which diagnostics say so [s]."""


_LINES_A_SECOND = 10


class BehaviorHost:
    """A node that tells events and does what rules say."""

    def __init__(
        self, transport: Transport, rules: RuleSet, emotions: tuple[str, ...] = ()
    ) -> None:
        """Join the graph.

        Args:
            transport: The node's place in the graph.
            rules: What to do.
            emotions: Topics of EmotionArray; ``fer/emotions`` where none is named.

        Raises:
            TransportError: A topic cannot be used.
            PluginError: A plug-in cannot be made.
        """
        self._transport = transport
        self._lock = threading.Lock()
        self._engine = EventEngine(rules)
        self._told: dict[str, int] = {}
        self._damaged = 0
        self._heard = time.monotonic()
        self._diagnosed = 0.0
        self._warned: set[str] = set()
        self._second = self._logged = 0
        self._actions = Actions(rules, transport, EVENTS_TOPIC)
        self._diagnostics = transport.publisher(
            "/diagnostics", messages.DIAGNOSTIC_ARRAY, Qos(depth=10)
        )
        self._subscriptions = [
            transport.subscribe(
                topic, messages.EMOTION_ARRAY, Qos("best_effort", 10), self._receive
            )
            for topic in emotions or (EMOTIONS_TOPIC,)
        ]
        self._timer = transport.timer(_TICK, self._tick)
        heard = ", ".join(subscription.topic for subscription in self._subscriptions)
        count = len(rules.rules)
        transport.log.info(
            f"{count} rule{'s' * (count != 1)}: {heard} -> {self._actions.events_topic}"
        )

    def _receive(self, data: bytes) -> None:
        try:
            faces = read_face_table(decode(data, messages.EMOTION_ARRAY))
        except (DecodeError, ValueError) as error:
            self._damaged += 1
            self._warn_once("damaged", f"an EmotionArray cannot be read: {error}")
            return
        now = self._transport.now_ns() or None  # 0: no /clock yet
        with self._lock:
            self._heard = time.monotonic()
            events = self._engine.update(faces, now)
            self._tell(events)
            if self._engine.dropped["unstamped"]:
                self._warn_once(
                    "unstamped", "images without a stamp are ignored; have the camera stamp them"
                )
            for camera, names in self._engine.unknown_expressions().items():
                self._warn_once(
                    camera,
                    f"{camera}: the network knows no such expression for {', '.join(names)}; "
                    "these rules never hold there",
                )

    def _tick(self) -> None:
        now = self._transport.now_ns()
        with self._lock:
            if now:
                self._tell(self._engine.advance(now))
            if time.monotonic() - self._diagnosed >= _DIAGNOSTICS_PERIOD:
                self._diagnosed = time.monotonic()
                array = messages.diagnostic_array(now, self.diagnose())
                self._diagnostics.publish(encode(array))

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._told[event.phase] = self._told.get(event.phase, 0) + 1
            if event.phase != "ongoing":
                self._log(event)
        self._actions.handle(events)

    def _log(self, event: Event) -> None:
        """Log an event, as long as a person could follow."""
        second = int(time.monotonic())
        self._logged = self._logged + 1 if second == self._second else 1
        self._second = second
        if self._logged <= _LINES_A_SECOND:
            words = (event.rule, event.phase, event.cause, event.track_id, event.label)
            self._transport.log.info(" ".join(filter(None, words)))
        elif self._logged == _LINES_A_SECOND + 1:
            self._transport.log.info("and more events in this second")

    def _warn_once(self, key: str, text: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            self._transport.log.warning(text)

    def diagnose(self) -> list[Status]:
        """Return the diagnostics of this moment."""
        engine = self._engine
        prefix = self._transport.node_name.lstrip("/").replace("/", ".")
        silent = time.monotonic() - self._heard > _NO_INPUT
        values = {
            "rules": str(len(engine.rules.rules)),
            "events running": str(engine.running),
            **{f"events {phase}": str(n) for phase, n in sorted(self._told.items())},
            "events dropped": str(self._actions.dropped),
            **{f"answers {reason}": str(n) for reason, n in sorted(engine.dropped.items())},
            "answers damaged": str(self._damaged),
        }
        topics = ", ".join(subscription.topic for subscription in self._subscriptions)
        words = f"nothing usable comes on {topics}" if silent else "works"
        line = Status(1 if silent else 0, f"{prefix}: rules", words, values)
        return [line, *self._actions.statuses(prefix)]

    def close(self) -> None:
        """End all events, and what they started; harmless when called again."""
        self._timer.close()
        for subscription in self._subscriptions:
            subscription.close()
        with self._lock:
            self._tell(self._engine.close())
        self._actions.close()
        self._diagnostics.close()
