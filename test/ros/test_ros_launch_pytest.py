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
