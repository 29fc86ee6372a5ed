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

"""Conditions of the outside world end a command with status 2 and one line, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from dds_domains import loopback_environment
from support import wait_for

from fer_ros.apps import cli, models, run
from fer_ros.node import core
from fer_ros.node.core import ConfigurationError
from fer_ros.perception.model_store import shipped_models
from fer_ros.perception.strings import in_one_line, shortened
from fer_ros.transport import messages

HOMES = ("HOME", "XDG_CACHE_HOME", "FER_ROS_CACHE", "FER_ROS_YUNET")


def fer_ros(*argv: str, timeout: float = 60, **environment: str | None) -> tuple[int, str]:
    """Run a command; None takes a variable out of its environment."""
    values = {**os.environ, **loopback_environment()}
    for name, value in environment.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", *argv],
        capture_output=True, text=True, timeout=timeout, check=False, env=values,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.fixture
def deep_network(tmp_path: Path) -> Path:
    """A network whose metadata is nested deeper than Python's parser goes."""
    model = onnx.load(shipped_models()["arch1"])
    for entry in model.metadata_props:
        if entry.key == "fer.recipe":
            entry.value = "[" * 100_000 + "]" * 100_000
    path = tmp_path / "deep.onnx"
    onnx.save(model, path)
    return path


def test_nested_metadata_ends_the_node(deep_network: Path) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    status, said = fer_ros("run", "--ros-args", "-p", f"models:=[{deep_network}]")
    assert status == 2
    assert "deep.onnx" in said


def test_whatever_goes_wrong_while_it_starts_ends_the_node(build, monkeypatch) -> None:
    for error in (MemoryError(), KeyError("x"), RecursionError("deep"), AssertionError()):

        def broken(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(core, "assemble", broken)
        robot = build()
        with pytest.raises(ConfigurationError, match=r"\w"):
            robot.node.configure()
        assert robot.node.state == "unconfigured"
        assert robot.node.diagnose()[0].level == 2
    monkeypatch.setattr(core.EmotionNode, "configure", broken)  # past the node's own net
    assert run.serve(build().transport, threading.Event()) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no user ids here")
def test_a_user_without_a_home_folder_can_still_list_the_networks(monkeypatch, capsys) -> None:
    for name in HOMES:
        monkeypatch.delenv(name, raising=False)

    def homeless(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cli.main(["models", "list"]) == 0
    assert "fer-base" in capsys.readouterr().out
    assert cli.main(["models", "fetch"]) == 2
    assert "FER_ROS_CACHE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/**:\n  ros__parameters: &a\n    x: *a\n", "holds itself"),
        ("/**:\n  ros__parameters:\n    x: " + "[" * 5000 + "\n", "nested too deeply"),
        ("{a: " * 3000 + "1" + "}" * 3000, "nested too deeply"),
        ("/**:\n  ros__parameters:\n    image_depth: " + "9" * 5000 + "\n", "5000 digits"),
        ("\0", "YAML"),
    ],
)
def test_parameter_files_that_bite_are_refused(tmp_path: Path, capsys, text, words) -> None:
    path = tmp_path / "bite.yaml"
    path.write_text(text)
    assert cli.main(["run", "--ros-args", "--params-file", str(path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said) < 1000


def test_anchors_that_unfold_without_end_are_refused(tmp_path: Path, capsys) -> None:
    lines = ["/**:", "  ros__parameters:", "    l0: &l0 {a: 1}"]
    for level in range(1, 12):
        inner = ", ".join(f"k{i}: *l{level - 1}" for i in range(9))
        lines.append(f"    l{level}: &l{level} {{{inner}}}")
    path = tmp_path / "laughs.yaml"
    path.write_text("\n".join(lines))
    assert cli.main(["run", "--ros-args", "--params-file", str(path)]) == 2
    assert "unfold" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("bad"), MemoryError(), ZeroDivisionError()]
)
def test_an_error_nobody_thought_of_is_one_line_too(error, monkeypatch, capsys) -> None:
    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(models, "_list", broken)
    assert cli.main(["models", "list"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert type(error).__name__ in said


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}, 2, "is secured"),
        ({"ROS_SECURITY_ENABLE": "true"}, 0, "unprotected"),
        ({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}, 0, "no Zenoh router was found"),
    ],
)
def test_what_the_environment_asks_for_in_vain_is_said(variables, status, words) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    found, said = fer_ros("camera", "--count", "1", "--rate", "100", **variables)
    assert found == status
    assert words in said


def test_words_from_outside_are_cut() -> None:
    assert shortened("x" * 10) == "x" * 10
    assert len(shortened("x" * 8_000_000)) < 250
    assert "8000000 characters" in shortened("x" * 8_000_000)
    assert shortened("bgr8\n[ERROR] fake\x1b[2J") == "bgr8 [ERROR] fake [2J"
    assert in_one_line(ValueError("a\nb")) == "a b"


def test_lines_of_libraries_are_throttled(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from fer_ros.node.native_stderr import throttled\n"
        "with throttled():\n"
        "    for i in range(500):\n"
        "        os.write(2, b'Corrupt JPEG data: %d extraneous bytes\\n' % i)\n"
        "        os.write(2, b'[WARN] [%d.5] [fer]: a line of a logger\\n' % i)\n"
        "        print('python', i, file=sys.stderr)\n"
        "print('after', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    lines = done.stderr.splitlines()
    assert sum(line.startswith("Corrupt JPEG") for line in lines) == 1
    assert sum(line.startswith("[WARN]") for line in lines) == 500
    assert sum(line.startswith("python") for line in lines) == 500
    assert lines[-1] == "after"


def test_long_names_from_cameras_stay_short_in_log_and_diagnostics(build, capfd) -> None:
    robot = build().start()
    message = messages.image(np.zeros((4, 4, 3), np.uint8), 10**9, "camera")
    message.encoding = "x" * 8_000_000
    robot.send_message(message)
    wait_for(lambda: robot.camera_counts()["dropped.undecodable"])
    (status,) = [s for s in robot.node.diagnose() if "camera" in s.name]
    assert "8000000 characters" in status.message
    assert len(json.dumps(dict(status.values))) < 5000
    assert len(capfd.readouterr().err) < 10_000


def test_parameters_of_cameras_in_a_shared_file_are_passed_over_and_named_ones_refused(
    photos: Path, capsys
) -> None:
    file = Path(__file__).parents[2] / "config" / "fer.yaml"
    assert cli.main(["read", str(photos), "--ros-args", "--params-file", str(file)]) == 0
    capsys.readouterr()
    assert cli.main(["read", str(photos), "--ros-args", "-p", "max_rate:=1.0"]) == 2
    assert "max_rate acts on the node's cameras" in capsys.readouterr().err
