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

"""Recordings and command lines shared by the tests of the replay."""

from __future__ import annotations

import argparse

import pytest
from bags import one_actor, scene_bag

from fer_ros.apps import label, replay
from fer_ros.transport.arguments import parse_ros_args

SHIPPED = ["-p", "detector:=fer-face"]
"""The detector that comes with the package, whatever YuNet file a machine may have."""


@pytest.fixture(scope="session")
def command():
    """Run ``fer-ros`` with some arguments; return the exit status."""

    def run(*arguments, ros_args=SHIPPED):
        words = [str(word) for word in (*arguments, "--ros-args", *ros_args)]
        ros_args = parse_ros_args(words)
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers(required=True)
        for command in (replay, label):
            command.add_parser(subparsers)
        args = parser.parse_args(ros_args.remaining)
        return args.func(args, ros_args)

    return run


@pytest.fixture(scope="session")
def happy_bag(tmp_path_factory):
    """Three seconds of one averaged face at 15 Hz: happy, surprise, neutral, with labels."""
    folder = tmp_path_factory.mktemp("bags") / "happy"
    scene = one_actor(("happy", "surprise", "neutral"))
    return scene_bag(folder, scene, 45, period=66_666_667)


@pytest.fixture(scope="session")
def happy_result(command, happy_bag, tmp_path_factory):
    """The replay of that recording."""
    out = tmp_path_factory.mktemp("results") / "happy"
    assert command("replay", happy_bag, "--out", out, "--with-crops") == 0
    return out
