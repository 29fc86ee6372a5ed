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

"""Node for rules: subscribes to EmotionArray, evaluates the rules and runs their actions."""

from __future__ import annotations

import threading
import time

from fer_ros.behaviors.actions import Actions
from fer_ros.behaviors.engine import EventEngine
from fer_ros.behaviors.inputs import Inputs
from fer_ros.behaviors.rules import RuleSet
from fer_ros.perception.strings import shortened
from fer_ros.runtime.throttle import Throttle
from fer_ros.transport import messages
from fer_ros.transport.base import NO_CLOCK, Qos, Transport, refusals
from fer_ros.transport.codec import DecodeError, encode
from fer_ros.transport.event_messages import Event, read_face_table
from fer_ros.transport.messages import Status
from fer_ros.transport.result_messages import decode_result

EMOTIONS_TOPIC = "fer/emotions"

_TICK = 0.1
"""How often silence is looked for, and what runs is published if it has changed [s]."""

_DIAGNOSTICS_PERIOD = 1.0

_NO_INPUT = 5.0
"""Silence after the start from which diagnostics say so [s]; also how long /clock may take."""


_LINES_A_SECOND = 10

_NOTE_PERIOD = 60.0
"""Shortest time between two log lines about the clock of one camera [s]."""

_MOST_WARNINGS = 200


class BehaviorNode:
    """A node that publishes events and runs the actions of rules."""

    def __init__(
        self, transport: Transport, rules: RuleSet, emotions: tuple[str, ...] = ()
    ) -> None:
        """Join the graph.

        Args:
            transport: The node's place in the graph.
            rules: The rules.
            emotions: Topics of EmotionArray; ``fer/emotions`` where none is named.

        Raises:
            TransportError: A topic cannot be used.
            PluginError: A plug-in cannot be made.
        """
        self._transport = transport
        self._lock = threading.Lock()
        self._engine = EventEngine(rules, on_note=self._note)
        self._inputs = Inputs(rules.rules)
        self._published: dict[str, int] = {}
        self._damaged = 0
        self._heard = self._timed = time.monotonic()
        """When there was a result, and a time, last."""
        self._timeless = False
        """Whether /clock has kept everybody waiting."""
        self._diagnosed = 0.0
        self._warned: set[tuple[str, str]] = set()
        self._notes = Throttle(_NOTE_PERIOD)
        self._refused: dict[str, str] = {}
        self._second = self._logged = 0
        self._actions = Actions(rules, transport)
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
            faces = read_face_table(decode_result(data))
        except (DecodeError, ValueError) as error:
            self._damaged += 1
            if self._damaged == 1:
                text = shortened(str(error))
                self._transport.log.warning(f"an EmotionArray cannot be read: {text}")
            return
        now = self._transport.now_ns() or None  # 0: no /clock yet
        with self._lock:
            self._heard = time.monotonic()
            reason, events = self._engine.judge(faces, now)
            self._inputs.take(faces.source_topic, reason)
            self._publish(events)

    def _tick(self) -> None:
        now = self._transport.now_ns()
        with self._lock:
            if now:
                self._timed = time.monotonic()
                self._publish(self._engine.advance(now))
            self._timeless = not now and time.monotonic() - self._timed > _NO_INPUT
            self._actions.publish_running()
            if time.monotonic() - self._diagnosed < _DIAGNOSTICS_PERIOD:
                return
            self._diagnosed = time.monotonic()
            self._refused = refusals(self._subscriptions)
            if self._timeless:
                self._warn_once("/clock", f"{NO_CLOCK}; events do not end when results cease")
            for name, problem in [*self._inputs.problems().items(), *self._refused.items()]:
                self._warn_once(name, problem)
            for camera, rules in self._engine.unknown_expressions().items():
                self._warn_once(
                    camera,
                    f"{camera}: the network knows no such expression for {', '.join(rules)}; "
                    "these rules never hold there",
                )
            statuses = self.diagnose()
        self._diagnostics.publish(encode(messages.diagnostic_array(now, statuses)))

    def _note(self, camera: str, note: str) -> None:
        """Log remarks on a camera's clock, for each camera once a minute at most."""
        text = self._notes.admit(camera, f"{shortened(camera)}: {note}")
        if text:
            self._transport.log.warning(text)

    def _publish(self, events: list[Event]) -> None:
        for event in events:
            self._published[event.phase] = self._published.get(event.phase, 0) + 1
            if event.phase != "ongoing":
                self._log(event)
        self._actions.handle(events)

    def _log(self, event: Event) -> None:
        """Log an event, as long as a person could follow."""
        second = int(time.monotonic())
        self._logged = self._logged + 1 if second == self._second else 1
        self._second = second
        if self._logged <= _LINES_A_SECOND:
            fields = (event.rule, event.phase, event.cause, event.track_id, event.label)
            self._transport.log.info(shortened(" ".join(filter(None, fields))))
        elif self._logged == _LINES_A_SECOND + 1:
            self._transport.log.info("and more events in this second")

    def _warn_once(self, subject: str, text: str) -> None:
        """Log a problem once; there are as many as cameras, rules and reasons."""
        if (subject, text) not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add((subject, text))
            self._transport.log.warning(text)

    def diagnose(self) -> list[Status]:
        """Return the diagnostics of this moment."""
        engine = self._engine
        prefix = self._transport.node_name.lstrip("/").replace("/", ".")
        silent = time.monotonic() - self._heard > _NO_INPUT
        clocks = engine.clocks()
        remarks = {name: clock.remark for name, clock in clocks.items() if clock.remark}
        values = {
            "rules": str(len(engine.rules.rules)),
            "events running": str(engine.running),
            **{f"events {phase}": str(n) for phase, n in sorted(self._published.items())},
            "events dropped": str(self._actions.dropped),
            **{f"results {reason}": str(n) for reason, n in sorted(engine.dropped.items())},
            "results damaged": str(self._damaged),
            "cameras forgotten": str(engine.forgotten),
            "clock steps": str(sum(clock.steps for clock in clocks.values())),
            **{f"clock of {name}": remark for name, remark in remarks.items()},
        }
        topics = ", ".join(subscription.topic for subscription in self._subscriptions)
        problems = [f"{shortened(name)}: {remark}" for name, remark in remarks.items()]
        problems = [*self._inputs.problems().values(), *self._refused.values(), *problems]
        if silent:
            problems.insert(0, f"nothing usable comes on {topics}")
        if self._timeless:
            problems.insert(0, NO_CLOCK)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        text = problems[0] + more if problems else "works"
        line = Status(1 if problems else 0, f"{prefix}: rules", text, values)
        return [line, *self._actions.statuses(prefix)]

    def close(self) -> None:
        """End all events and plug-ins, in bounded time; harmless when called again."""
        self._timer.close()
        for subscription in self._subscriptions:
            subscription.close()
        with self._lock:
            self._publish(self._engine.close())
            self._actions.publish_running()
        self._actions.close()
        self._diagnostics.close()
