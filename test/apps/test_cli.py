"""The command line as a user meets it: help that teaches, errors that say what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from dds_domains import loopback_environment
from networks import metadata, write_network

from fer_ros.apps.cli import main


def output(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(argv)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    "command", [(), ("demo",), ("run",), ("camera",), ("bench",), ("models",), ("models", "fetch")]
)
def test_every_command_explains_itself(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: fer-ros" in capsys.readouterr().out


def test_models_are_listed_and_verified(capsys) -> None:
    status, listing, _ = output(capsys, "models", "list")
    assert status == 0
    assert "arch1" in listing
    assert "7 classes, 48x48x1" in listing
    status, verdict, _ = output(capsys, "models", "verify")
    assert status == 0
    assert "ok   arch1" in verdict


def test_verify_finds_a_file_that_is_no_emotion_network(capsys, tmp_path: Path) -> None:
    good = write_network(tmp_path / "good.onnx", [0.0] * 7, metadata())
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(good.read_bytes()[:-50])
    status, verdict, _ = output(capsys, "models", "verify", str(good), str(bad))
    assert status == 1
    assert f"ok   {good}" in verdict
    assert f"BAD  {bad}" in verdict


def test_an_offline_fetch_says_what_to_do(capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FER_ROS_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    status, _, error = output(capsys, "models", "fetch")
    assert status == 2
    assert "FER_ROS_YUNET" in error


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("run", "--ros-args", "-p", "detector:=dlib"), "detector must be one of"),
        (("run", "--ros-args", "-p", "max_faces:=.nan"), "max_faces"),
        (("run", "--ros-args", "-p", "detection_size:=7"), "detection_size"),
        (("run", "--ros-args", "-p", "no_such:=1", "-p", "models:=[a99]"), "unknown parameters"),
        (("run", "--ros-args", "-p", "models:=[arch99]"), "arch99"),
        (("run", "--ros-args", "--params-file", "nowhere.yaml"), "nowhere.yaml"),
        (("camera", "--source", "nowhere.mp4"), "nowhere.mp4"),
        (("camera", "--rate", "0"), "--rate"),
        (("camera", "--source", "demo:many"), "number of faces"),
        (("bench", "--runs", "3"), "--runs"),
    ],
)
def test_a_mistake_is_named_and_ends_with_status_2(argv, words) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    environment = {**os.environ, **loopback_environment()}
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", *argv],
        capture_output=True, text=True, timeout=30, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "camera"])
def test_signals_end_it_quickly_with_status_0(command: str, number: int) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    environment = {**os.environ, **loopback_environment()}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fer_ros", command],
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if "->" in line:  # active
                break
        time.sleep(0.3)
        process.send_signal(number)
        process.wait(5)
    assert process.returncode == 0


def test_the_benchmark_writes_its_figures(capsys, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    arguments = ["--runs", "20", "--seconds", "0", "--json", str(file)]
    status, text, _ = output(
        capsys, "bench", *arguments, "--ros-args", "-p", "detector:=haar"
    )  # fmt: skip
    assert status == 0
    assert "pipeline [ms]" in text
    results = json.loads(file.read_text())
    found = {(e["size"], e["faces_shown"]): e["faces_found"] for e in results["pipeline"]}
    assert found[("VGA", 0)] == 0
    assert found[("VGA", 1)] == 1
    assert set(results["networks"]["classifier x16"]) == {"p50", "p95", "p99"}
    assert results["machine"]["cores"] == os.cpu_count()


@pytest.mark.slow
def test_the_benchmark_measures_over_dds(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    file = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", "bench", "--runs", "20", "--seconds", "5",
         "--rate", "10", "--json", str(file), "--ros-args", "-p", "detector:=haar"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dds = json.loads(file.read_text())["dds"]
    assert dds["images_sent"] == dds["images_answered"] + dds["images_lost"]
    assert dds["images_answered"] > 0
    assert set(dds["drops"]) >= {"superseded", "undecodable"}
    assert dds["node_memory_mib"] > 30


def test_the_demo_runs_without_dds_too(tmp_path: Path) -> None:
    """As on Python 3.14 or ARM, where Cyclone DDS has no wheel: one process, in memory."""
    hidden = tmp_path / "cyclonedds.py"
    hidden.write_text("raise ImportError('not here')\n")
    picture = tmp_path / "demo.png"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", "demo", "--seconds", "1", "--picture", str(picture)],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "one process" in done.stdout
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert drawn.shape == (480, 640, 3)
    assert np.ptp(drawn.reshape(-1, 3), axis=0).min() > 100
