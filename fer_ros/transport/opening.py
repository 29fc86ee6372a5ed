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

"""Opens a node on the middleware that is installed here, for programs that run without ROS 2.

``RMW_IMPLEMENTATION`` chooses between ``rmw_cyclonedds_cpp`` and ``rmw_zenoh_cpp``; without it
Cyclone DDS is taken, or Zenoh where there is no Cyclone DDS.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import TransportError
from fer_ros.transport.installation import dds_package_exists
from fer_ros.transport.standalone import StandaloneNode

CYCLONE_DDS, ZENOH = "rmw_cyclonedds_cpp", "rmw_zenoh_cpp"

_ADAPTERS = {
    CYCLONE_DDS: ("fer_ros.transport.dds.node", "DdsTransport"),
    ZENOH: ("fer_ros.transport.zenoh.node", "ZenohTransport"),
}
"""Module and class of the adapter by the rmw that it is like on the wire."""

_DOMAINS = range(1, 101)
"""Their ports in DDS lie below those that systems give out to programs."""


def chosen_rmw() -> str:
    """Return :data:`CYCLONE_DDS` or :data:`ZENOH`, whichever is asked for or installed.

    Raises:
        TransportError: Neither library, or not the one that ``RMW_IMPLEMENTATION`` asks for, is
            installed; the message says what to do.
    """
    asked = os.environ.get("RMW_IMPLEMENTATION", "")
    if asked in _ADAPTERS:
        _adapter(asked)
        return asked
    failures = []
    for rmw in (CYCLONE_DDS, ZENOH):
        try:
            _adapter(rmw)
            return rmw
        except TransportError as error:
            failures.append(error)
    raise failures[0] if dds_package_exists() else failures[1]


def _adapter(rmw: str) -> type[StandaloneNode]:
    module, name = _ADAPTERS[rmw]
    found: type[StandaloneNode] = getattr(import_module(module), name)
    return found


def open_standalone(
    node_name: str, args: RosArgs | None = None, rosout: bool = True
) -> StandaloneNode:
    """Open a node in the graph; a ``with`` block closes it at its end.

    Args:
        node_name: Name unless ``__node`` says otherwise.
        args: Parsed ``--ros-args``.
        rosout: Whether its log goes to /rosout as well.

    Raises:
        TransportError: No middleware is installed, it refuses, or a name or an environment
            variable is not valid.
    """
    return _adapter(chosen_rmw())(node_name, args=args or RosArgs(), rosout=rosout)


@contextmanager
def private_graph(domain: str = "") -> Iterator[str]:
    """Give this process and those it starts a graph of their own, on the loopback interface.

    Sets environment variables, which stay set.

    Args:
        domain: ``ROS_DOMAIN_ID``; empty: a random one.

    Yields:
        Where the graph is, in words.

    Raises:
        TransportError: No middleware is installed.
    """
    rmw = os.environ["RMW_IMPLEMENTATION"] = chosen_rmw()
    number = os.environ["ROS_DOMAIN_ID"] = domain or str(random.choice(_DOMAINS))
    if rmw == CYCLONE_DDS:
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        yield f"DDS domain {number}"
        return
    at = f"tcp/localhost:{_free_port()}"
    with open_router(at):
        os.environ["ZENOH_CONFIG_OVERRIDE"] = f'connect/endpoints=["{at}"]'
        yield f"Zenoh router {at}, domain {number}"


@contextmanager
def open_router(
    listen: str, config_file: str = "", overrides: str = "", connect: tuple[str, ...] = ()
) -> Iterator[None]:
    """Run a Zenoh router in this process.

    Args:
        listen: Endpoint, e.g. ``tcp/localhost:7447``.
        config_file: Zenoh configuration in place of the defaults and of both endpoints.
        overrides: ``key=value;key=value``, set after that.
        connect: Endpoints of other routers.

    Raises:
        TransportError: Zenoh is not installed, the endpoint is taken, or a setting is not valid.
    """
    router = import_module("fer_ros.transport.zenoh.session").open_router
    session = router(listen, config_file, overrides, connect)
    try:
        yield
    finally:
        session.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
