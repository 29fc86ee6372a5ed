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

"""Quality of service on real Cyclone DDS: what matches, what is refused, overrides."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from dds_tools import (
    BEST_EFFORT,
    IMAGE,
    LATCHED,
    STRING,
    Inbox,
    string,
    text,
    wait_for,
)

from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.dds import matching
from fer_ros.transport.dds.cyclone import qos as dds_qos
from fer_ros.transport.dds.matching import misfits

Policy, DdsQos = dds_qos.Policy, dds_qos.Qos


def test_late_joiner_gets_what_is_latched_and_only_if_it_asks(join):
    publisher = join("camera").publisher("chat", STRING, LATCHED)
    for word in "abc":
        publisher.publish(string(word))
    late, volatile = Inbox(), Inbox()
    fer = join("fer")
    fer.subscribe("chat", STRING, replace(LATCHED, depth=10), late)
    fer.subscribe("chat", STRING, Qos(), volatile)
    wait_for(lambda: publisher.subscription_count() == 2)
    publisher.publish(string("d"))
    assert [text(late.get()) for _ in range(3)] == ["b", "c", "d"]
    assert text(volatile.get()) == "d"
    assert volatile.messages.empty()


def test_incompatible_qos_is_named_on_both_sides(join):
    camera, fer = join("camera"), join("fer")
    offers = camera.publisher("a", STRING, BEST_EFFORT), camera.publisher("b", STRING, Qos())
    asks = [
        fer.subscribe(name, STRING, qos, Inbox()) for name, qos in (("a", Qos()), ("b", LATCHED))
    ]
    wait_for(lambda: all(endpoint.incompatible_qos() for endpoint in (*offers, *asks)))
    for endpoints in (offers, asks):
        assert [endpoint.incompatible_qos() for endpoint in endpoints] == [
            ("RELIABILITY",),
            ("DURABILITY",),
        ]
    assert asks[0].publisher_count() == 0
    assert camera.publisher("c", STRING, Qos()).incompatible_qos() == ()


def test_incompatible_qos_is_forgotten_when_the_misfit_has_left(join):
    camera, fer = join("camera"), join("fer")
    asked = fer.subscribe("image", STRING, LATCHED, Inbox())
    bad = camera.publisher("image", STRING, BEST_EFFORT)
    good = camera.publisher("image", STRING, LATCHED)
    wait_for(lambda: asked.incompatible_qos() == ("DURABILITY", "RELIABILITY"))
    assert bad.incompatible_qos() == ("DURABILITY", "RELIABILITY")
    assert good.incompatible_qos() == ()
    bad.close()
    wait_for(lambda: asked.incompatible_qos() == ())
    assert asked.publisher_count() == 1
    asked.close()
    wait_for(lambda: good.subscription_count() == 0)
    assert asked.incompatible_qos() == ()


def test_another_type_on_a_topic_is_told_with_a_remedy_and_forgotten(join, caplog):
    asked = join("fer").subscribe("image", STRING, BEST_EFFORT, Inbox())
    other = join("camera").publisher("image", IMAGE, BEST_EFFORT)
    for endpoint in (asked, other):
        wait_for(lambda e=endpoint: e.incompatible_qos() == ("TYPE_CONSISTENCY_ENFORCEMENT",))
    assert "/image: an endpoint is refused for its type; build both sides" in caplog.text
    other.close()
    wait_for(lambda: asked.incompatible_qos() == ())


def test_a_counterpart_that_fits_and_never_matches_is_told_with_a_remedy(join, caplog, monkeypatch):
    """As Cyclone DDS leaves one whose type information it refuses; here its count is made up."""
    monkeypatch.setattr(matching, "_LOOK_PERIOD", 0.0)
    monkeypatch.setattr(matching, "_PATIENCE", 0.1)
    publisher = join("camera").publisher("a", IMAGE, BEST_EFFORT)
    asked = join("fer").subscribe("a", IMAGE, BEST_EFFORT, Inbox())
    wait_for(lambda: asked.publisher_count() == publisher.subscription_count() == 1)
    for _ in range(3):
        assert asked.incompatible_qos() == publisher.incompatible_qos() == ()
    with monkeypatch.context() as patch:
        patch.setattr(asked, "_matches", lambda: SimpleNamespace(current_count=0))
        wait_for(lambda: asked.incompatible_qos() == ("TYPE_CONSISTENCY_ENFORCEMENT",))
        asked.incompatible_qos()
    assert caplog.text.count("fastdds.type_propagation") == 1
    assert asked.incompatible_qos() == ()


@pytest.mark.parametrize(
    ("offered", "requested", "names"),
    [
        (Policy.Deadline(20), Policy.Deadline(10), {"DEADLINE"}),
        (Policy.Deadline(10), Policy.Deadline(20), set()),
        (Policy.LatencyBudget(20), Policy.LatencyBudget(10), {"LATENCY_BUDGET"}),
        (Policy.Liveliness.Automatic(9), Policy.Liveliness.ManualByTopic(9), {"LIVELINESS"}),
        (Policy.Liveliness.ManualByTopic(9), Policy.Liveliness.Automatic(8), {"LIVELINESS"}),
        (Policy.Liveliness.ManualByTopic(9), Policy.Liveliness.Automatic(9), set()),
        (Policy.Ownership.Shared, Policy.Ownership.Exclusive, {"OWNERSHIP"}),
        (Policy.Durability.Persistent, Policy.Durability.Transient, set()),
        (
            Policy.DestinationOrder.ByReceptionTimestamp,
            Policy.DestinationOrder.BySourceTimestamp,
            {"DESTINATION_ORDER"},
        ),
        (Policy.DataRepresentation(True, False), Policy.DataRepresentation(False, True),
         {"DATA_REPRESENTATION"}),
        (Policy.DataRepresentation(True, False), Policy.DataRepresentation(True, True), set()),
    ],
)  # fmt: skip
def test_policies_misfit_by_the_rules_of_dds(offered, requested, names):
    assert misfits(DdsQos(offered), DdsQos(requested)) == names


def test_qos_overrides_are_honoured(join, caplog):
    prefix = "qos_overrides./robot/image.subscription"
    line = (
        f"--ros-args -r image:=/robot/image -p {prefix}.reliability:=best_effort "
        f"-p {prefix}.history:=keep_all -p {prefix}.depth:=3"
    )
    fer, camera = join("fer", line), join("camera")
    asked = fer.subscribe("image", STRING, LATCHED, Inbox())
    offered = camera.publisher("/robot/image", STRING, replace(LATCHED, reliability="best_effort"))
    wait_for(lambda: asked.publisher_count() == 1)
    assert offered.incompatible_qos() == ()
    assert "history is ignored" in caplog.text
    fer.publisher("image", STRING, Qos())  # the override is the subscription's alone
    wait_for(lambda: asked.publisher_count() == 1 and asked.incompatible_qos() == ("DURABILITY",))


@pytest.mark.parametrize("qos", [Qos(depth=0), Qos(depth=-3)])
def test_impossible_qos_is_refused(join, qos):
    node = join("fer")
    with pytest.raises(TransportError, match="/chat"):
        node.publisher("chat", STRING, qos)
    with pytest.raises(TransportError, match="/chat"):
        node.subscribe("chat", STRING, qos, Inbox())
