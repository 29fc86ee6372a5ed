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

"""fer.launch.py under launch_pytest, as other packages launch it in their own tests."""

from __future__ import annotations

import pytest
from observing import wait_for

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="needs launch_pytest of a sourced ROS 2"
)

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource

pytestmark = pytest.mark.ros


@pytest.fixture
def exit_codes() -> list[int]:
    """Fills with the exit status of each launched process."""
    return []


@launch_pytest.fixture
def description(prefix, exit_codes):
    file = prefix / "share" / "fer_ros" / "launch" / "fer.launch.py"
    return LaunchDescription(
        [
            RegisterEventHandler(
                OnProcessExit(on_exit=lambda event, _: exit_codes.append(event.returncode))
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(file)),
                launch_arguments={"detector": "fer-face", "image_topics": "/a"}.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=description)
def test_the_node_becomes_active_and_ends_cleanly(observer, exit_codes):
    wait_for(lambda: observer.state() == "active", "the node is active")
    assert exit_codes == []
    yield
    assert exit_codes == [0], "after the launch service was shut down"
