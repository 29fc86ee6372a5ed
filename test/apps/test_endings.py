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

"""How commands end: by Ctrl-C while they load, by a hangup, and with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dds_domains import loopback_environment
from support import wait_for

INTERRUPT = (
    "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise ImportError('too late')\n"
)
"""A library during whose import Ctrl-C comes."""

BAG = ("replay", "no.mcap", "--out", "out")


@pytest.fixture(autouse=True)
def fresh_signals() -> Iterator[None]:
    """Let children begin as from a terminal; a command that ran in this process ignores signals."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("program", "words", "library"),
    [
        ("fer_ros", ("--help",), "argparse"),
        ("fer_ros", ("run",), "yaml"),
        ("fer_ros", ("run",), "numpy"),
        ("fer_ros", ("run",), "onnxruntime"),
        ("fer_ros", ("camera",), "cv2"),
        ("fer_ros", ("view",), "rosbags"),
        ("fer_ros", ("echo",), "rich"),
        ("fer_ros", ("record",), "rosbags"),
        ("fer_ros", ("demo",), "onnxruntime"),
        ("fer_ros", ("behave", "greeter"), "numpy"),
        ("fer_ros", ("models", "list"), "tqdm"),
        ("fer_ros", BAG, "cv2"),
        ("fer_training", ("list",), "numpy"),
        ("fer_training", ("list",), "torch"),
    ],
)
def test_ctrl_c_while_a_library_is_loaded_is_quiet(
    tmp_path: Path, program: str, words: tuple[str, ...], library: str
) -> None:
    pytest.importorskip(library)
    (tmp_path / f"{library}.py").write_text(INTERRUPT)
    done = subprocess.run(
        [sys.executable, "-m", program, *words],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("delay", "number"),
    [(0.1, signal.SIGINT), (0.3, signal.SIGINT), (0.2, signal.SIGTERM), (0.2, signal.SIGHUP)],
)
def test_a_signal_soon_after_the_start_is_quiet(delay: float, number: int) -> None:
    process = start("echo")
    time.sleep(delay)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    ours = "Traceback" not in out or "fer_ros/apps" in out
    if ours:  # else Python itself was still starting, and ends in its own way
        assert process.returncode in (0, 130, -number)
        assert "Traceback" not in out


AT_WORK = """
import os, sys, time
from fer_ros.apps import cli
def work(args, ros_args):
    try:
        os.kill(os.getpid(), int(os.environ["NUMBER"]))
        time.sleep(20)
    finally:
        print("cleaned up")
cli._COMMANDS["models"] = ("working", "")
sys.modules["fer_ros.apps.working"] = module = type(sys)("working")
module.add_parser = lambda parsers: parsers.add_parser("models").set_defaults(func=work)
sys.argv = ["fer-ros", "models"]
sys.exit(cli.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_works_on_files_cleans_up_whatever_ends_it(number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_WORK], capture_output=True, text=True, timeout=60, check=False,
        env={**environment(), "NUMBER": str(int(number))},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "")


@pytest.mark.parametrize("command", ["run", "camera", "view", "bridge hri", "behave greeter"])
def test_a_hangup_ends_it_as_sigterm_does(command: str) -> None:
    process = start(*command.split())
    wait_until_it_handles(process, signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert "Traceback" not in out


def test_nohup_keeps_a_command_running() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup hands it on
    try:
        process = start("camera")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_until_it_handles(process, signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


PARENT = """
import time
from fer_ros.apps.children import Child
with Child("view", ["view", "--port", "0"]), Child("echo", ["echo"]):
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("number", "early"),
    [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGTERM, False),
     (signal.SIGHUP, False)],
)  # fmt: skip
def test_children_end_with_their_parent_however_it_ends(number: int, early: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    if not early:
        for child in children:
            wait_until_it_handles(child, signal.SIGTERM)
    process.send_signal(number)
    process.wait(10)
    process.stdout.close()
    gone, alive = psutil.wait_procs(children, timeout=20)
    for child in alive:
        child.kill()
    assert len(gone) == 2


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_the_demo_leaves_no_camera_behind(tmp_path: Path, number: int) -> None:
    process = start("demo", "--picture", str(tmp_path / "demo.png"))
    family = psutil.Process(process.pid)
    wait_for(lambda: len(family.children()) == 2, 40)
    children = family.children()
    process.send_signal(number)
    process.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=20)
    for child in alive:
        child.kill()
    assert not alive


def environment() -> dict[str, str]:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    return {**os.environ, **loopback_environment()}


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "fer_ros", *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(),
        start_new_session=True,
    )  # fmt: skip


def wait_until_it_handles(process: subprocess.Popen[str] | psutil.Process, number: int) -> None:
    """Wait until a process has a handler of its own for a signal, as Linux says."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")

    def handles() -> bool:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        caught = next(line for line in lines if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    wait_for(handles, 40)


SLOW_DETECTOR = """
import time
import cv2
import numpy as np
from fer_ros.perception.detection.fer_face import FerFaceDetector

class Slow(FerFaceDetector):
    calls = 0

    def candidates(self, *args, **kwargs):
        self.calls += 1
        end = time.monotonic() + 8 * (self.calls > 2)
        while time.monotonic() < end:  # nearly always in native code, without Python's lock
            cv2.GaussianBlur(np.zeros((120, 120), np.float32), (0, 0), 4)
        return super().candidates(*args, **kwargs)

def make(settings, model_path, providers, threads):
    return Slow(settings, None, providers, threads)
"""


@pytest.mark.slow
def test_an_image_that_takes_longer_than_the_end_does_not_abort_the_demo(tmp_path: Path) -> None:
    """On slow machines an image took four seconds, and the process ended with status 134."""
    (tmp_path / "slow_faces.py").write_text(SLOW_DETECTOR)
    info = tmp_path / "slow_faces-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-faces\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fer_ros.detectors]\nslow = slow_faces:make\n")
    for library in ("cyclonedds", "zenoh"):  # the demo runs in one process without them
        (tmp_path / f"{library}.py").write_text("raise ImportError('not here')\n")
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", "demo", "--seconds", "0.5", "--picture",
         str(tmp_path / "demo.png"), "--ros-args", "-p", "detector:=slow"],
        capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )  # fmt: skip
    assert "one process" in done.stdout
    assert "terminate called" not in done.stderr
    assert done.returncode in (0, 1), done.stderr  # 1: no annotated picture in time
    assert "EmotionArrays in" in done.stdout, "what was printed is not lost"
