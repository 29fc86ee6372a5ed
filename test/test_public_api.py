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

import ast
import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from support import smiling

import fer_ros
import fer_ros.reading.reader
from fer_ros.runtime.assembly import locate_model

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
    [*zip(EXAMPLES, [r"^happy (8|9)\d% at 3\d\d,2\d\d$", r"0\.2 .*'happy'", "happy", "'happy'",
                     r"network: fer-lite", r"^True\nImageError .*\nCameraError .*\nPara"],
        strict=True)],
    ids=["picture", "video", "reader", "pipeline", "parts", "pixels"],
)  # fmt: skip
def test_the_examples_of_the_docs_run(example: str, expected: str, tmp_path: Path) -> None:
    if "talk.mp4" in example:
        pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
        from videos import write_video

        write_video(tmp_path / "talk.mp4", [smiling()] * 5, list(range(0, 500, 100)))
    if "pandas" in example:
        pytest.importorskip("pandas")
    cv2.imwrite(str(tmp_path / "people.jpg"), smiling())
    shutil.copy(locate_model("fer-lite"), tmp_path / "own.onnx")
    done = subprocess.run(
        [sys.executable, "-c", example],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout, re.MULTILINE), done.stdout


def test_every_public_name_is_in_the_page_and_most_in_an_example() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in fer_ros.__all__:
        assert re.search(rf"`{name}\b", page), name
    used = {node.name for example in EXAMPLES for node in ast.walk(ast.parse(example))
            if isinstance(node, ast.alias)}  # fmt: skip
    used |= {node.attr for example in EXAMPLES for node in ast.walk(ast.parse(example))
             if isinstance(node, ast.Attribute)}  # fmt: skip
    # Results of calls and parts of them, and the detectors whose files or settings differ.
    results = {"Assembly", "Box", "Face", "FaceEmotion", "FaceRecord", "FrameResult", "Image",
               "Reading", "Track", "EmotionNetwork", "ModelError", "ReadError"}  # fmt: skip
    detectors = {"FerFaceDetector", "HaarDetector", "YuNetDetector"}
    assert set(fer_ros.__all__) - used <= results | detectors


def test_the_notebook_runs(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
    pytest.importorskip("pandas")
    from videos import write_video

    write_video(tmp_path / "talk.mp4", [smiling()] * 5, list(range(0, 500, 100)))
    cv2.imwrite(str(tmp_path / "people.jpg"), smiling())
    notebook = json.loads((ROOT / "docs" / "reading.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert not any(c.get("outputs") for c in notebook["cells"])
    program = "\n".join(
        [
            "import ast",
            "def run(cell, names):",
            "    *body, last = ast.parse(cell).body",
            "    if not isinstance(last, ast.Expr): body, last = [*body, last], None",
            "    exec(compile(ast.Module(body, []), 'cell', 'exec'), names)",
            "    if last: return eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)",
            "names = {}",
            f"for cell in {cells!r}:",
            "    shown = run(cell, names)",
            "    picture = getattr(shown, '_repr_jpeg_', None)",
            "    print('picture' if picture and picture()[:2] == b'\\xff\\xd8' else shown)",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "picture" in done.stdout.splitlines()
    assert "happy" in done.stdout


def test_doctests_hold() -> None:
    assert doctest.testmod(fer_ros.reading.reader).attempted > 0
    assert doctest.testmod(fer_ros.reading.reader).failed == 0
