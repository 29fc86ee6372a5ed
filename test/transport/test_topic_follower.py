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

"""Subscriptions that follow the topics of the graph."""

from __future__ import annotations

from fer_ros.transport import messages, topic_follower
from fer_ros.transport.base import Qos
from fer_ros.transport.memory import MemoryGraph, MemoryTransport
from fer_ros.transport.topic_follower import TopicFollower


def test_more_topics_than_can_be_heard_are_refused_until_there_is_room(monkeypatch) -> None:
    monkeypatch.setattr(topic_follower, "MOST_TOPICS", 3)
    graph = MemoryGraph()
    node, other = MemoryTransport(graph, "ear"), MemoryTransport(graph, "other")
    publishers = [other.publisher(f"/t{i}", messages.EMOTION_ARRAY, Qos()) for i in range(5)]
    follower = TopicFollower(node, lambda *_: None)
    follower.update(node.published_topics())
    assert [topic.name for topic in follower.topics] == ["/t0", "/t1", "/t2"]
    assert set(follower.refused.values()) == {"3 topics are heard already"}
    publishers[0].close()
    follower.update(())
    follower.update(node.published_topics())
    assert [topic.name for topic in follower.topics] == ["/t1", "/t2", "/t3"]
    follower.close()
