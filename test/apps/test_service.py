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

"""The unit for systemd and the container start commands that there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fer_ros.apps.cli import _COMMANDS

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "config" / "fer-ros.service"


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "fer-ros.service"
    unit.write_text(UNIT.read_text().replace("/opt/fer_ros/bin/fer-ros", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "fer-ros.service" in line]
    assert done.returncode == 0, done.stderr
    assert complaints == []


def test_the_unit_and_the_pages_start_commands_that_there_are() -> None:
    words = shlex.split(re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)[1])
    assert words[1] in _COMMANDS
    assert words[2:4] == ["--ros-args", "--params-file"]
    for page in ("service.md", "container.md", "files.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for name in re.findall(r"^(?:docker run .* )?fer-ros ([a-z]+) ", text, re.MULTILINE):
            assert name in _COMMANDS, name
    container = (ROOT / "docker" / "standalone.Dockerfile").read_text()
    extras = re.search(r"/src\[(.*?)\]", container)[1].split(",")
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = ", project, re.MULTILINE) for extra in extras)
