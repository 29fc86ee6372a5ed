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

"""What the environment asks for in vain without ROS 2."""

from __future__ import annotations

import pytest

from fer_ros.transport.base import TransportError
from fer_ros.transport.environment import shortcomings

OWN = ("rmw_zenoh_cpp", "Zenoh")


def test_enforced_security_is_refused_and_permissive_one_warned_about():
    asked = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}
    with pytest.raises(TransportError, match="nothing is secured"):
        shortcomings(asked, *OWN)
    (warning,) = shortcomings({"ROS_SECURITY_ENABLE": "true"}, *OWN)
    assert "unprotected" in warning
    asked["ROS_SECURITY_ENABLE"] = "false"
    assert shortcomings(asked, *OWN) == ()


def test_another_rmw_is_warned_about():
    assert shortcomings({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}, *OWN) == ()
    (warning,) = shortcomings({"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}, *OWN)
    assert "rmw_fastrtps_cpp" in warning
    assert "Zenoh" in warning
