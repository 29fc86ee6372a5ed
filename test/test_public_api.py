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

"""What a stranger may import, and what importing it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from support import smiling

import fer_ros

ROOT = Path(__file__).resolve().parent.parent

HEAVY = ("onnxruntime", "cv2")


@pytest.mark.parametrize("name", fer_ros.__all__)
def test_every_public_name_can_be_used(name: str) -> None:
    assert getattr(fer_ros, name) is not None
    assert name in dir(fer_ros)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Pipelines"):
        _ = fer_ros.Pipelines


@pytest.mark.parametrize(
    "code",
    [
        "import fer_ros",
        "from fer_ros.apps.cli import main; main(['--help'])",
        "from fer_ros.apps.cli import main; main(['--version'])",
        "from fer_ros.apps.cli import main; main(['models', 'list'])",
    ],
)
def test_what_needs_no_network_loads_none(code: str) -> None:
    program = (
        f"import sys\ntry:\n    {code}\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_assembling_needs_no_message_library() -> None:
    program = "import sys, fer_ros.runtime.assembly; assert 'rosbags' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_example_of_the_docs_prints_the_faces_of_a_picture(tmp_path: Path) -> None:
    example = re.search(
        r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert example is not None
    picture = tmp_path / "smile.png"
    cv2.imwrite(str(picture), smiling())
    done = subprocess.run(
        [sys.executable, "-c", example[1], str(picture)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    label, confidence, _, place = done.stdout.split()
    assert label == "happy"
    assert int(confidence.rstrip("%")) > 50
    x, y = map(int, place.split(","))
    assert abs(x - 320) < 30
    assert abs(y - 240) < 30
