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

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from support import smiling

import fer_ros
import fer_ros.reading.reader

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


EXAMPLES = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize(
    ("example", "expected"),
    [*zip(EXAMPLES, [r"^happy (8|9)\d% at 3\d\d,2\d\d$", r"0\.2 .*'happy'", "happy", "'happy'"],
        strict=True)],
    ids=["picture", "video", "reader", "pipeline"],
)  # fmt: skip
def test_the_examples_of_the_docs_run(example: str, expected: str, tmp_path: Path) -> None:
    if "talk.mp4" in example:
        pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
        from videos import write_video

        write_video(tmp_path / "talk.mp4", [smiling()] * 5, list(range(0, 500, 100)))
    if "pandas" in example:
        pytest.importorskip("pandas")
    cv2.imwrite(str(tmp_path / "people.jpg"), smiling())
    done = subprocess.run(
        [sys.executable, "-c", example],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout, re.MULTILINE), done.stdout


def test_doctests_hold() -> None:
    assert doctest.testmod(fer_ros.reading.reader).attempted > 0
    assert doctest.testmod(fer_ros.reading.reader).failed == 0
