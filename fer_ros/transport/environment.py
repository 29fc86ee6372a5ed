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

"""Environment variables that have no effect without ROS 2."""

from __future__ import annotations

from collections.abc import Mapping

from fer_ros.transport.base import TransportError


def shortcomings(environment: Mapping[str, str], rmw: str, library: str) -> tuple[str, ...]:
    """Return warnings about environment variables without effect.

    Args:
        environment: Of the process.
        rmw: The rmw that the adapter is like on the wire, e.g. ``rmw_cyclonedds_cpp``.
        library: What it speaks, e.g. ``Cyclone DDS``.

    Raises:
        TransportError: Security is enforced, and there is none without ROS 2.
    """
    warnings = []
    if environment.get("ROS_SECURITY_ENABLE", "").lower() == "true":
        asked = "ROS_SECURITY_ENABLE is true, but without ROS 2 nothing is secured"
        if environment.get("ROS_SECURITY_STRATEGY", "").lower() == "enforce":
            raise TransportError(
                f"{asked}, and ROS_SECURITY_STRATEGY is Enforce: use the node of ROS 2 "
                "(ros2 run fer_ros emotion_node), or switch security off for this process"
            )
        warnings.append(f"{asked}: everything is sent and received unprotected")
    asked_for = environment.get("RMW_IMPLEMENTATION", "")
    if asked_for not in ("", rmw):
        warnings.append(
            f"RMW_IMPLEMENTATION is {asked_for}, but this process speaks {library}, as {rmw} does; "
            "nodes of another DDS may lose large images, and DDS and Zenoh do not hear each other"
        )
    return tuple(warnings)
