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

"""The node on a real ROS 2, seen from outside; skipped with the reason where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dds_domains import domain_id
from observing import Observer, Process

LOOPBACK = (
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo' multicast='false'/>"
    "</Interfaces><AllowMulticast>false</AllowMulticast></General><Discovery>"
    "<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>60</MaxAutoParticipantIndex>"
    "<Peers><Peer Address='127.0.0.1'/></Peers></Discovery></Domain></CycloneDDS>"
)


@pytest.fixture(scope="session")
def ros():
    """Skip where no ROS 2, or no installed fer_ros, can be imported."""
    try:
        import rclpy  # noqa: F401
    except ImportError as error:
        pytest.skip(f"needs a sourced ROS 2 ({error})")
    try:
        import fer_ros.msg  # noqa: F401
    except ImportError as error:
        pytest.skip(
            f"needs fer_ros built by colcon ({error}); source its install folder and run pytest "
            "outside the source folder, whose fer_ros hides the installed one"
        )
    os.environ.update(
        ROS_DOMAIN_ID=str(domain_id()),
        ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST",
        CYCLONEDDS_URI=LOOPBACK,
        PYTHONUNBUFFERED="1",
    )


@pytest.fixture(scope="session")
def prefix(ros) -> Path:
    """The folder that fer_ros is installed in."""
    from ament_index_python.packages import get_package_prefix

    return Path(get_package_prefix("fer_ros"))


@pytest.fixture
def observer(ros):
    """A node of the test's own, which listens and calls."""
    watcher = Observer()
    yield watcher
    watcher.close()


@pytest.fixture
def start(ros, tmp_path):
    """Start processes that end with the test."""
    started: list[Process] = []

    def start_process(*command: str) -> Process:
        started.append(Process([str(word) for word in command], tmp_path))
        return started[-1]

    yield start_process
    for process in started:
        process.end()
        print(process.output)  # pytest shows it where the test fails


@pytest.fixture
def emotion_node(start, prefix):
    """Start the installed node with ROS arguments, e.g. ``-p image_depth:=2``."""
    executable = prefix / "lib" / "fer_ros" / "emotion_node"

    def start_node(*arguments: str) -> Process:
        return start(executable, "--ros-args", "-p", "detector:=fer-face", *arguments)

    return start_node
