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

"""How the ROS environment variables shape the DDS domain of a process."""

from __future__ import annotations

import os

import pytest

from fer_ros.transport import socket_buffers
from fer_ros.transport.base import TransportError

try:
    from fer_ros.transport.dds import domain as dds_domain
except TransportError as unavailable:
    pytest.skip(str(unavailable), allow_module_level=True)


def settings(**environment: str) -> dds_domain.DomainSettings:
    return dds_domain.domain_settings(environment)


def test_domain_settings_follow_the_ros_environment():
    assert settings().number == 0
    assert settings(ROS_DOMAIN_ID="42").number == 42
    subnet, local = settings().config, settings(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST").config
    assert "127.0.0.1" not in subnet
    for config in (subnet, local):  # else nothing matches Fast DDS 3
        assert "<IgnoreTypeInformation>1.15<" in config
    assert "AllowMulticast" not in subnet
    assert '<NetworkInterface address="127.0.0.1"/>' in local
    assert "<AllowMulticast>false</AllowMulticast>" in local
    assert settings(ROS_LOCALHOST_ONLY="1", ROS_STATIC_PEERS="10.0.0.9").config == local
    assert settings(ROS_LOCALHOST_ONLY="0").config == subnet
    off = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="OFF").config
    assert f"<Tag>ros_discovery_off_{os.getpid()}</Tag>" in off
    system = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="SYSTEM_DEFAULT").config
    assert "Multicast" not in system
    assert "ParticipantIndex" not in system


def test_static_peers_and_the_users_own_configuration():
    config = settings(ROS_STATIC_PEERS="10.0.0.9;robot&co", CYCLONEDDS_URI="file:///a.xml").config
    assert '<Peers><Peer address="10.0.0.9"/><Peer address="robot&amp;co"/></Peers>' in config
    assert config.endswith(",file:///a.xml")
    mixed = settings(ROS_STATIC_PEERS="10.0.0.9", ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST").config
    assert '<Peers><Peer address="127.0.0.1"/><Peer address="10.0.0.9"/></Peers>' in mixed
    assert "<NetworkInterface" not in mixed
    ignored = settings(ROS_STATIC_PEERS="10.0.0.9", ROS_AUTOMATIC_DISCOVERY_RANGE="OFF")
    assert "10.0.0.9" not in ignored.config
    assert "ROS_STATIC_PEERS" in ignored.warnings[0]


def test_an_interface_that_the_user_names_is_not_named_again(tmp_path):
    xml = "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
    file = tmp_path / "dds.xml"
    file.write_text(xml)
    for uri in (xml, f"file://{file}"):
        config = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST", CYCLONEDDS_URI=uri).config
        assert "127.0.0.1" not in config.split("<Discovery>")[0]
        assert config.endswith(uri)


def test_unknown_discovery_range_stays_on_this_host_with_a_warning():
    odd = settings(ROS_AUTOMATIC_DISCOVERY_RANGE="WORLD")
    assert odd.config == settings(ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST").config
    assert "WORLD" in odd.warnings[0]


def test_small_socket_buffers_are_told_with_the_remedy(tmp_path):
    limit = tmp_path / "rmem_max"
    limit.write_text("212992\n")
    assert "208 kB" in socket_buffers.buffer_advice(limit)
    limit.write_text("4194304\n")
    assert socket_buffers.buffer_advice(limit) is None
    assert socket_buffers.buffer_advice(tmp_path / "nothing") is None


@pytest.mark.parametrize("number", ["-1", "233", "many", "1.5"])
def test_bad_domain_number_is_refused(number):
    with pytest.raises(TransportError, match="ROS_DOMAIN_ID"):
        settings(ROS_DOMAIN_ID=number)
