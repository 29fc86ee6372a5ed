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

"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Robot

try:
    from hypothesis import settings
except ImportError:  # the ROS tests do without
    pass
else:
    settings.register_profile("patient", deadline=None)  # other programs may take the processor
    settings.load_profile("patient")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how long the slow stress tests last; the figures in docs/performance.md are of more."""
    parser.addoption("--messages", type=int, default=5000, help="fuzzed messages (test/stress)")
    parser.addoption("--frames", type=int, default=5000, help="frames of the soak (test/stress)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Handle signals after each test as before it and before its fixtures of any scope.

    A command that runs in this process ignores further signals, and the programs that later tests
    start would inherit that.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        return (yield)
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the data sets and detector weights that are not part of the repository."""
    folder = Path(os.environ.get("FER_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "DATA.md").is_file():
        pytest.skip(f"no data folder at {folder} (set FER_SHARED to its place)")
    return folder


@pytest.fixture
def robot() -> Iterator[Robot]:
    robot = Robot().start()
    yield robot
    robot.close()


@pytest.fixture
def build() -> Iterator:
    """Build robots with parameters of their own; not started."""
    robots = []

    def make(*ros_args: str, **parameters: object) -> Robot:
        robots.append(Robot(ros_args, **parameters))
        return robots[-1]

    yield make
    for robot in robots:
        robot.close()
