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

"""The number of the ROS domain."""

from __future__ import annotations

from fer_ros.transport.base import TransportError

MAX_DOMAIN_ID = 232
"""Larger numbers leave DDS no valid UDP port."""


def domain_number(text: str) -> int:
    """Return the domain that ``ROS_DOMAIN_ID`` names, 0 where it is empty.

    Raises:
        TransportError: It is no number in 0..:data:`MAX_DOMAIN_ID`.
    """
    try:
        number = int(text or "0", 0)
    except ValueError:
        number = -1
    if not 0 <= number <= MAX_DOMAIN_ID:
        raise TransportError(f"ROS_DOMAIN_ID must be a number in 0..{MAX_DOMAIN_ID}, not {text!r}")
    return number
