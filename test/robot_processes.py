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

"""A robot as a user without ROS 2 starts one: camera and node as processes, DDS between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dds_domains import loopback_environment

from fer_ros.apps.children import Child, node_command

CAMERA = ("camera", "--source", "demo", "--rate", "12", "--size", "320x240")


def start_node(**parameters: object) -> Child:
    """Start the node with the detector that comes with it."""
    return Child("node", node_command({"detector": "fer-face", **parameters}))


@contextmanager
def domain_of_its_own() -> Iterator[None]:
    """Put this process, and those it starts, into a DDS domain on loopback."""
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in loopback_environment().items():
            patch.setenv(name, value)
        yield
