"""The label file that a person fills in, and its way back into a replay."""

from __future__ import annotations

import csv
import json

import cv2
from bags import CAMERA, START


def test_tracks_become_rows_that_a_replay_takes_back(command, happy_bag, tmp_path, capsys):
    out = tmp_path / "skeleton"
    assert command("label", happy_bag, "--out", out) == 0
    assert "1 tracks" in capsys.readouterr().out
    with (out / "labels.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["topic"] == CAMERA
    assert row["label"] == ""
    assert abs(float(row["start"]) - START / 1e9) < 0.3
    assert abs(float(row["end"]) - START / 1e9 - 3.0) < 0.1
    strip = cv2.imread(str(out / row["thumbnail"]))
    assert strip.shape[0] == 96
    assert 5 * 96 <= strip.shape[1] <= 8 * 96
    filled = out / "filled.csv"
    filled.write_text((out / "labels.csv").read_text().replace(",,face", ",Happiness,face"))
    arguments = ("--labels", filled, "--overwrite")
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 0
    spans = json.loads((tmp_path / "out" / "metrics.json").read_text())["evaluation"]["spans"]
    (span,) = [span for span in spans if "filled.csv" in span["source"]]
    assert span["label"] == "happy"
    assert span["frames"] - span["detected"] <= 2


def test_short_tracks_are_left_out(command, happy_bag, tmp_path):
    assert command("label", happy_bag, "--out", tmp_path / "out", "--shortest", 10) == 0
    assert len((tmp_path / "out" / "labels.csv").read_text().splitlines()) == 1


def test_pictures_do_not_go_into_the_recording(command, happy_bag, capsys):
    assert command("label", happy_bag, "--out", happy_bag / "labels") == 2
    assert "inside the recording" in capsys.readouterr().err
