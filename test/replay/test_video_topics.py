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

"""Video topics of recordings: every picture that is whole, the rest with a cause of its own."""

from __future__ import annotations

import csv
import json
import sys

import pytest
from bags import PERIOD, START, one_actor, recording
from packets import FORMS, encoded

from fer_ros.apps.cli import main
from fer_ros.replay.read.source import image_topics
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader

TOPIC = "/cam/image_raw/video"
SAME = ("results.jsonl", "tracks.jsonl", "metrics.json", "bag/bag.mcap")


@pytest.fixture(scope="module")
def packets():
    scene = one_actor(("happy", "surprise"))
    return encoded([scene.render(index / 30)[0] for index in range(24)], every=8)


def video_bag(folder, packets, form="foxglove", lost=(), topic=TOPIC):
    with recording(folder) as bag:
        for index, packet in enumerate(packets):
            stamp = START + index * PERIOD
            message = FORMS[form](packet, stamp, index)
            if index not in lost:
                bag.raw(topic, message.__msgtype__, codec.encode(message), stamp)
    return folder


def results(out):
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return lines, json.loads((out / "metrics.json").read_text())


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_results_and_the_same_bytes_again(command, tmp_path, packets, form):
    bag = video_bag(tmp_path / "bag", packets, form)
    for name in ("one", "two"):
        assert command("replay", bag, "--out", tmp_path / name, "--annotated") == 0
    for name in SAME:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    lines, metrics = results(tmp_path / "one")
    assert [line["status"] for line in lines] == ["answered"] * 24
    assert [line["stamp_ns"] for line in lines] == [START + i * PERIOD for i in range(24)]
    assert all(len(line["faces"]) == 1 for line in lines[1:])
    camera = metrics["recording"]["cameras"][TOPIC]
    assert camera["sizes"] == {"320x240": 24}
    assert list(camera["encodings"]) == ["libx264" if form == "ffmpeg" else "h264"]
    if form != "foxglove":
        other = video_bag(tmp_path / "other", packets)
        assert command("replay", other, "--out", tmp_path / "third", "--annotated") == 0
        for name in SAME[:2]:
            assert (tmp_path / "third" / name).read_text() == (tmp_path / "one" / name).read_text()


def test_pictures_up_to_the_first_key_frame_and_after_a_gap_have_their_own_cause(
    command, tmp_path, packets
):
    bag = video_bag(tmp_path / "bag", packets, lost=(0, 1, 2, 3, 12))
    assert command("replay", bag, "--out", tmp_path / "out") == 0
    lines, metrics = results(tmp_path / "out")
    statuses = {round((line["stamp_ns"] - START) / PERIOD): line["status"] for line in lines}
    waits = {4, 5, 6, 7, 13, 14, 15}
    assert {index for index, status in statuses.items() if status == "no_key_frame"} == waits
    assert {statuses[index] for index in statuses.keys() - waits} == {"answered"}
    reasons = {line["reason"] for line in lines if line["status"] == "no_key_frame"}
    assert any("joined between key frames" in reason for reason in reasons)
    assert any("packets before it are missing (picture number" in reason for reason in reasons)
    facts = metrics["recording"]
    assert facts["no_key_frame"] == facts["cameras"][TOPIC]["no_key_frame"] == 7
    assert facts["undecodable"] == 0
    assert any("7 of 19 images could not be processed" in text for text in facts["warnings"])


def test_the_simulated_robot_decodes_what_it_does_not_process(command, tmp_path, packets):
    bag = video_bag(tmp_path / "bag", packets)
    assert command("replay", bag, "--out", tmp_path / "all") == 0
    arguments = ("--mode", "latest", "--worker-ms", 100)
    assert command("replay", bag, "--out", tmp_path / "latest", *arguments) == 0
    everything = {line["index"]: line for line in results(tmp_path / "all")[0]}
    lines, _ = results(tmp_path / "latest")
    answered = [line for line in lines if line["status"] == "answered"]
    assert {line["status"] for line in lines} == {"answered", "superseded"}
    assert 6 <= len(answered) <= 10
    for line in answered[1:]:
        (own,), (other,) = line["faces"], everything[line["index"]]["faces"]
        # A crop follows its track, which has seen fewer images.
        assert own["probabilities"] == pytest.approx(other["probabilities"], abs=0.1)


def test_without_the_extra_it_is_named(command, tmp_path, packets, monkeypatch):
    bag = video_bag(tmp_path / "bag", packets)
    monkeypatch.setitem(sys.modules, "av", None)
    assert command("replay", bag, "--out", tmp_path / "out") == 1
    lines, metrics = results(tmp_path / "out")
    assert {line["status"] for line in lines} == {"undecodable"}
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert verdict["criteria"][0]["reason"] == "is 0: none of 24 images could be processed"
    (warning,) = [text for text in metrics["recording"]["warnings"] if "none of 24" in text]
    assert "H.264" in warning
    assert "pip install 'fer_ros[video]'" in warning


def test_of_a_cameras_forms_the_video_is_the_last(tmp_path, packets):
    with recording(tmp_path / "bag") as bag:
        for index, packet in enumerate(packets[:10]):
            stamp = START + index * PERIOD
            for form in ("foxglove", "ffmpeg"):
                message = FORMS[form](packet, stamp, index)
                data = codec.encode(message)
                bag.raw(f"/left/image_raw/{form}", message.__msgtype__, data, stamp)
                bag.raw(f"/right/image_raw/{form}", message.__msgtype__, data, stamp)
                bag.raw(f"/rear/image_raw/{form}", message.__msgtype__, data, stamp)
            picture, _ = one_actor().render(index / 30)
            bag.image(picture, stamp, "/left/image_raw")
            if index < 5:
                bag.image(picture, stamp, "/right/image_raw/compressed")
    found = image_topics(BagReader(tmp_path / "bag"), ())
    assert found.types == {
        "/left/image_raw": messages.IMAGE,
        "/right/image_raw/foxglove": messages.COMPRESSED_VIDEO,
        "/rear/image_raw/foxglove": messages.COMPRESSED_VIDEO,
    }
    assert any("/right/image_raw/compressed has 5" in text for text in found.warnings)


def test_a_label_file_and_a_table_are_made_of_a_video_topic(command, tmp_path, packets):
    bag = video_bag(tmp_path / "bag", packets)
    assert command("label", bag, "--out", tmp_path / "labels", "--shortest", 0.1) == 0
    assert (tmp_path / "labels" / "labels.csv").read_text().count("face_1") >= 1
    table = tmp_path / "t.csv"
    words = ["read", str(bag), "--out", str(table), "--every", "0.2"]
    assert main([*words, "--ros-args", "-p", "detector:=fer-face"]) == 0
    with table.open() as file:
        assert [int(row["frame"]) for row in csv.DictReader(file)] == [0, 7, 13, 19]
