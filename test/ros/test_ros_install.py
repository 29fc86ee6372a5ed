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

"""What colcon has put where, beside the source that it was built from."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]


def test_every_script_is_a_program_of_the_package(prefix: Path) -> None:
    names = {path.name for path in (SOURCE / "scripts").iterdir()}
    installed = prefix / "lib" / "fer_ros"
    assert names == {path.name for path in installed.iterdir() if os.access(path, os.X_OK)}


@pytest.mark.parametrize("folder", ["config", "launch"])
def test_every_shared_file_is_installed(prefix: Path, folder: str) -> None:
    names = {path.name for path in (SOURCE / folder).iterdir() if path.is_file()}
    assert names
    assert names <= {path.name for path in (prefix / "share" / "fer_ros" / folder).iterdir()}


def test_every_message_has_a_class_beside_the_package_s_own_modules(ros: None) -> None:
    generated = importlib.import_module("fer_ros.msg")
    assert all(hasattr(generated, path.stem) for path in (SOURCE / "msg").glob("*.msg"))
    assert importlib.import_module("fer_ros.apps.cli").main


def test_every_file_of_the_package_is_installed(prefix: Path) -> None:
    (modules,) = prefix.glob(f"lib/python3.{sys.version_info.minor}/site-packages/fer_ros")
    wanted = [path.relative_to(SOURCE / "fer_ros") for path in (SOURCE / "fer_ros").rglob("*")]
    missing = [
        path for path in wanted
        if "__pycache__" not in path.parts and not (modules / path).exists()
    ]  # fmt: skip
    assert not missing


def test_the_training_package_is_not_installed_unless_asked_for(prefix: Path) -> None:
    """``colcon build --cmake-args -DFER_TRAINING=ON`` asks for it."""
    assert not list(prefix.glob("lib/python3*/site-packages/fer_training"))
