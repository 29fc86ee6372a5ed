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

"""Configuration of an rmw that lets camera images arrive, as measured in docs/ros2.md."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

from rclpy.utilities import get_rmw_implementation_identifier

from fer_ros.resources import share_path
from fer_ros.transport.socket_buffers import RAISE_LIMIT, buffer_advice

FAST_DDS, CYCLONE_DDS, ZENOH = "rmw_fastrtps_cpp", "rmw_cyclonedds_cpp", "rmw_zenoh_cpp"

_FAST_DDS_2 = ("humble", "iron", "jazzy")
"""Distributions whose Fast DDS reads the older environment variable."""

RECEIVER, SENDER = "fastdds.xml", "fastdds_camera.xml"
"""Profiles of Fast DDS in config/: for receivers and for senders of raw images."""


def use_own_profiles(profile: str, environment: MutableMapping[str, str] | None = None) -> str:
    """Give the middleware the package's configuration where the user has named none.

    Must come before ``rclpy.init``. Each rmw reads its own variable and none of the others.

    Args:
        profile: :data:`RECEIVER` or :data:`SENDER`.
        environment: The process's, unless another is given.

    Returns:
        What was set, for the log; empty where the user's own configuration is kept.
    """
    environment = os.environ if environment is None else environment
    older, newer = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
    fast_dds = older if environment.get("ROS_DISTRO") in _FAST_DDS_2 else newer
    found = []
    if older not in environment and newer not in environment:
        found.append((FAST_DDS, fast_dds, profile, ""))
    if "CYCLONEDDS_URI" not in environment:
        found.append((CYCLONE_DDS, "CYCLONEDDS_URI", "cyclonedds.xml", "file://"))
    chosen = {}
    for rmw, variable, name, scheme in found:
        try:
            environment[variable] = f"{scheme}{share_path(f'config/{name}')}"
        except FileNotFoundError:  # an installation without its shared files works as it can
            continue
        chosen[rmw] = f"{variable}={environment[variable]}"
    return chosen.get(get_rmw_implementation_identifier(), "")


def over_tcp() -> bool:
    """Tell whether this rmw sends by TCP, which loses nothing for want of socket buffers."""
    return str(get_rmw_implementation_identifier()) == ZENOH


def loss_advice(environment: MutableMapping[str, str] | None = None) -> str:
    """Return what helps on this rmw when camera images get lost before the node."""
    environment = os.environ if environment is None else environment
    rmw = str(get_rmw_implementation_identifier())
    remedies = ["take compressed images (image_transport: compressed)"]
    if rmw == FAST_DDS:
        profile = environment.get("FASTRTPS_DEFAULT_PROFILES_FILE") or environment.get(
            "FASTDDS_DEFAULT_PROFILES_FILE", ""
        )
        if Path(profile).name != RECEIVER:
            remedies.append(
                "give Fast DDS the package's config/fastdds.xml, for its sockets have only "
                "net.core.rmem_default otherwise"
            )
        remedies.append(
            "give a camera driver on this machine that runs on Fast DDS config/fastdds_camera.xml"
        )
    if rmw == CYCLONE_DDS and "cyclonedds.xml" not in environment.get("CYCLONEDDS_URI", ""):
        remedies.append("let your CYCLONEDDS_URI ask for what config/cyclonedds.xml asks for")
    if not over_tcp() and buffer_advice():
        remedies.append(f"allow larger socket buffers ({RAISE_LIMIT})")
    return f"on {rmw}: " + "; or ".join(remedies)
