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

"""``fer-ros bench``: figures of a part alone, and mistakes that are named before it measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fer_ros.apps.cli import main


def test_figures_of_a_part_alone_are_written_too(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    assert main(["bench", "--only", "rules", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures["machine"]["cores"] > 0
    assert figures["rules"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "0"), "--rate must lie above 0"),
        (("--seconds", "-1"), "--seconds not below 0"),
        (("--only", "files", "--pictures", "0"), "--pictures must be at least 1"),
        (("--json", "."), "--json .: name a file"),
        (("--json", "nowhere/bench.json"), "in a folder that is there"),
        (("--cameras", "1", "--json", "nowhere/bench.json"), "in a folder that is there"),
    ],
)
def test_a_mistake_is_named_before_minutes_of_measuring(capsys, monkeypatch, words, said) -> None:
    def measure(*_: object) -> None:
        raise AssertionError("it measures")

    for name in ("measure_networks", "measure_load"):
        monkeypatch.setattr(f"fer_ros.apps.bench.command.{name}", measure)
    assert main(["bench", *words]) == 2
    assert said in capsys.readouterr().err
