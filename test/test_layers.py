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

"""Layers are folders, and imports point down only (CONTRIBUTING.md names the layers)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = {
    "fer_ros": [
        {"__main__"}, {"apps"}, {"view"}, {"replay"}, {"reading"}, {"behaviors", "bridges"},
        {"node"},
        {"runtime"}, {"sources"}, {"transport"}, {"perception"},
        {"resources", "files", "records", ""},
    ],
    "fer_ros.replay": [
        {"collection", "labelling"}, {"parallel"}, {"run"}, {"playback"}, {"request"},
        {"write"}, {"judge"}, {"read"},
        {"lines", "verdicts"}, {"results"}, {"records"}, {"display_text", "errors", ""},
    ],
    "fer_training": [
        {"__main__"}, {"commands"}, {"papers"}, {"detector"}, {"ship"}, {"train"}, {"measure"},
        {"records"}, {"architectures"}, {"data"}, {"recipes"}, {""},
    ],
}  # fmt: skip
"""From the top down; a folder may import from itself and from those in lines below its own."""

ONLY_IN = {
    "torch": ("fer_training/",),
    "fer_training": ("fer_training/",),
    "rclpy": ("fer_ros/transport/ros2/", "fer_ros/node/lifecycle", "fer_ros/apps/ros_"),
    "cyclonedds": ("fer_ros/transport/dds/",),
    "zenoh": ("fer_ros/transport/zenoh/",),
    "xxhash": ("fer_ros/transport/zenoh/",),
    "onnxruntime": ("fer_ros/perception/inference.py", "fer_training/"),
}
"""Libraries that are known in some places only."""


def imports(path: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield the dotted names that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = path.relative_to(root).parent.parts[: 1 - node.level or None]
                module = ".".join([*package, *filter(None, [module])])
            for alias in node.names:
                inner = root / module.replace(".", "/")
                known = (inner / alias.name).is_dir() or (inner / f"{alias.name}.py").is_file()
                yield f"{module}.{alias.name}" if known else module


def faults(root: Path = ROOT) -> list[str]:
    found = []
    public = root / "fer_ros" / "__init__.py"  # names from every layer, loaded when used
    for package, layers in LAYERS.items():
        height = {name: -level for level, names in enumerate(layers) for name in names}
        folder = root / package.replace(".", "/")
        for path in sorted(set(folder.rglob("*.py")) - {public}):
            where = path.relative_to(root).as_posix()
            own = _layer(path.relative_to(folder).with_suffix("").parts)
            for name in imports(path, root):
                places = ONLY_IN.get(name.split(".")[0])
                if places and not where.startswith(places) and "." not in package:
                    found.append(f"{where} imports {name}, known in {', '.join(places)} only")
                if name == package or name.startswith(package + "."):
                    other = _layer(tuple(name.removeprefix(package).lstrip(".").split(".")))
                    if other != own and height[other] >= height[own]:
                        found.append(f"{where} imports {name}, which is not below it")
    return found


def _layer(parts: tuple[str, ...]) -> str:
    return "" if parts[0] == "__init__" else parts[0]


def cycles(root: Path = ROOT) -> list[str]:
    """Return the circles of modules that import each other when they are loaded."""
    graph: dict[str, set[str]] = {}
    for package in ("fer_ros", "fer_training"):
        for path in (root / package).rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if module != "fer_ros":  # its names are loaded when they are used
                graph[module] = {name for name in imports(path, root) if name != module}
    done: set[str] = set()
    found = []

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            found.append(" -> ".join((*trail[trail.index(module) :], module)))
        elif module not in done:
            for other in sorted(graph[module] & graph.keys()):
                visit(other, (*trail, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())
    return found


def test_imports_point_down():
    assert not faults()


def test_no_modules_import_each_other():
    assert not cycles()


@pytest.mark.parametrize(
    ("place", "line", "said"),
    [
        ("fer_ros/perception/a.py", "from fer_ros.node import core", "imports fer_ros.node"),
        ("fer_ros/perception/a.py", "def f():\n    import fer_ros.apps.cli", "fer_ros.apps.cli"),
        ("fer_ros/perception/a.py", "from ..transport import base", "imports fer_ros.transport"),
        ("fer_ros/node/a.py", "import torch", "imports torch, known in"),
        ("fer_ros/apps/a.py", "from rclpy.node import Node", "imports rclpy.node, known in"),
        ("fer_training/data/a.py", "from fer_training.train import x", "fer_training.train"),
    ],
)
def test_a_planted_import_is_named(tmp_path, place, line, said):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    (fault,) = faults(tmp_path)
    assert fault.startswith(place)
    assert said in fault


def test_a_planted_circle_is_named(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        path = tmp_path / "fer_ros" / "perception" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from fer_ros.perception import {other}", encoding="utf-8")
    (circle,) = cycles(tmp_path)
    assert circle == "fer_ros.perception.a -> fer_ros.perception.b -> fer_ros.perception.a"
