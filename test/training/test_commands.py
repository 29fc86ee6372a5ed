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

"""The training command as a new user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("skl2onnx", reason="needs the train extra (skl2onnx)")

import synthetic_faces

from fer_ros.perception.classification import EmotionClassifier
from fer_training.commands.cli import main
from fer_training.data import DatasetError, fer2013, load_dataset, places
from fer_training.data.folders import image_files
from fer_training.measure import plots, saliency
from fer_training.papers import svm
from fer_training.records.progress import Epoch
from fer_training.train.steps import steps

ROOT = Path(__file__).resolve().parents[2]
FAST = ["threads=1", "batch_size=16", "ema=0.0"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    return synthetic_faces.save_npz(synthetic_faces.dataset(70), folder / "fer2013.npz")


def train(data: Path, run: Path, *more: str, epochs: int = 2) -> int:
    """Run the smallest recipe of two constant rates."""
    arguments = ["train", "yengikand", "--data", str(data), "--out", str(run), *more]
    return main([*arguments, "--set", *FAST, f"epochs={epochs}"])


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_ctrl_c_says_how_to_go_on_and_how_to_end(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "fer_training", "train", "yengikand", "--data", str(data)]
    command += ["--out", str(run), "--set", *FAST, "epochs=100000"]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "epoch 1/" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    assert "--resume" in errors
    assert f"fer-train finish {run}" in errors


def test_a_run_can_be_ended_early_and_exported(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = tmp_path / "run", tmp_path / "net.onnx"
    assert train(data, run) == 0
    (run / "metrics.json").unlink()  # as after a kill in the epoch after
    assert main(["export", str(run), str(file), "--data", str(data)]) == 1
    assert f"fer-train finish {run} ends it here" in capsys.readouterr().err
    assert main(["finish", str(run), "--data", str(data)]) == 0
    record = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 2
    capsys.readouterr()
    assert main(["export", str(run), str(file), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"accuracy \[%\] +[\d.]+ +[\d.]+ +[\d.]+\n", printed)
    assert "{" not in printed
    crops = list(synthetic_faces.dataset(70).images[:3])
    assert EmotionClassifier.from_files([file]).classify([crops]).shape == (3, 7)
    assert main(["finish", str(tmp_path)]) == 1
    assert "holds no last.pt" in capsys.readouterr().err


def test_resuming_may_ask_for_more_epochs(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path / "two", epochs=1) == 0
    assert train(data, tmp_path / "two", "--resume", epochs=2) == 0
    assert "was to end after 1 epochs\n" in capsys.readouterr().out
    assert train(data, tmp_path / "whole", epochs=2) == 0
    weights = [
        torch.load(tmp_path / name / "last.pt", weights_only=True)["model"]
        for name in ("two", "whole")
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    capsys.readouterr()
    assert train(data, tmp_path / "two", "--resume", epochs=1) == 1
    assert "was trained with epochs = 2, not 1" in capsys.readouterr().err


def test_a_longer_cosine_is_said_to_be_another_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cosine = ["--set", *FAST, "schedule.name=cosine"]
    arguments = ["train", "yengikand", "--data", str(data), "--out", str(tmp_path / "run")]
    assert main([*arguments, *cosine, "epochs=1"]) == 0
    assert main([*arguments, "--resume", *cosine, "epochs=2"]) == 0
    assert "the rate goes up again" in capsys.readouterr().out


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    blocker = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from fer_training.commands.cli import main\n"
        "sys.exit(main(['train', 'arch1']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", blocker],
        env=environment(), capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the package torch is missing" in done.stderr
    assert "pip install . ./fer_training" in done.stderr


def test_help_needs_no_extra(tmp_path: Path) -> None:
    blocked = ["torch", "sklearn", "scipy", "matplotlib", "onnx", "skl2onnx"]
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from fer_training.commands.cli import main\n"
        "main(['--help'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "finish" in done.stdout


def test_bare_commands_print_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["detector"]):
        assert main(words) == 0
        assert "usage: fer-train" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--out", "--data"])
def test_an_empty_name_is_not_this_folder(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "yengikand", option, ""])
    assert ended.value.code == 2
    assert f"{option}: an empty name; is a variable unset?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fer: 2013.npz", "fer #1.npz", "[é].npz"])
def test_a_name_of_data_is_not_read_as_yaml(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data.read_bytes())
    assert train(Path(name), Path("run"), epochs=1) == 0


def test_a_log_says_where_a_run_is_inside_an_epoch(capfd: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(0, 1000, 20))
    taken = list(steps("abcdefgh", "net epoch 2/9", 60, lambda: float(next(seconds))))
    assert "".join(taken) == "abcdefgh"
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "net epoch 2/9: step 2 of 8, 3.0 min left in it",
        "net epoch 2/9: step 5 of 8, 1.2 min left in it",
    ]


def test_data_lie_in_the_user_s_own_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(places.DATA_ENV, raising=False)
    with pytest.raises(DatasetError, match=r"no fer2013 in data/ .*fer2013\.csv.*FER_DATA"):
        load_dataset("fer2013")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fer2013.npz").write_bytes(data.read_bytes())
    assert len(load_dataset("fer2013")) == 70
    monkeypatch.chdir("/")
    monkeypatch.setenv(places.DATA_ENV, str(data.parent))
    assert places.find("fer2013") == data
    assert places.find("fer2013", "mine.csv") == Path("mine.csv")


def test_shipped_networks_are_known_by_name(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--data", str(data), "--model"]
    assert main([*arguments, "fer-base-int8"]) == 0
    assert "fer-base-int8 on 14 rows" in capsys.readouterr().out
    assert main([*arguments, "fer-bas"]) == 1
    assert "no shipped network of that name: arch1, fer-base" in capsys.readouterr().err


def write_csv(path: Path, start: str, end: str) -> Path:
    pixels = " ".join(["7"] * 48 * 48)
    rows = [f"{code},{pixels},{usage}" for code, usage in ((3, "Training"), (4, "PublicTest"))]
    text = start + "emotion,pixels,Usage\n" + "\n".join(rows) + end
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_with_a_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer2013.csv", "\ufeff", "\n\n\n")
    votes = "Usage,Image name," + ",".join(["v"] * 10) + "\n"
    votes += "".join(f"{u},x.png,{','.join('1' * 10)}\n" for u in ("Training", "PublicTest"))
    (tmp_path / "fer2013new.csv").write_text("\ufeff" + votes + "\n", encoding="utf-8")
    found = fer2013.load(path)
    assert found.labels.tolist() == [3, 4]
    assert found.votes is not None
    assert found.votes.shape == (2, 10)


def test_hidden_companions_of_pictures_are_none(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), np.zeros((48, 48), np.uint8))
    (tmp_path / "._face.png").write_bytes(b"\x00\x05\x16\x07")
    assert [path.name for path in image_files(tmp_path)] == ["face.png"]


def ink(path: Path) -> int:
    """Count the coloured pixels of a picture: neither white, black nor grey."""
    picture = cv2.imread(str(path)).astype(int)
    return int((picture.max(2) - picture.min(2) > 60).sum())


def test_curves_of_one_epoch_show_its_points(tmp_path: Path) -> None:
    plots.learning_curves([Epoch(0, 0.1, 1.5, 1.4, 0.4)], tmp_path / "one.png")
    # The lines in the legend alone have 120.
    assert ink(tmp_path / "one.png") > 300


def test_saliency_shows_a_face_and_a_scale(tmp_path: Path) -> None:
    nothing = np.zeros((48, 48), np.float32)
    hot = nothing.copy()
    hot[10:30, 10:30] = 0.4
    saliency.draw({"happy": nothing, "contempt": hot}, tmp_path / "maps.png")
    picture = cv2.imread(str(tmp_path / "maps.png"), cv2.IMREAD_GRAYSCALE)
    left = picture[40:-20, 20:150].astype(float)  # the first map hides nothing: a face shows
    assert left.std() > 15
    assert ink(tmp_path / "maps.png") > 500  # the second map and the bar of its scale


def test_a_class_without_training_rows_is_never_the_svm_s_prediction(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(140)
    assert data.usage is not None
    usage = data.usage.copy()
    usage[data.labels == 1] = "PublicTest"
    config = svm.SvmConfig(kernels=("linear",), costs=(1.0,), cv=2)
    from dataclasses import replace

    record = svm.run(replace(data, usage=usage), config, tmp_path, "fer-train svm")
    confusion = np.array(record.results.single_crop.confusion)
    assert confusion.shape == (7, 7)
    assert confusion[:, 1].sum() == 0
    assert confusion[1].sum() == 20
    assert not (tmp_path / "svm.onnx").exists()


def test_bench_times_a_step_of_this_and_another_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").symlink_to(ROOT)
    arguments = ["bench", "yengikand", "--rounds", "1", "--steps", "1"]
    assert main([*arguments, "--against", str(tmp_path / "other"), "--set", "batch_size=4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["other", "this", "batch_size=4"]
    assert lines[1].endswith(" 1.00")
    assert main([*arguments, "--against", str(tmp_path)]) == 1
    assert "holds no folder fer_training" in capsys.readouterr().err


def test_settings_of_the_allocator_are_the_user_s_where_there_are_some() -> None:
    code = "from fer_training.train.memory import keep_freed_memory as k; print(k())"
    own = environment()
    plain = {name: value for name, value in own.items() if not name.startswith("MALLOC_")}
    said = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout
        for env in (plain, {**plain, "MALLOC_ARENA_MAX": "2"})
    ]
    assert said == ["True\n", "False\n"] if sys.platform == "linux" else ["False\n"] * 2


@pytest.mark.parametrize(
    "words",
    [
        ["saliency", "--model", "fer-lite", "--data", "x.npz", "--out", "x.png", "--stride", "0"],
        ["calibrate", "a.onnx", "--data", "x.npz", "--rows", "0"],
        ["papers", "--jobs", "-1"],
        ["bench", "--rounds", "two"],
    ],
)
def test_numbers_that_count_nothing_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "is no whole number from 1 on" in capsys.readouterr().err
