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

"""A Zenoh graph of a test run's own, on the loopback interface."""

from __future__ import annotations

import pytest

from fer_ros.transport.arguments import parse_ros_args

ENVIRONMENT = (
    "ROS_DISTRO", "ROS_DOMAIN_ID", "RMW_IMPLEMENTATION", "ZENOH_SESSION_CONFIG_URI",
    "ZENOH_CONFIG_OVERRIDE", "ZENOH_ROUTER_CHECK_ATTEMPTS",
)  # fmt: skip


@pytest.fixture
def router(monkeypatch):
    """A router; nodes of this process and of those it starts meet through it."""
    pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")
    from fer_ros.transport.opening import private_graph

    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    with private_graph():
        yield


@pytest.fixture
def join(router):
    """Return a function that opens nodes, which are closed at the end."""
    from fer_ros.transport.zenoh.node import ZenohTransport

    nodes = []

    def join_graph(
        name: str, line: str = "", namespace: str = "/", rosout: bool = False
    ) -> ZenohTransport:
        nodes.append(ZenohTransport(name, namespace, parse_ros_args(line.split()), rosout))
        return nodes[-1]

    yield join_graph
    for node in nodes:
        node.close()
