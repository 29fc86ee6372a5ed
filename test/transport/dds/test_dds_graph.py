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

"""Nodes in the ROS graph of real Cyclone DDS: names, announcements, configuration."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from dds_tools import (
    REPOSITORY,
    STRING,
    Inbox,
    peer,
    string,
    text,
    wait_for,
)

from fer_ros.transport import codec
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.dds import graph as dds_graph
from fer_ros.transport.dds.cyclone import domain, sub, topic
from fer_ros.transport.dds.node import DdsTransport
from fer_ros.transport.dds.qos import endpoint_qos
from fer_ros.transport.dds.types import sample_type


def test_names_and_remapping_reach_the_wire(join):
    line = "--ros-args -r __ns:=/robot -r __node:=mirror -r in:=/requests -r out:=answers"
    inbox = Inbox()
    with peer(STRING, line=line):
        node = join("fer", "--ros-args -r ask:=/requests", namespace="other")
        publisher = node.publisher("ask", STRING, Qos())
        node.subscribe("/robot/answers", STRING, Qos(), inbox)
        wait_for(lambda: publisher.subscription_count() == 1)
        publisher.publish(string("hello"))
        assert text(inbox.get()) == "hello"
        assert (node.node_name, publisher.topic) == ("/other/fer", "/requests")


def read_discovery(participant: domain.DomainParticipant) -> sub.DataReader:
    store = dds_graph.discovery_typestore()
    kind = sample_type(dds_graph.TYPE, store)
    name = topic.Topic(participant, dds_graph.TOPIC, kind)
    return sub.DataReader(participant, name, endpoint_qos(dds_graph.QOS, ""))


def announced_nodes(reader: sub.DataReader) -> dict[str, tuple[set[bytes], set[bytes], int]]:
    """Return what the latest news of each participant says: node, readers, writers, id length."""
    store = dds_graph.discovery_typestore()
    nodes = {}
    for sample in reader.read(100):
        if not sample.sample_info.valid_data:
            continue
        info = store.deserialize_cdr(sample.cdr, dds_graph.TYPE)
        for node in info.node_entities_info_seq:
            readers, writers = (
                {bytes(gid.data)[:16] for gid in gids}
                for gids in (node.reader_gid_seq, node.writer_gid_seq)
            )
            full = f"{node.node_namespace.rstrip('/')}/{node.node_name}"
            nodes[full] = (readers, writers, len(info.gid.data))
    return nodes


@pytest.mark.parametrize(("distro", "id_length"), [("jazzy", 16), ("humble", 24)])
def test_ros_sees_the_node_and_its_endpoints(join, monkeypatch, distro, id_length):
    monkeypatch.setenv("ROS_DISTRO", distro)
    observer = join("observer")
    reader = read_discovery(observer.participant)
    with peer(STRING, line="--ros-args -r __ns:=/robot"):
        wait_for(lambda: "/robot/peer" in announced_nodes(reader))
        wait_for(lambda: all(announced_nodes(reader)["/robot/peer"][:2]))
        readers, writers, length = announced_nodes(reader)["/robot/peer"]
        assert (len(readers), len(writers), length) == (1, 2, id_length), "out and /rosout"
        publications = endpoints(observer, writers=True)
        subscriptions = endpoints(observer, writers=False)
        assert {publications[each] for each in writers if publications[each][0] != "rt/rosout"} == {
            (
                "rt/robot/out",
                "std_msgs::msg::dds_::String_",
                f"typehash={codec.type_hash(STRING)};".encode(),
            )
        }
        assert subscriptions[next(iter(readers))][0] == "rt/robot/in"
        assert b"enclave=/;" in enclaves(observer)


def endpoints(node: DdsTransport, writers: bool) -> dict[bytes, tuple[str, str, bytes]]:
    from cyclonedds import builtin
    from cyclonedds.qos import Policy

    kind = builtin.BuiltinTopicDcpsPublication if writers else builtin.BuiltinTopicDcpsSubscription
    reader = builtin.BuiltinDataReader(node.participant, kind)
    return {
        sample.key.bytes: (
            sample.topic_name,
            sample.type_name,
            sample.qos[Policy.Userdata].data if Policy.Userdata in sample.qos else b"",
        )
        for sample in reader.read(100)
    }


def enclaves(node: DdsTransport) -> list[bytes]:
    from cyclonedds import builtin
    from cyclonedds.qos import Policy

    reader = builtin.BuiltinDataReader(node.participant, builtin.BuiltinTopicDcpsParticipant)
    return [
        sample.qos[Policy.Userdata].data
        for sample in reader.read(100)
        if sample.key != node.participant.guid and Policy.Userdata in sample.qos
    ]


def test_closed_endpoints_and_nodes_leave_the_announcements(join):
    observer, fer = join("observer"), join("fer")
    reader = read_discovery(observer.participant)
    subscription = fer.subscribe("a", STRING, Qos(), Inbox())
    publisher = fer.publisher("b", STRING, Qos())
    wait_for(lambda: [len(x) for x in announced_nodes(reader).get("/fer", ())[:2]] == [1, 1])
    subscription.close()
    publisher.close()
    wait_for(lambda: announced_nodes(reader)["/fer"][:2] == (set(), set()))
    fer.close()
    wait_for(lambda: "/fer" not in announced_nodes(reader))


def test_bad_configuration_is_refused_and_can_be_mended(monkeypatch):
    good = os.environ["CYCLONEDDS_URI"]
    monkeypatch.setenv("CYCLONEDDS_URI", "<CycloneDDS><Nonsense")
    with pytest.raises(TransportError, match="CYCLONEDDS_URI"):
        DdsTransport("fer")
    monkeypatch.setenv("CYCLONEDDS_URI", good)
    DdsTransport("fer").close()


def test_nodes_of_a_process_must_share_the_configuration(join, monkeypatch):
    join("fer")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    with pytest.raises(TransportError, match="another discovery configuration"):
        join("other")


def test_node_that_fails_to_start_leaves_nothing_behind(join, monkeypatch):
    with pytest.raises(TransportError, match="9"):
        join("fer", "--ros-args -p use_sim_time:=true -r /clock:=9")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    join("fer")  # would be refused if the domain were still in use


def test_there_are_no_services(join):
    assert join("fer").set_bool_service("~/enable", lambda value: (True, "")) is None


def test_absence_of_cyclone_dds_is_told_in_clear_words():
    code = (
        "import sys; sys.modules['cyclonedds'] = None\n"
        "from fer_ros.transport.base import TransportError\n"
        "try:\n    import fer_ros.transport.dds.node\n"
        "except TransportError as error:\n    print(error)"
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "pip install 'fer_ros[" in found.stdout
