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
