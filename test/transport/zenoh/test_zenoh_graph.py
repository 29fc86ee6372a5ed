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

"""Nodes, topics and names in the Zenoh graph."""

from __future__ import annotations

import pytest
from support import wait_for
from transport_tools import BEST_EFFORT, IMAGE, LATCHED, STRING, peer

from fer_ros.transport.base import Qos, TopicInfo
from fer_ros.transport.zenoh.keys import Kind

pytestmark = pytest.mark.usefixtures("router")


def test_names_and_remapping_reach_the_wire(join):
    node = join("fer", "--ros-args -r __ns:=/robot -r __node:=face -r chat:=/talk")
    watcher = join("watcher")
    node.publisher("chat", STRING, Qos("best_effort", depth=3))
    wait_for(lambda: watcher.published_topics())
    (topic,) = watcher.published_topics()
    assert topic == TopicInfo("/talk", STRING, 1, reliable=False, latched=False)
    assert "/robot/face" in {entity.node.full for entity in watcher.graph.nodes()}


def test_topics_of_other_processes_come_and_go(join):
    node = join("node")
    join("here").publisher("/image", IMAGE, BEST_EFFORT)
    with peer(STRING):
        wait_for(lambda: [t.name for t in node.published_topics()] == ["/image", "/out", "/rosout"])
    wait_for(lambda: [t.name for t in node.published_topics()] == ["/image"])


def test_one_of_many_publishers_is_enough_to_offer_less(join):
    node = join("node")
    node.publisher("chat", STRING, LATCHED)
    (topic,) = node.published_topics()
    assert (topic.reliable, topic.latched) == (True, True)
    node.publisher("chat", STRING, BEST_EFFORT)
    (topic,) = node.published_topics()
    assert (topic.publishers, topic.reliable, topic.latched) == (2, False, False)


def test_nodes_of_the_same_name_are_counted_while_they_live(join):
    node = join("fer")
    join("fer", namespace="/other")
    join("feri")
    assert node.namesakes() == 0
    twin = join("fer")
    wait_for(lambda: node.namesakes() == 1)
    wait_for(lambda: twin.namesakes() == 1)
    twin.close()
    wait_for(lambda: node.namesakes() == 0)


def test_another_type_or_definition_is_named_and_does_not_match(join):
    node = join("node")
    subscription = node.subscribe("chat", STRING, Qos(), print)
    assert subscription.incompatible_qos() == ()
    other = node.publisher("chat", IMAGE, Qos())
    assert subscription.publisher_count() == other.subscription_count() == 0
    assert subscription.incompatible_qos() == other.incompatible_qos()
    assert subscription.incompatible_qos() == ("TYPE_CONSISTENCY_ENFORCEMENT",)
    other.close()
    wait_for(lambda: subscription.incompatible_qos() == ())


def test_domains_keep_apart(join, monkeypatch):
    near = join("near")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(near.domain + 1))
    far = join("far")
    far.publisher("chat", STRING, Qos())
    subscription = near.subscribe("chat", STRING, Qos(), print)
    wait_for(lambda: far.published_topics())
    assert far.graph.nodes() != near.graph.nodes()
    assert subscription.publisher_count() == 0


def test_any_qos_matches_any(join):
    """So it is with rmw_zenoh; DDS refuses these pairs."""
    node = join("node")
    subscription = node.subscribe("chat", STRING, LATCHED, print)
    node.publisher("chat", STRING, BEST_EFFORT)
    wait_for(lambda: subscription.publisher_count() == 1)
    assert node.graph.has_other_type(Kind.PUBLISHER, subscription._presence.endpoint) is False
