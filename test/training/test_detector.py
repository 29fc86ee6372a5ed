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

"""The detector's training: fields, targets, matching, the loop, export; on made-up photos."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from synthetic_photos import FACE, write_cache, write_photos

from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.quality import FaceFeatures
from fer_ros.perception.types import Box
from fer_ros.sources.scene import Actor, Scene, background
from fer_training.commands import cli
from fer_training.data.base import DatasetError
from fer_training.detector import (
    averaging,
    budget,
    clips,
    compare,
    doubt,
    export,
    finish,
    labelled_photos,
    photos,
    quality_fit,
    targets,
)
from fer_training.detector.network import STRIDES, FaceNet
from fer_training.detector.training import Plan, rate_at, train
from fer_training.detector.vga_scenes import scenes

PATHS = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cache(tmp_path_factory.mktemp("cache"))


def test_a_perfect_prediction_costs_little_and_a_missed_face_much() -> None:
    batch = targets.Batch(
        torch.zeros(1, 1, 128, 128, dtype=torch.uint8),
        torch.tensor([[[60.0, 60.0, 30.0, 40.0]]]),
        torch.full((1, 1, 5, 2), math.nan),
        torch.ones(1, 1),
    )
    outputs = [torch.zeros(1, 16, -(-128 // s), -(-128 // s)) for s in STRIDES]
    for level in outputs:
        level[:, 0] = -9.0
    missed = targets.losses([level.clone() for level in outputs], batch)
    column = row = int(60 / 8)
    outputs[0][0, 0, row, column] = 9.0
    outputs[0][0, 1:3, row, column] = 60 / 8 - (column + 0.5)
    outputs[0][0, 3, row, column] = math.log(30 / 8)
    outputs[0][0, 4, row, column] = math.log(40 / 8)
    hit = targets.losses(outputs, batch)
    assert float(hit.score) < 0.5 * float(missed.score)
    assert float(hit.box) < float(missed.box)


def test_unknown_regions_bear_no_loss() -> None:
    outputs = [torch.full((1, 16, -(-64 // s), -(-64 // s)), 2.0) for s in STRIDES]
    nothing = torch.full((1, 1, 5, 2), math.nan)
    image = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    whole = torch.tensor([[[32.0, 32.0, 64.0, 64.0]]])
    unknown = targets.losses(outputs, targets.Batch(image, whole, nothing, -torch.ones(1, 1)))
    empty = targets.losses(outputs, targets.Batch(image, whole, nothing, torch.zeros(1, 1)))
    assert float(unknown.score) == 0.0
    assert float(empty.score) > 1.0


def test_the_rate_warms_up_stays_and_falls() -> None:
    plan = Plan(Path("a"), Path("b"), steps=1000, cool_from=800)
    assert rate_at(plan, 0) < rate_at(plan, 299) == rate_at(plan, 700) == plan.rate
    assert plan.rate > rate_at(plan, 850) > rate_at(plan, 999) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--data", "nowhere"], "holds no photos.npz; fer-train detector data writes it"),
        (["train", "--data", "CACHE", "--steps", "0"], "steps must be above 0, not 0"),
        (["train", "--data", "CACHE", "--rate", "nan"], "rate must be above 0, not nan"),
        (["train", "--data", "CACHE", "--validation", "no.npz"], "no validation photos no.npz"),
        (["compare", "--detector", "fer-face@big", "--photos", "."], "after @ comes the longest"),
    ],
)
def test_words_that_do_not_fit_are_told_in_one_line(
    cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    out = ["--out", str(tmp_path / "run")] if words[0] == "train" else ["--json", "none.json"]
    words = [str(cache) if word == "CACHE" else word for word in words]
    assert cli.main(["detector", *words, *out]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("fer-train: ")
    assert said in line
    assert not (tmp_path / "run").exists()


def test_an_npz_without_photos_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "crops.npz", images=np.zeros((1, 48, 48), np.uint8))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "photos.bin").write_bytes(b"an earlier one")
    with pytest.raises(DatasetError, match=r"crops\.npz lacks the arrays jpeg, offset, size"):
        photos.build([tmp_path / "crops.npz"], tmp_path / "cache")
    assert (tmp_path / "cache" / "photos.bin").read_bytes() == b"an earlier one"


@pytest.mark.parametrize("steps_before", [0, 1])
def test_ctrl_c_says_how_to_go_on(cache: Path, tmp_path: Path, steps_before: int) -> None:
    run = tmp_path / "run"
    if steps_before:
        train(Plan(cache, run, steps=1, cool_from=9, sides=((64, 2, 1.0),)))
        (run / "plan.json").unlink()
    command = [sys.executable, "-m", "fer_training", "detector", "train"]
    command += ["--data", str(cache), "--out", str(run)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | PATHS)
    try:
        while process.poll() is None and not (run / "plan.json").is_file():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()  # on a machine too busy for the time above it would train for days
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    said = f"fer-train detector export {run}" if steps_before else "before the first checkpoint"
    assert said in errors


def test_the_mean_of_runs_can_be_exported(cache: Path, tmp_path: Path) -> None:
    early, late, mean = tmp_path / "early", tmp_path / "late", tmp_path / "mean"
    sides = ((64, 2, 1.0),)
    train(Plan(cache, early, steps=1, cool_from=9, sides=sides))
    shutil.copytree(early, late)
    train(Plan(cache, late, steps=3, cool_from=9, sides=sides))
    assert averaging.average([late, early], cache, mean, batches=2) == 3
    network, step = finish.load(mean)
    assert step == 3
    assert finish.plan_of(mean)["averaged_steps"] == [3, 1]
    both = zip(finish.load(early)[0].parameters(), finish.load(late)[0].parameters(), strict=True)
    for middle, (one, other) in zip(network.parameters(), both, strict=True):
        torch.testing.assert_close(middle, (one + other) / 2)
    picture = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    assert all(bool(torch.isfinite(level).all()) for level in network(picture))
    with pytest.raises(DatasetError, match="holds no checkpoint"):
        averaging.average([early, tmp_path / "none"], cache, tmp_path / "other")


def test_resumed_training_continues_the_same_run(cache: Path, tmp_path: Path) -> None:
    sides = ((64, 2, 1.0),)
    whole = train(Plan(cache, tmp_path / "whole", steps=4, cool_from=9, sides=sides))
    train(Plan(cache, tmp_path / "parts", steps=2, cool_from=9, sides=sides))
    parts = train(Plan(cache, tmp_path / "parts", steps=4, cool_from=9, sides=sides))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_exported_file_predicts_as_the_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = FaceNet().eval()
    assert sum(p.numel() for p in network.parameters()) <= 150_000
    path = tmp_path / "face.onnx"
    pictures = [np.random.default_rng(0).integers(0, 256, (130, 170), np.uint8)]
    about = {"model_id": "face", "version": "1"}
    assert export.export(network, path, 0.4, about, pictures) < 1e-4
    assert path.stat().st_size <= 700_000
    detector = FerFaceDetector(DetectorSettings(), path)
    assert detector.metadata.strides == STRIDES
    shifted = detector.run_network(np.zeros((64, 64), np.uint8))[0][0, 0]
    with torch.no_grad():
        plain = network(torch.zeros(1, 1, 64, 64))[0][0, 0].numpy()
    expected = plain + math.log(0.7 / 0.3) - math.log(0.4 / 0.6)
    np.testing.assert_allclose(shifted, expected, atol=1e-4)


@pytest.mark.parametrize("layout", ["npz", "folder", "wider"])
def test_photos_are_read_from_three_layouts(layout: str, tmp_path: Path) -> None:
    image = background(120, 90)
    box = [10.0, 12.0, 30.0, 40.0]
    if layout == "npz":
        path = write_photos(tmp_path / "a.npz", [0.9])
        box = list(FACE)
    elif layout == "folder":
        path = tmp_path
        cv2.imwrite(str(tmp_path / "one.png"), image)
        (tmp_path / "boxes.json").write_text(json.dumps({"one.png": [box]}), encoding="utf-8")
    else:
        path = tmp_path
        folder = tmp_path / "WIDER_val" / "images" / "0--Parade"
        folder.mkdir(parents=True)
        (tmp_path / "wider_face_split").mkdir()
        cv2.imwrite(str(folder / "one.png"), image)
        lines = "0--Parade/one.png\n2\n10 12 30 40 0 0 0 0 0 0\n1 1 5 5 0 0 0 1 0 0\n"
        (tmp_path / "wider_face_split" / "wider_face_val_bbx_gt.txt").write_text(lines, "utf-8")
    first = next(iter(labelled_photos.load(path)))
    assert first.boxes[0].tolist() == box
    assert first.counts[0]
    if layout == "wider":
        assert first.counts.tolist() == [True, False]


def test_a_folder_of_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"boxes\.json"):
        labelled_photos.load(tmp_path)


def test_comparison_of_detectors_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "face.onnx"
    export.export(FaceNet().eval(), file, 0.5, {"model_id": "face", "version": "1"}, [])
    path = write_photos(tmp_path / "a.npz", [0.9, 0.9])
    record = tmp_path / "record.json"
    words = ["detector", "compare", "--detector", f"{file}@320", f"{file}@160"]
    assert cli.main([*words, "--photos", str(path), "--json", str(record)]) == 0
    figures = json.loads(record.read_text("utf-8"))
    assert figures["cost"]["face@320"] == 1.0
    assert figures["cost"]["face@160"] > 0
    assert figures["empty"] == 1
    assert [own["name"] for own in figures["on_photos"]] == ["face@320", "face@160"]
    assert "Recall by the face's side" in capsys.readouterr().out
    assert cli.main([*words, "--photos", str(path), "--light", "0.1", "--json", str(record)]) == 0
    assert "In 0.1 times their light" in capsys.readouterr().out
    assert json.loads(record.read_text("utf-8"))["light"] == 0.1


def test_dim_photos_are_noisy_and_the_same_again(tmp_path: Path) -> None:
    photo = next(iter(labelled_photos.load(write_photos(tmp_path / "a.npz", [0.9]))))
    dim = labelled_photos.dimmed(photo, 0.25, 3)
    gap = dim.image - photo.image * 0.25
    assert abs(gap.mean()) < 1
    assert 1 < gap.std() < 3
    np.testing.assert_array_equal(dim.image, labelled_photos.dimmed(photo, 0.25, 3).image)


def test_scenes_have_their_faces_where_they_say() -> None:
    place = [cv2.cvtColor(background(300, 300), cv2.COLOR_BGR2GRAY)]
    bright = np.stack([np.full((48, 48), 255, np.uint8)] * 4)
    (scene,) = scenes(bright, range(4), place, 60, tilt=30)
    assert scene.image.shape == (480, 640)
    for x, y, w, h in scene.boxes:
        assert scene.image[int(y + h / 2), int(x + w / 2)] == 255
        assert 45 < math.sqrt(w * h) < 70


def test_a_detector_that_is_none_is_refused() -> None:
    with pytest.raises(DatasetError, match="say fer-face, haar, or name an ONNX file"):
        compare.contestant("absent.onnx@320")


def test_the_fit_of_quality_finds_what_was_planted() -> None:
    rng = np.random.default_rng(0)
    faces, right = [], []
    for _ in range(6000):
        turn, side = float(rng.uniform(0, 1.5)), float(rng.uniform(16, 90))
        faces.append(FaceFeatures(side, turn, 0.5, 0.0))
        odds = 1.2 - 1.6 * min(turn / 1.5, 1)
        right.append(rng.random() < 1 / (1 + math.exp(-odds)))
    samples = quality_fit.Samples(faces, np.array(right), 6000)
    model = quality_fit.fit(samples)
    assert model.good == pytest.approx(1.2, abs=0.25)
    assert model.turn.values[-1] == pytest.approx(-1.6, abs=0.35)
    assert min(model.log_side.values) > -0.25
    for row in quality_fit.check(model, samples):
        assert row.quality == pytest.approx(row.relative_accuracy, abs=0.08)


def test_clips_tell_how_long_a_face_is_lost() -> None:
    face, elsewhere = Box(100, 100, 40, 50), Box(300, 100, 40, 50)
    seen = [[[face], [face], [] if 3 <= n < 8 else [face, elsewhere]] for n in range(12)]
    measured = clips._compare("clip", seen)
    assert (measured.frames, measured.faces) == (12, 12)
    assert measured.found == pytest.approx(7 / 12)
    assert (measured.lost_runs, measured.longest_lost) == (1, 5)
    assert (measured.false_runs, measured.longest_false) == (2, 4)


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    none = compare.contestant("fer-face@320")
    with pytest.raises(DatasetError, match="no clip that OpenCV can read"):
        clips.measure(none, none, tmp_path)


def test_the_budget_finds_small_faces_of_large_scenes() -> None:
    rng = np.random.default_rng(0)
    happy = Scene(48, 48, (Actor(24, 24, 48, ("happy",)),)).render(0.0)[0]
    crop = cv2.cvtColor(happy, cv2.COLOR_BGR2GRAY)[None]
    place = [cv2.cvtColor(background(640, 480), cv2.COLOR_BGR2GRAY)]
    picture, truth = budget.scene((1280, 720), crop, place, rng)
    assert picture.shape == (720, 1280)
    assert len(truth) == len(budget.SIDES)
    finder = compare.contestant("fer-face@320").make(0.7)
    plain = budget._watch(finder, 1.0, picture, truth, 2)
    more = budget._watch(finder, 2.0, picture, truth, 30)
    assert more.ever.sum() > plain.ever.sum()


def test_doubt_about_landmarks_lowers_the_score_alone() -> None:
    torch.manual_seed(1)
    network = FaceNet().eval()
    for last in network.last_layers():
        torch.nn.init.normal_(last.weight[15], std=0.3)
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 1, 64, 64))).float()
    with torch.no_grad():
        for plain, doubted in zip(network(image), doubt.doubting(network, 2.0)(image), strict=True):
            torch.testing.assert_close(doubted[:, 1:], plain[:, 1:])
            torch.testing.assert_close(doubted[:, 0], plain[:, 0] - 2.0 * (plain[:, 15] + 3.0))


def test_a_run_becomes_a_file_with_a_card(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "face.onnx"
    photos_file = write_photos(tmp_path / "v.npz", [0.9])
    train(Plan(cache, run, photos_file, steps=2, cool_from=1, sides=((64, 2, 1.0),), every=2))
    logged = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["longest"] for line in logged if "longest" in line] == [640, 320]
    words = ["detector", "export", str(run), str(out), "--data", str(cache)]
    assert cli.main([*words, "--validation", str(photos_file), "--version", "7"]) == 0
    about = FerFaceDetector(DetectorSettings(), out).metadata
    assert (about.version, about.recipe["steps"]) == ("7", 2)
    assert about.dataset["photos"][0]["what"] == "Flickr8k"
    assert cli.main(["detector", "card", str(out)]) == 0
    text = out.with_suffix(".md").read_text("utf-8")
    assert "Flickr8k" in text
    assert f"{about.recipe['parameters']:,} parameters" in text
    assert cli.main(["detector", "export", str(tmp_path), *words[3:], "--validation", "x"]) == 1
    assert "holds no checkpoint.pt" in capsys.readouterr().err
