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

"""Opens a node on the middleware that is installed here, for programs that run without ROS 2."""

from __future__ import annotations

from importlib import import_module

from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.standalone import StandaloneNode

_ADAPTERS = {"rmw_cyclonedds_cpp": ("fer_ros.transport.dds.node", "DdsTransport")}
"""Module and class of the adapter by the rmw that it is like on the wire."""


def standalone_class() -> type[StandaloneNode]:
    """Return the class of the adapter to use here.

    Raises:
        TransportError: The library that it takes is not installed; the message says what to do.
    """
    module, name = _ADAPTERS["rmw_cyclonedds_cpp"]
    found: type[StandaloneNode] = getattr(import_module(module), name)
    return found


def open_standalone(
    node_name: str, args: RosArgs | None = None, rosout: bool = True
) -> StandaloneNode:  # fmt: skip
    """Open a node in the graph; a ``with`` block closes it at its end.

    Args:
        node_name: Name unless ``__node`` says otherwise.
        args: Parsed ``--ros-args``.
        rosout: Whether its log goes to /rosout as well.

    Raises:
        TransportError: No middleware is installed, it refuses, or a name or an environment
            variable is not valid.
    """
    return standalone_class()(node_name, args=args or RosArgs(), rosout=rosout)
