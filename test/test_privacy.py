"""No process of this package talks to anything but its graph, or writes outside its folders."""

from __future__ import annotations

import ast
import ipaddress
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

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
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": "9",
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
            foreign |= _foreign_connections(process)
        time.sleep(0.02)
    output = demo.communicate()[0]
    assert demo.returncode == 0, output
    assert processes == 3, "demo, node and camera"
    assert foreign == set()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "picture.png", "temp"]
    assert list(home.iterdir()) == []
    assert list(temp.iterdir()) == []


def _foreign_connections(process: psutil.Process) -> set[str]:
    """Return connections to, or from, an address that is not of this machine or of the graph."""
    try:
        connections = process.net_connections(kind="inet")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return set()
    found = set()
    for connection in connections:
        if connection.raddr:
            address = ipaddress.ip_address(connection.raddr.ip)
            if not address.is_loopback:
                found.add(f"{process.name()} -> {connection.raddr}")
        elif connection.type.name == "SOCK_STREAM":
            found.add(f"{process.name()} listens on {connection.laddr}")
        elif not 7400 <= connection.laddr.port <= 65535:
            found.add(f"{process.name()} has {connection.laddr}")
    return found
