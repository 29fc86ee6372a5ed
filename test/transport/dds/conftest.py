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

"""A DDS domain of each test's own, and nodes that join it."""

from __future__ import annotations

import pytest
from dds_domains import loopback_environment

from fer_ros.transport.arguments import parse_ros_args


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    """A domain of this test's own that reaches nobody else, on loopback only."""
    for name in ("ROS_DISTRO", "ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def join():
    from fer_ros.transport.dds.node import DdsTransport

    nodes = []

    def join_graph(
        name: str, line: str = "", namespace: str = "/", rosout: bool = False
    ) -> DdsTransport:
        nodes.append(DdsTransport(name, namespace, parse_ros_args(line.split()), rosout))
        return nodes[-1]

    yield join_graph
    for node in nodes:
        node.close()
