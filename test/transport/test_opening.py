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

"""The choice of middleware without ROS 2, and graphs of one's own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from dds_domains import loopback_environment
from support import wait_for
from transport_tools import STRING, Inbox, peer, string, text

from fer_ros.transport import installation, opening
from fer_ros.transport.base import Qos, TransportError

LIBRARIES = {"rmw_cyclonedds_cpp": "cyclonedds", "rmw_zenoh_cpp": "zenoh"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in {**loopback_environment(), "ZENOH_CONFIG_OVERRIDE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RMW_IMPLEMENTATION", raising=False)


def chosen(tmp_path, hidden: tuple[str, ...], rmw: str = "", python: str = "") -> str:
    """Return what a new process chooses, or its error, where some libraries are missing."""
    for name in hidden:
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')\n")
    code = f"{python}\nfrom fer_ros.transport.opening import chosen_rmw as c\nprint(c())"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": path, "RMW_IMPLEMENTATION": rmw},
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("hidden", "asked", "words"),
    [
        ((), "", "rmw_cyclonedds_cpp"),
        ((), "rmw_fastrtps_cpp", "rmw_cyclonedds_cpp"),
        ((), "rmw_zenoh_cpp", "rmw_zenoh_cpp"),
        (("cyclonedds",), "", "rmw_zenoh_cpp"),
        (("zenoh",), "", "rmw_cyclonedds_cpp"),
        (("zenoh",), "rmw_zenoh_cpp", "pip install 'fer_ros[zenoh]'"),
    ],
)
def test_the_middleware_is_what_is_asked_for_or_installed(tmp_path, hidden, asked, words):
    for library in LIBRARIES.values():
        pytest.importorskip(library, reason="needs both middlewares")
    assert words in chosen(tmp_path, hidden, asked)


@pytest.mark.parametrize(
    ("machine", "extra"), [("x86_64", "fer_ros[dds]"), ("aarch64", "fer_ros[zenoh]")]
)
def test_advice_names_what_can_be_installed_here(tmp_path, machine, extra):
    if sys.version_info >= (3, 14):
        pytest.skip("Cyclone DDS has no package for this Python at all")
    pretend = (
        f"import platform, sys; platform.machine = lambda: {machine!r}; sys.platform = 'linux'"
    )
    error = chosen(tmp_path, ("cyclonedds", "zenoh"), python=pretend)
    assert f"pip install '{extra}'" in error


def test_where_ros_is_its_own_nodes_are_proposed(monkeypatch):
    monkeypatch.setattr(installation, "find_spec", lambda _: object())
    text = str(installation.missing("Zenoh", "zenoh", ImportError("no zenoh")))
    assert "ros2 launch fer_ros fer.launch.py" in text
    assert "pip" not in text


@pytest.mark.parametrize("rmw", LIBRARIES)
def test_a_private_graph_holds_this_process_and_its_children(rmw, monkeypatch):
    pytest.importorskip(LIBRARIES[rmw])
    monkeypatch.setenv("RMW_IMPLEMENTATION", rmw)
    inbox = Inbox()
    with opening.private_graph() as where, opening.open_standalone("node") as node, peer(STRING):
        assert os.environ["ROS_DOMAIN_ID"] in where
        publisher = node.publisher("in", STRING, Qos(depth=20))
        subscription = node.subscribe("out", STRING, Qos(depth=20), inbox)
        wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 1)
        wait_for(lambda: publisher.publish(string("hello")) or not inbox.messages.empty(), 20)
        assert text(inbox.get()) == "hello"
    with pytest.raises(TransportError, match="closed"):
        node.publisher("in", STRING, Qos())
