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

"""Calls of std_srvs services from a thread that is not the executor's."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from fer_ros.transport.base import TransportError

OFFER_TIME = 1.0
"""How long a service may take to be found [s]."""

RESPONSE_TIME = 5.0
"""How long its response may take [s]."""


def call_service(node: Any, name: str, type_name: str, value: bool) -> tuple[bool, str]:
    """Call a service; the node's executor must be spun by another thread meanwhile.

    Args:
        node: The rclpy node.
        name: As rclpy is to resolve it.
        type_name: E.g. ``std_srvs/srv/Trigger``.
        value: What SetBool gets.

    Returns:
        Whether it succeeded, and the message of its response.

    Raises:
        TransportError: The type is unknown, nobody offers the service, or it takes too long.
    """
    package, _, short = type_name.split("/")
    try:
        kind = getattr(importlib.import_module(f"{package}.srv"), short)
    except (ImportError, AttributeError) as error:
        raise TransportError(f"{type_name} cannot be imported: {error}") from error
    request = kind.Request()
    if hasattr(request, "data"):
        request.data = value
    client = node.create_client(kind, name)
    try:
        if not client.wait_for_service(OFFER_TIME):
            raise TransportError(f"nobody offers the service {name} ({type_name})")
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(RESPONSE_TIME):
            raise TransportError(f"the service {name} did not respond within {RESPONSE_TIME:g} s")
        response = future.result()
        return bool(getattr(response, "success", True)), str(getattr(response, "message", ""))
    finally:
        node.destroy_client(client)
