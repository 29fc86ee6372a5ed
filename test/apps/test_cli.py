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

"""The command line as a user meets it: help that teaches, errors that say what to do."""

from __future__ import annotations

import json
import os
import signal
import socket
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
from fer_ros.node.parameters import PARAMETERS


def output(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(argv)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    "command",
    [
        (), ("demo",), ("run",), ("camera",), ("behave",), ("bridge",), ("bench",), ("models",),
        ("models", "fetch"),
    ],
)  # fmt: skip
def test_every_command_explains_itself(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: fer-ros" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["record", "echo", "demo"])
@pytest.mark.parametrize("seconds", ["nan", "0", "-1", "soon"])
def test_a_time_that_is_none_is_refused(command, seconds, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--seconds", seconds])
    assert ended.value.code == 2
    assert f"'{seconds}' is no number of seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize("command", [(), ("models",)])
def test_a_command_without_its_action_prints_its_help(command, capsys) -> None:
    status, shown, error = output(capsys, *command)
    assert status == 0
    assert shown.startswith(" ".join(["usage: fer-ros", *command]))
    assert not error


def test_help_is_wrapped_and_examples_are_not(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        main(["camera", "--help"])
    head, _, examples = capsys.readouterr().out.partition("examples:")
    assert max(map(len, head.splitlines())) <= 60
    assert "  fer-ros camera --source talk.mp4 --loop --ros-args -r image_raw:=/left" in examples


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("models", "lits"), "there is no 'lits'; did you mean 'list'?"),
        (("behave", "greter"), "there are no rules 'greter'; did you mean 'greeter'?"),
        (("raed", "x.mp4"), "did you mean 'read'?"),
        (("replay", "nope"), "required: --out; see fer-ros replay --help"),
        (("replay", "nope", "--out", "out"), "replay: there is no recording at "),
    ],
)
def test_a_wrong_word_is_one_line_that_says_what_to_do(line, words, capsys) -> None:
    try:
        status = main(list(line))
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said


@pytest.mark.parametrize(
    ("line", "expected"),
    [("fer-ros mod", {"models"}), ("fer-ros models ver", {"verify"}),
     ("fer-ros read x.mp4 --ann", {"--annotated"})],
)  # fmt: skip
def test_a_shell_completes_commands_and_options(line: str, expected: set, tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    found = tmp_path / "found"
    environment = {
        **os.environ, "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_STDOUT_FILENAME": str(found), "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash",
    }  # fmt: skip
    program = [sys.executable, "-m", "fer_ros"]
    subprocess.run(program, env=environment, timeout=60, check=False, capture_output=True)
    assert set(found.read_text().replace(" ", "").split("\n")) == expected


def test_models_are_listed_and_verified(capsys) -> None:
    status, listing, _ = output(capsys, "models", "list")
    assert status == 0
    assert "arch1" in listing
    rows = [line for line in listing.splitlines() if "48x48x1" in line]
    assert len(rows) == 5
    assert len({line.index("48x48x1") for line in rows}) == 1, "columns keep"
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
    "words",
    [
        "read", "read x --out", "read x --annotated", "read x --faces", "replay bag --out",
        "replay --out out", "label bag --out", "label --out out", "record --out",
        "demo --picture", "bench --json", "models verify", "models adopt",
        "models adopt x.onnx --labels a --mean 0 --scale 1 --out", "behave greeter --bag",
    ],
)  # fmt: skip
def test_an_empty_name_is_not_this_folder(words: str, capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("x.png", np.zeros((48, 64), np.uint8))
    try:
        status = main([*words.split(), ""])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert "empty name; is a variable unset?" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("run", "--ros-args", "-p", "detector:=dlib"), "detector must be one of"),
        (("run", "--ros-args", "-p", "max_faces:=.nan"), "max_faces"),
        (("run", "--ros-args", "-p", "detection_size:=7"), "detection_size"),
        (("run", "--ros-args", "-p", "no_such:=1"), "there is no parameter 'no_such'"),
        (("run", "--ros-args", "-p", "models:=[arch99]"), "arch99"),
        (("run", "--ros-args", "--params-file", "nowhere.yaml"), "nowhere.yaml"),
        (("camera", "--source", "nowhere.mp4"), "nowhere.mp4"),
        (("camera", "--rate", "0"), "--rate must be above 0"),
        (("demo", "--picture", "x.txt"), "--picture must end in"),
        (("camera", "--source", "demo:many"), "number of faces"),
        (("camera", "--source", "demo:1001"), "number of faces, 0 to 1000"),
        (("camera", "--size", "100000x100000"), "has more than 33177600 pixels"),
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


PARAMETER_FORM = "fer-ros run --ros-args -p detection_size:=640"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run --detection_size 640", PARAMETER_FORM),
        ("run --detection-size=640", PARAMETER_FORM),
        ("run detection_size:=640", PARAMETER_FORM),
        ("run -p detection_size:=640", PARAMETER_FORM),
        ("run --detectionsize 640", PARAMETER_FORM),
        ("run --detectionsize 640", "did you mean 'detection_size'?"),
        ("run --ros-args -p detectionsize:=640", "did you mean 'detection_size'?"),
        ("run --ros-args -p detectionsize:=640", "--ros-args -p detection_size:=640"),
        ("replay bag --out out --detection_size 640", "fer-ros replay --ros-args -p detection_"),
        ("replay bag --out out --ros-args -p max_face:=3", "did you mean 'max_faces'?"),
        ("bench --ros-args -p detecter:=haar", "did you mean 'detector'?"),
        ("demo --ros-args -p model:=x", "did you mean 'models'?"),
        ("runn", "did you mean 'run'?"),
        ("camera --sorce 0", "did you mean '--source'?"),
        ("camera --what", "known: --help, --source"),
        ("run camera", "does not know what to do with 'camera'"),
    ],
)
def test_what_may_have_been_meant_is_proposed(capsys, line: str, words: str) -> None:
    status, out, error = output(capsys, *line.split())
    assert status == 2
    assert words in error
    assert "usage:" not in error
    assert out == ""


def test_a_shared_file_may_bring_parameters_of_others(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text("/**: {ros__parameters: {detectionsize: 640}}")
    status = subprocess.run(
        [sys.executable, "-m", "fer_ros", "bench", "--runs", "3", "--ros-args", "--params-file",
         str(file)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "--runs" in status.stderr, "the parameter was passed over"


def test_help_of_run_lists_every_parameter(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capsys.readouterr().out
    for row in PARAMETERS:
        assert f"  {row.name} (" in text
    assert "detection_size (int 0 to 4096; default 640)" in text


@pytest.mark.parametrize("line", ["--help", "--version", "models list", ""])
def test_what_only_tells_loads_neither_opencv_nor_onnx_runtime(line: str) -> None:
    code = (
        "import sys; from fer_ros.apps.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print({'cv2', 'onnxruntime', 'numpy', 'rosbags'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *line.split()],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "set()"


def test_a_reader_that_has_enough_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fer_ros", "models", "list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(10) in (0, 141)


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
        capsys, "bench", *arguments, "--ros-args", "-p", "detector:=fer-face"
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
         "--rate", "10", "--json", str(file), "--ros-args", "-p", "detector:=fer-face"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dds = json.loads(file.read_text())["dds"]
    assert dds["images_sent"] == dds["images_answered"] + dds["images_lost"]
    assert dds["images_answered"] > 0
    assert set(dds["drops"]) >= {"superseded", "undecodable"}
    assert dds["node_memory_mib"] > 30


def test_the_demo_runs_without_a_middleware_too(tmp_path: Path) -> None:
    """One process, in memory."""
    for library in ("cyclonedds", "zenoh"):
        (tmp_path / f"{library}.py").write_text("raise ImportError('not here')\n")
    picture = tmp_path / "demo.png"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", "demo", "--seconds", "1", "--picture", str(picture)],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "one process" in done.stdout
    assert "--view" not in done.stdout, "it takes several processes"
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert drawn.shape == (480, 640, 3)
    assert np.ptp(drawn.reshape(-1, 3), axis=0).min() > 100


@pytest.mark.parametrize("options", [(), ("--view",)])
def test_the_demo_names_the_page_or_shows_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    pytest.importorskip("cyclonedds", reason="no Cyclone DDS for Python here")
    pytest.importorskip("aiohttp", reason="the page's library is not installed (extra [web])")
    done = subprocess.run(
        [sys.executable, "-m", "fer_ros", "demo", "--seconds", "1", "--picture",
         str(tmp_path / "demo.png"), *options],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **loopback_environment()},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if options:
        assert "the page is at http://localhost:" in done.stdout
    else:
        assert done.stdout.splitlines()[-1] == (
            "to see it live in the browser: fer-ros demo --view"
        )


def test_the_router_runs_until_it_is_told_to_end() -> None:
    pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        endpoint = f"tcp/localhost:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "fer_ros", "router", "--listen", endpoint]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as router:
        try:
            assert endpoint in router.stdout.readline()
            second = subprocess.run(
                command, capture_output=True, text=True, timeout=30, check=False
            )  # fmt: skip
            assert second.returncode == 2
            assert f"no router can listen on {endpoint}" in second.stderr
            router.send_signal(signal.SIGINT)
            assert router.wait(10) == 0
        finally:
            router.kill()
