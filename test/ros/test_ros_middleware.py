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

"""The middleware gets what camera images need, unless the user has said otherwise."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros


@pytest.fixture
def middleware(ros):
    from fer_ros.transport.ros2 import middleware

    return middleware


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [
        ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_package_brings_its_profiles(middleware, distribution, variable):
    environment = {"ROS_DISTRO": distribution}
    middleware.use_own_profiles(middleware.RECEIVER, environment)
    profile = Path(environment[variable])
    assert profile.name == "fastdds.xml"
    sizes = ET.parse(profile).iter("{http://www.eprosima.com}receiveBufferSize")
    assert [each.text for each in sizes] == ["4194304"]
    cyclone = Path(environment["CYCLONEDDS_URI"].removeprefix("file://"))
    assert ET.parse(cyclone).getroot().tag.endswith("CycloneDDS")
    assert len(environment) == 3


def test_the_users_own_configuration_stands(middleware):
    own = {"FASTDDS_DEFAULT_PROFILES_FILE": "/mine.xml", "CYCLONEDDS_URI": "<CycloneDDS/>"}
    environment = dict(own)
    assert middleware.use_own_profiles(middleware.SENDER, environment) == ""
    assert environment == own


def test_the_advice_names_the_rmw_and_what_is_missing(middleware):
    import rclpy.utilities

    advice = middleware.loss_advice({})
    assert rclpy.utilities.get_rmw_implementation_identifier() in advice
    assert "compressed" in advice
    given: dict[str, str] = {}
    middleware.use_own_profiles(middleware.RECEIVER, given)
    assert len(middleware.loss_advice(given)) < len(advice)


@pytest.mark.parametrize("command", ["run", "camera"])
def test_who_has_ros_and_no_cyclone_dds_is_shown_the_way_on_ros(start, command):
    code = (
        "import sys; sys.modules['cyclonedds'] = None\n"
        "from fer_ros.apps.cli import main; sys.exit(main([sys.argv[1]]))"
    )
    process = start(sys.executable, "-c", code, command)
    assert process.wait() != 0
    assert "ros2 launch fer_ros fer.launch.py" in process.output
    assert "ros2 run fer_ros camera" in process.output
    assert "pip" not in process.output
    assert "Traceback" not in process.output
