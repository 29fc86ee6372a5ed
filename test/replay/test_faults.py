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

"""What goes wrong is said, and never leaves half a result; what is finished is kept."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from bags import CAMERA, START, blank, one_actor, recording, scene_bag
from command_processes import loading_worker, start_command

from fer_ros.sources.scene import Actor, Scene
from fer_ros.transport import codec

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("--ros-args", "-p", "detector:=fer-face")

INTERRUPTED = (130, -signal.SIGINT)
"""A shell says 130 for both. Python ends by the signal itself, after all that was to be done, where
it came inside of code made from text, which reading a recording's types does."""


def start(*arguments, **options):
    """Start the real command in a process of its own."""
    words = [str(argument) for argument in (*arguments, *SHIPPED)]
    return subprocess.Popen(
        [sys.executable, "-m", "fer_ros", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def long_bag(tmp_path_factory):
    """A recording that takes some seconds to replay."""
    folder = tmp_path_factory.mktemp("long") / "long"
    return scene_bag(folder, one_actor(), 1200, topic=f"{CAMERA}/compressed")


@pytest.fixture
def no_images(tmp_path):
    with recording(tmp_path / "no_images") as bag:
        bag.label("happy", START)
    return tmp_path / "no_images"


@pytest.fixture
def truncated(happy_bag, tmp_path):
    path = tmp_path / "truncated.mcap"
    path.write_bytes((happy_bag / "happy.mcap").read_bytes()[:200])
    return path


def test_a_recording_without_images_is_refused(command, no_images, tmp_path, capsys):
    assert command("replay", no_images, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "holds no images" in error
    assert "/labels (fer_ros/msg/EmotionLabel, 1)" in error
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--topic", "/nowhere"), "has no topic /nowhere"),
        (("--topic", "/labels"), "which is no image type"),
        (("--labels-topic", CAMERA), "no topic /camera/image_raw of type fer_ros/msg/EmotionLabel"),
        (("--mode", "latest"), "needs the worker's time"),
        (("--mode", "latest", "--worker-ms", "-1"), "must lie in"),
        (("--worker-ms", "5"), "go with --mode latest"),
        (("--labels", "nowhere.csv"), "cannot be read"),
        (("--criteria", "nowhere.yaml"), "nowhere.yaml"),
        (("--jobs", "0"), "must be at least 1"),
        (("--ros-args", "-p", "max_faces:=0", "--"), "max_faces must lie in"),
    ],
)
def test_a_wrong_argument_is_named(command, happy_bag, tmp_path, capsys, arguments, reason):
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 2
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_an_output_folder_is_not_overwritten_unasked(command, happy_bag, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("")
    assert command("replay", happy_bag, "--out", out) == 2
    assert "exists already" in capsys.readouterr().err
    assert (out / "precious").exists()
    assert command("replay", happy_bag, "--out", out, "--overwrite") == 0
    assert not (out / "precious").exists()
    assert (out / "report.html").exists()


def test_a_truncated_recording_leaves_nothing(command, truncated, tmp_path, capsys):
    assert command("replay", truncated, "--out", tmp_path / "out") == 2
    assert "no whole message" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_damage_in_the_middle_leaves_nothing(command, happy_bag, tmp_path, capsys):
    path = tmp_path / "damaged.mcap"
    data = bytearray((happy_bag / "happy.mcap").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300_000] = b"\xff" * 300_000
    path.write_bytes(data)
    status = command("replay", path, "--out", tmp_path / "out")
    if status == 2:
        assert "damaged" in capsys.readouterr().err
        assert not list(tmp_path.glob("out*"))
    else:  # the damage lies within one image's pixels, which have no checksum here
        assert (tmp_path / "out" / "report.html").exists()


def test_a_full_disk_leaves_nothing(happy_bag, tmp_path):
    out = tmp_path / "out"

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    process = start("replay", happy_bag, "--out", out, preexec_fn=small_disk)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2, error
    assert "cannot write" in error
    assert not list(tmp_path.glob("out*"))


def test_several_recordings_the_bad_ones_are_reported(
    command, happy_bag, truncated, no_images, tmp_path, capsys
):
    out = tmp_path / "out"
    other = tmp_path / "elsewhere" / "happy"
    shutil.copytree(happy_bag, other)
    bags = (truncated, happy_bag, no_images, other)
    criteria = tmp_path / "criteria.yaml"
    criteria.write_text("recording.answered: '== 45'")
    assert command("replay", *bags, "--out", out, "--jobs", 2, "--criteria", criteria) == 2
    error = capsys.readouterr().err
    assert "no whole message" in error
    assert "holds no images" in error
    summary = json.loads((out / "summary.json").read_text())
    rows = summary["recordings"]
    assert [(row["recording"], row["passed"], bool(row["error"])) for row in rows] == [
        ("truncated.mcap", None, True), ("happy", True, False), ("no_images", None, True),
        ("happy-2", True, False),
    ]  # fmt: skip
    one, two = ((out / name / "results.jsonl").read_bytes() for name in ("happy", "happy-2"))
    assert one == two
    single = json.loads((out / "happy" / "metrics.json").read_text())
    assert summary["pooled"]["count"] == 2 * single["evaluation"]["frame"]["count"]
    assert summary["pooled"]["accuracy"] == pytest.approx(single["accuracy"])
    suites = ElementTree.parse(out / "junit.xml").getroot().findall("testsuite")
    assert sorted((s.get("name"), s.get("errors")) for s in suites) == [
        ("happy", "0"), ("happy-2", "0"), ("no_images", "1"), ("truncated.mcap", "1"),
    ]  # fmt: skip
    assert "happy-2/report.html" in (out / "index.html").read_text()


def test_resume_skips_what_is_finished_and_unchanged(command, happy_bag, tmp_path, capsys):
    out = tmp_path / "out"
    path = tmp_path / "labels.csv"
    path.write_text("start,end,label\n+0,+1,happy\n")
    arguments = ("replay", happy_bag, "--out", out, "--labels", path, "--resume")
    assert command(*arguments) == 0
    before = (out / "latency.json").read_bytes()
    capsys.readouterr()
    assert command(*arguments) == 0
    assert "finished before" in capsys.readouterr().out
    assert (out / "latency.json").read_bytes() == before
    path.write_text("start,end,label\n+0,+1,sad\n")
    assert command(*arguments) == 0
    assert "finished before" not in capsys.readouterr().out
    assert json.loads((out / "metrics.json").read_text())["evaluation"]["spans"][1]["label"] != ""
    assert (out / "latency.json").read_bytes() != before


@pytest.mark.parametrize(
    ("kill", "number"),
    [(os.kill, signal.SIGTERM), (os.kill, signal.SIGINT), (os.killpg, signal.SIGINT)],
    ids=["terminated", "interrupted", "ctrl-c"],
)
def test_an_interrupt_keeps_what_is_finished_and_nothing_else(
    happy_bag, long_bag, tmp_path, kill, number
):
    out = tmp_path / "out"
    bags = (happy_bag, long_bag)
    process = start("replay", *bags, "--out", out, start_new_session=True)
    end = time.monotonic() + 60
    while not ((out / "happy").exists() and [*out.glob(".long.partial-*/results.jsonl")]):
        assert time.monotonic() < end, process.communicate()
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    kill(process.pid, number)  # the parent alone, which has to tell its children, or all of them
    assert process.wait(timeout=20) in INTERRUPTED, process.communicate()
    _, error = process.communicate()
    assert f"kept: {out / 'happy'}" in error
    assert "repeat the command with --resume" in error
    assert sorted(path.name for path in out.iterdir()) == ["happy"]
    assert (out / "happy" / "run.json").exists()


def test_a_fault_of_the_program_ends_one_recording_in_a_line(
    command, happy_bag, tmp_path, capsys, monkeypatch
):
    def broken(*_):
        raise KeyError("nobody thought of this")

    monkeypatch.setattr("fer_ros.replay.run.report.render", broken)
    assert command("replay", happy_bag, "--out", tmp_path / "out") == 2
    assert "KeyError: 'nobody thought of this' (FER_ROS_DEBUG=1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("FER_ROS_DEBUG", "1")
    with pytest.raises(KeyError):
        command("replay", happy_bag, "--out", tmp_path / "out")


def test_an_interrupt_of_one_recording_says_what_to_do(long_bag, tmp_path):
    process = start("replay", long_bag, "--out", tmp_path / "out", start_new_session=True)
    end = time.monotonic() + 60
    while not [*tmp_path.glob(".out.partial-*/results.jsonl")]:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode in INTERRUPTED, error
    assert "nothing new is kept" in error
    assert "repeat the command" in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_ctrl_c_while_processes_load_is_quiet(long_bag, happy_bag, tmp_path):
    out = tmp_path / "out"
    process = start_command("replay", long_bag, happy_bag, "--out", out, "--jobs", 2, *SHIPPED)
    loading_worker(process)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode in INTERRUPTED, error
    assert {line.partition(":")[0] for line in error.splitlines()} == {"fer-ros replay"}, error
    # On a loaded machine the short one may be whole by then.
    assert all((each / "run.json").is_file() for each in out.glob("[!.]*"))


def test_a_process_that_is_killed_is_reported(happy_bag, long_bag, tmp_path):
    out = tmp_path / "out"
    process = start("replay", long_bag, happy_bag, "--out", out, "--jobs", 1)
    end = time.monotonic() + 60
    while not [*out.glob(".long.partial-*/results.jsonl")]:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    children = psutil.Process(process.pid).children()
    (worker,) = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    worker.kill()
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "ended with status -9" in error
    assert (out / "happy" / "report.html").exists()
    assert not (out / "long").exists()


def test_small_recordings_of_one_frame_work(command, tmp_path):
    with recording(tmp_path / "bag") as bag:
        bag.image(blank(), START)
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["recording"]["seconds"] == 0
    assert metrics["balanced_accuracy"] is None


def test_labels_of_another_definition_are_refused(command, tmp_path, capsys):
    with recording(tmp_path / "bag") as bag:
        bag.image(blank(), START)
        bag.label("happy", START)
    index = tmp_path / "bag" / "metadata.yaml"
    known = codec.type_hash("fer_ros/msg/EmotionLabel")
    index.write_text(index.read_text().replace(known, "RIHS01_" + 64 * "0"))
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 2
    assert "another definition of fer_ros/msg/EmotionLabel" in capsys.readouterr().err


def _peak_memory(process) -> float:
    """Return the most memory a process held until its end [MB].

    Not by wait4: its figure begins with what this very process holds, from before the exec.
    """
    peak = 0.0
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        lines = status.read_text().splitlines() if status.exists() else []
        peak = max([peak, *(int(x.split()[1]) / 1e3 for x in lines if x.startswith("VmHWM"))])
        time.sleep(0.02)
    return peak


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path):
    """Half a gigabyte of VGA images takes no more memory than a tenth of it."""
    peaks = []
    for frames in (60, 600):
        scene = Scene(640, 480, (Actor(320, 240, 200, ("happy",)),))
        bag = scene_bag(tmp_path / f"bag{frames}", scene, frames, storage="sqlite3")
        process = start("replay", bag, "--out", tmp_path / f"out{frames}")
        peaks.append(_peak_memory(process))
        _, error = process.communicate()
        assert process.returncode == 0, error
        shutil.rmtree(bag)
    assert peaks[1] < 250  # MB
    assert peaks[1] < peaks[0] + 15
