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

"""A node that judges results by rules, with somebody who sends results and receives events."""

from __future__ import annotations

from faces import message
from support import wait_for

from fer_ros.behaviors.node import BehaviorNode
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import EMOTION_EVENT, read_event
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

SECOND = 1_000_000_000
STRING = "std_msgs/msg/String"

RULE = "rules: [{name: smile, expression: happy, for: 0.5, release: 0.2, do: [%s]}]"


class Stage:
    """The rules' node, a node whose results it judges, and a subscriber."""

    def __init__(self, text: str) -> None:
        self.graph = MemoryGraph()
        self.graph.set_time_ns(1000 * SECOND)
        self.transport = MemoryTransport(self.graph, "behave")
        self.other = MemoryTransport(self.graph, "other")
        self.events: list = []
        self.words: list[str] = []
        self.diagnostics: dict[str, object] = {}
        self.hear("/fer/events", EMOTION_EVENT, lambda m: self.events.append(read_event(m)))
        self.hear("/words", STRING, lambda m: self.words.append(m.data))
        self.hear(
            "/diagnostics", messages.DIAGNOSTIC_ARRAY,
            lambda m: self.diagnostics.update({each.name: each for each in m.status}),
        )  # fmt: skip
        self.emotions = self.other.publisher("/fer/emotions", messages.EMOTION_ARRAY, Qos())
        self.node = BehaviorNode(self.transport, parse_rules(text))

    def hear(self, topic, kind, take, qos=None):
        qos = qos or Qos(depth=1000)
        self.other.subscribe(topic, kind, qos, lambda data: take(decode(data, kind)))

    def see(self, seconds: float, **faces: str) -> None:
        """Let faces be seen for a while, ten times a second of the graph's clock."""
        for _ in range(round(seconds * 10)):
            self.graph.set_time_ns(self.graph.time_ns + SECOND // 10)
            self.emotions.publish(encode(message(self.graph.time_ns, faces)))
            wait_for(lambda: not self.waiting())

    def waiting(self) -> bool:
        (subscription,) = self.node._subscriptions
        camera = self.node._engine._cameras.get("/image_raw")
        newest = camera.clock.newest_ns if camera else 0
        return bool(subscription._queue) or newest != self.graph.time_ns

    def close(self) -> None:
        self.node.close()
        self.transport.close()
        self.other.close()
