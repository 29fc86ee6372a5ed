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

"""What is published in a domain, as another process announces it."""

from __future__ import annotations

import psutil
from dds_tools import BEST_EFFORT, IMAGE, LATCHED, STRING, peer, wait_for

from fer_ros.transport.base import Qos, TopicInfo


def test_topics_of_other_processes_come_and_go(join):
    node = join("watcher")
    node.publisher("~/latched", STRING, LATCHED)
    own = TopicInfo("/watcher/latched", STRING, 1, reliable=True, latched=True)
    assert own in node.published_topics()
    with peer(IMAGE, "best_effort"):
        theirs = TopicInfo("/out", IMAGE, 1, reliable=False, latched=False)
        wait_for(lambda: theirs in node.published_topics())
        names = [topic.name for topic in node.published_topics()]
        assert "/in" not in names, "nobody publishes what is only subscribed to"
        assert names == sorted(names)
    wait_for(lambda: node.published_topics() == (own,))


def test_one_of_many_publishers_is_enough_to_offer_less(join):
    one, other = join("one"), join("other")
    one.publisher("/mixed", STRING, Qos())
    other.publisher("/mixed", STRING, BEST_EFFORT)
    mixed = TopicInfo("/mixed", STRING, 2, reliable=False, latched=False)
    wait_for(lambda: mixed in one.published_topics())


def test_looking_at_the_graph_for_long_costs_no_memory(join):
    node, other = join("watcher"), join("other")
    for index in range(20):
        other.publisher(f"/camera_{index}/image_raw", IMAGE, Qos())
    wait_for(lambda: len(node.published_topics()) == 20)
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(4000):
        node.published_topics()
        node.namesakes()
    grown = (process.memory_info().rss - before) / 2**20
    assert grown < 3, f"{grown:.1f} MiB"
    assert len(node.published_topics()) == 20


def test_endpoints_that_come_and_go_are_not_kept(join):
    node, other = join("watcher"), join("other")
    own = [topic.name for topic in node.published_topics()]
    for index in range(50):
        publisher = other.publisher(f"/face_{index}", STRING, Qos())
        if index % 2:
            wait_for(lambda: any(t.name.startswith("/face_") for t in node.published_topics()))
        publisher.close()
    wait_for(lambda: [topic.name for topic in node.published_topics()] == own)
    assert not {e.topic_name for e in node.discovery.endpoints(writers=True)} & {
        f"rt/face_{index}" for index in range(50)
    }
