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

"""Advice where the library of a middleware is missing."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec

from fer_ros.transport.base import TransportError

_X86_64 = ("x86_64", "AMD64")
_DDS_PYTHONS = ((3, 10), (3, 13))
"""First and last Python that Cyclone DDS has a package for."""


def dds_package_exists() -> bool:
    """Return whether Cyclone DDS has a package for this machine and Python."""
    first, last = _DDS_PYTHONS
    arm_mac = sys.platform == "darwin" and platform.machine() == "arm64"
    machine = platform.machine() in _X86_64 or arm_mac
    return machine and first <= sys.version_info[:2] <= last


def missing(library: str, extra: str, error: Exception) -> TransportError:
    """Return the error to raise where a library cannot be imported.

    Args:
        library: Its name, e.g. ``Zenoh``.
        extra: Of this package, which brings it.
        error: What importing it raised.
    """
    if find_spec("rclpy") is not None:
        return TransportError(
            f"{library} for Python is not here ({error}), but ROS 2 is, and the node runs on it: "
            "ros2 launch fer_ros fer.launch.py for the node, ros2 run fer_ros camera for a camera"
        )
    if extra == "dds" and not dds_package_exists():
        return TransportError(
            f"{library} cannot be used ({error}), and has no package for Python "
            f"{platform.python_version()} on {platform.machine()}. Use Zenoh: "
            "pip install 'fer_ros[zenoh]'"
        )
    return TransportError(
        f"{library} cannot be used ({error}). Install it with: pip install 'fer_ros[{extra}]'"
    )
