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

"""No process of this package talks to anything but its graph, or writes outside its folders."""

from __future__ import annotations

import ast
import ipaddress
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from dds_domains import domain_id, loopback_environment

PACKAGE = Path(__file__).parent.parent / "fer_ros"


def test_only_one_room_imports_onnx_runtime() -> None:
    """It switches telemetry off before the import; another import could come first."""
    rooms = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == "onnxruntime" for name in names):
                rooms.add(path.name)
    assert rooms == {"inference.py"}


def test_a_running_node_opens_nothing_but_its_graph_and_writes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    home, temp = tmp_path / "home", tmp_path / "temp"
    home.mkdir()
    temp.mkdir()
    # CI systems set CI, which by itself silences the telemetry this test is about.
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TMPDIR": str(temp),
        **loopback_environment(),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "fer_ros", "demo", "--seconds", "3", "--picture"]
    picture = tmp_path / "picture.png"
    demo = subprocess.Popen(
        [*command, str(picture)], env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    foreign, processes = set(), 0
    while demo.poll() is None:
        family = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
        processes = max(processes, len(family))
        for process in family:
            foreign |= _foreign_sockets(process)
        time.sleep(0.02)
    output = demo.communicate()[0]
    assert demo.returncode == 0, output
    assert processes == 3, "demo, node and camera"
    assert foreign == set()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "picture.png", "temp"]
    assert list(home.iterdir()) == []
    assert list(temp.iterdir()) == []


def test_sockets_that_are_not_the_graphs_would_be_seen() -> None:
    """A name server of this machine is reached by a connected socket, on loopback."""
    with socket.socket(type=socket.SOCK_DGRAM) as asks, socket.socket() as listens:
        asks.connect(("127.0.0.1", 53))
        listens.bind(("127.0.0.1", 0))
        listens.listen()
        with socket.socket(type=socket.SOCK_DGRAM) as sends:
            sends.bind(("0.0.0.0", 0))
            ends = [str(each.getsockname()[1]) for each in (asks, listens, sends)]
            found = _foreign_sockets(psutil.Process())
    for end in ends:
        assert any(end in text for text in found), found


def _foreign_sockets(process: psutil.Process) -> set[str]:
    """Return the sockets that DDS on loopback does not need.

    It has ports of its domain to listen on, and sends from loopback; it connects to nothing.
    """
    ports = range(7400 + 250 * domain_id(), 7400 + 250 * (domain_id() + 1))
    try:
        sockets = process.net_connections(kind="inet")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return set()
    found = set()
    for each in sockets:
        local = each.laddr.port in ports or ipaddress.ip_address(each.laddr.ip).is_loopback
        if each.type == socket.SOCK_STREAM or each.raddr or not local:
            found.add(f"{process.name()}: {each.type.name} {each.laddr} -> {each.raddr}")
    return found
