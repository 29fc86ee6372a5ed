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

"""What replays say of people without labels: in the files, in a terminal and in the report."""

from __future__ import annotations

import base64
import json
import re

import cv2
import numpy as np
import pytest
from bags import START, blank, one_actor, recording, scene_bag

from fer_ros.apps.cli import main


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """Three seconds of a face that changes its expression."""
    folder = tmp_path_factory.mktemp("bags") / "walk"
    return scene_bag(folder, one_actor(("happy", "surprise")), 60, period=50_000_000, labels=False)


@pytest.fixture(scope="module")
def replayed(command, unlabelled, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "walk"
    assert command("replay", unlabelled, "--out", out) == 0
    return out


def people_of(out):
    return json.loads((out / "metrics.json").read_text())["people"]


def test_reading_and_replaying_a_recording_say_the_same_of_its_people(
    replayed, unlabelled, tmp_path
):
    summary = tmp_path / "people.json"
    words = ["read", str(unlabelled), "--out", str(tmp_path / "t.csv"), "--summary", str(summary)]
    assert main([*words, "--ros-args", "-p", "detector:=fer-face"]) == 0
    (read,), (found,) = json.loads(summary.read_text())["summaries"], people_of(replayed)
    assert found["length"] == pytest.approx(read["length"])
    for own, other in zip(found["people"], read["people"], strict=True):
        assert own["seen"] == pytest.approx(other["seen"])
        assert own["shown"] == pytest.approx(other["shown"])
        assert own["expected"] == pytest.approx(other["expected"], abs=1e-5)
        first = own["surest"]["happy"]["time"] - found["start"]
        assert first == pytest.approx(other["surest"]["happy"]["time"] - read["start"])


def test_people_come_first_in_the_report_and_stand_in_the_terminal(
    command, unlabelled, replayed, tmp_path, capsys
):
    assert command("replay", unlabelled, "--out", tmp_path / "again") == 0
    out = capsys.readouterr().out
    (camera,) = people_of(replayed)
    (person,) = camera["people"]
    text = (replayed / "report.html").read_text()
    assert re.findall(r'<section[^>]* id="(\w+)"', text)[0] == "people"
    for label, share in person["shown"].items():
        assert f"<title>{label} {100 * share:.0f} %</title>" in text
        if label != "uncertain" and share >= 0.05:
            assert f"{label} {share:.0%}" in out
    assert person["track"] in out


def test_without_labels_there_are_no_tiles_about_them_but_how_to_make_some(replayed, happy_result):
    text = (replayed / "report.html").read_text()
    assert len(re.findall('class="card[ "]', text)) == 4
    assert "fer-ros label" in text
    assert 'id="labels"' not in text
    labelled = (happy_result / "report.html").read_text()
    assert len(re.findall('class="card[ "]', labelled)) == 12
    assert "fer-ros label" not in labelled


def test_a_finished_replay_says_its_people_again(command, unlabelled, tmp_path, capsys):
    out = tmp_path / "out"
    assert command("replay", unlabelled, "--out", out) == 0
    first = capsys.readouterr().out
    assert command("replay", unlabelled, "--out", out, "--resume") == 0
    again = capsys.readouterr().out
    assert "finished before" in again
    assert again.splitlines()[:3] == first.splitlines()[:3]


def test_moments_are_pictured_on_request_only(command, unlabelled, replayed, tmp_path):
    assert "data:image/jpeg" not in (replayed / "report.html").read_text()
    out = tmp_path / "out"
    assert command("replay", unlabelled, "--out", out, "--moments") == 0
    text = (out / "report.html").read_text()
    pictures = re.findall(r'alt="(\w+)" src="data:image/jpeg;base64,([^"]+)"', text)
    ((person,),) = (camera["people"] for camera in people_of(out))
    assert {label for label, _ in pictures} == set(person["surest"])
    for _, data in pictures:
        image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert min(image.shape[:2]) > 50
    assert people_of(out) == people_of(replayed)


def test_a_replay_of_no_face_says_so(command, tmp_path, capsys):
    with recording(tmp_path / "bag") as bag:
        for index in range(5):
            bag.image(blank(index), START + index * 50_000_000)
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    assert "no face" in capsys.readouterr().out
    assert 'id="people"' in (tmp_path / "out" / "report.html").read_text()
