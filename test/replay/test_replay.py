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

"""Replays of real recordings from end to end."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
from bags import CAMERA, LABELS, PERIOD, START, blank, one_actor, recording, scene_bag

from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.replay.judge import scores
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader

SAME = ("results.jsonl", "tracks.jsonl", "metrics.json", "bag/bag.mcap", "bag/metadata.yaml")


def lines_of(out, name="results.jsonl"):
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def metrics_of(out):
    return json.loads((out / "metrics.json").read_text())


def test_one_line_a_frame_with_stamps_and_faces(happy_result):
    lines = lines_of(happy_result)
    assert [line["index"] for line in lines] == list(range(45))
    assert [line["stamp_ns"] for line in lines] == [START + i * 66_666_667 for i in range(45)]
    assert all(line["status"] == "answered" for line in lines)
    faces = [face for line in lines for face in line["faces"]]
    assert len(faces) >= 43
    classes = metrics_of(happy_result)["run"]["classes"]
    for face in faces:
        assert sum(face["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
        assert sum(face["smoothed"].values()) == pytest.approx(1.0, abs=1e-5)
        assert list(face["probabilities"]) == list(face["smoothed"]) == classes
        assert face["prediction_age_ms"] == 0.0
        assert 0.0 < face["quality"] <= 1.0


def test_two_runs_are_the_same_byte_for_byte(command, happy_bag, happy_result, tmp_path):
    again = tmp_path / "again"
    assert command("replay", happy_bag, "--out", again) == 0
    for name in SAME:
        assert (again / name).read_bytes() == (happy_result / name).read_bytes(), name


def test_metrics_follow_from_the_lines(happy_result):
    metrics, lines = metrics_of(happy_result), lines_of(happy_result)
    matrix = np.zeros((7, 8), np.int64)
    names = [*FER2013, UNCERTAIN]
    for face in (face for line in lines for face in line["faces"]):
        if face.get("truth", "ignore") != "ignore":
            matrix[names.index(face["truth"]), names.index(face["label"])] += 1
    assert matrix.sum() > 20
    assert metrics["evaluation"]["frame"]["confusion"] == matrix.tolist()
    assert metrics["accuracy"] == scores.accuracy(matrix)
    assert metrics["balanced_accuracy"] == scores.balanced_accuracy(matrix)
    found, missed = matrix.sum(), sum(len(line.get("undetected", ())) for line in lines)
    assert metrics["detection_rate"] == found / (found + missed)
    assert metrics["recording"]["answered"] == 45
    assert metrics["tracks"]["count"] == len(lines_of(happy_result, "tracks.jsonl"))
    assert metrics["accuracy"] > 0.6  # averaged faces are easy; a wrong matching would show


def test_the_written_recording_says_the_same_as_the_lines(happy_result):
    reader = BagReader(happy_result / "bag")
    lines = lines_of(happy_result)
    arrays = list(reader.messages(["/fer/emotions"]))
    assert [m.time_ns for m in arrays] == [line["stamp_ns"] for line in lines]
    for message, line in zip(arrays, lines):
        array = codec.decode(message.data, messages.EMOTION_ARRAY)
        assert messages.time_ns(array.header.stamp) == line["stamp_ns"]
        assert array.source_topic == CAMERA
        assert [f.track_id for f in array.faces] == [f["track_id"] for f in line["faces"]]
        assert [f.label for f in array.faces] == [f["label"] for f in line["faces"]]
        assert math.isnan(array.detect_ms)
        assert math.isnan(array.age_ms)
    diagnostics = list(reader.messages(["/diagnostics"]))
    assert len(diagnostics) == 3  # one a second of recorded time
    status = codec.decode(diagnostics[-1].data, messages.DIAGNOSTIC_ARRAY).status
    assert any(s.name == f"fer: camera {CAMERA}" for s in status)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_the_storage_makes_no_difference(command, happy_result, tmp_path, storage):
    scene = one_actor(("happy", "surprise", "neutral"))
    compression = "message" if storage == "sqlite3" else "file"
    bag = scene_bag(
        tmp_path / "other", scene, 45, period=66_666_667, storage=storage, compression=compression
    )
    assert command("replay", bag, "--out", tmp_path / "out") == 0
    for name in ("results.jsonl", "tracks.jsonl", "bag/bag.mcap"):
        assert (tmp_path / "out" / name).read_bytes() == (happy_result / name).read_bytes()


def test_compressed_images_and_annotated_output(command, tmp_path):
    with recording(tmp_path / "bag") as bag:
        for index in range(4):
            picture, _ = one_actor().render(index / 30)
            bag.image(picture, START + index * PERIOD, "/cam/compressed")
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out", "--annotated") == 0
    assert all(len(line["faces"]) == 1 for line in lines_of(tmp_path / "out"))
    topic = "/fer/image_annotated/compressed"
    pictures = list(BagReader(tmp_path / "out" / "bag").messages([topic]))
    assert len(pictures) == 4
    image = messages.read_image(pictures[0].data, messages.COMPRESSED_IMAGE).pixels(
        10**6, lambda _: None
    )
    assert image.shape == (240, 320, 3)


def test_topics_are_chosen_by_type_or_by_name(command, tmp_path):
    with recording(tmp_path / "bag") as bag:
        for topic in ("/a", "/a/compressed", "/depth/image", "/b"):
            bag.image(blank(), START, topic)
    command("replay", tmp_path / "bag", "--out", tmp_path / "all")
    assert {line["topic"] for line in lines_of(tmp_path / "all")} == {"/a", "/b"}
    arguments = ("--topic", "/a/compressed", "--topic", "/depth/image")
    command("replay", tmp_path / "bag", "--out", tmp_path / "some", *arguments)
    expected = {"/a/compressed", "/depth/image"}
    assert {line["topic"] for line in lines_of(tmp_path / "some")} == expected


def test_latest_mode_skips_what_the_robot_would(command, happy_bag, tmp_path):
    for name in ("one", "two"):
        arguments = ("--mode", "latest", "--worker-ms", 100)
        assert command("replay", happy_bag, "--out", tmp_path / name, *arguments) == 0
    for name in SAME:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    lines, metrics = lines_of(tmp_path / "one"), metrics_of(tmp_path / "one")
    count = Counter(line["status"] for line in lines)
    # At 15 Hz and 100 ms a frame: two of three frames are answered.
    assert count["answered"] == metrics["recording"]["answered"] == pytest.approx(30, abs=1)
    assert count["superseded"] == metrics["recording"]["superseded"] == 45 - count["answered"]
    ages = [line["age_ms"] for line in lines if line["status"] == "answered"]
    assert min(ages) == pytest.approx(100.0)
    assert metrics["age_ms"]["max"] == pytest.approx(max(ages), abs=1e-3)
    array = next(iter(BagReader(tmp_path / "one" / "bag").messages(["/fer/emotions"])))
    assert codec.decode(array.data, messages.EMOTION_ARRAY).age_ms == pytest.approx(100.0)


def test_the_worker_time_can_be_an_earlier_measurement(command, happy_bag, happy_result, tmp_path):
    source = happy_result / "latency.json"
    arguments = ("--mode", "latest", "--worker-from", source)
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 0
    measured = json.loads(source.read_text())["latency_ms"]["total"]["p50"]
    assert metrics_of(tmp_path / "out")["run"]["worker_ms"] == measured


def test_strange_frames_are_counted_and_the_rest_gets_a_result(command, tmp_path):
    with recording(tmp_path / "bag") as bag:
        bag.image(blank(0), START)
        bag.raw(CAMERA, messages.IMAGE, b"\0\1\0\0 no image", START + PERIOD)
        bag.image(blank(1, 80, 60), START + 2 * PERIOD)
        bag.image(blank(2), START + 2 * PERIOD, time_ns=START + 3 * PERIOD)  # stamp twice
        bag.image(blank(3), START + PERIOD // 2, time_ns=START + 4 * PERIOD)  # out of order
        bag.image(blank(4), 0, time_ns=START + 5 * PERIOD)  # no stamp
        strange = messages.image(blank(5), START + 6 * PERIOD, "camera")
        strange.encoding = "octarine8"
        bag.raw(CAMERA, messages.IMAGE, codec.encode(strange), START + 6 * PERIOD)
        bag.image(blank(6), START + 60 * PERIOD)
        bag.image(blank(7), START - 10**12, time_ns=START + 61 * PERIOD)  # clock jumps back
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    lines = lines_of(tmp_path / "out")
    assert [line["status"] for line in lines] == [
        "answered", "undecodable", "answered", "answered", "answered", "answered",
        "undecodable", "answered", "answered",
    ]  # fmt: skip
    assert "octarine8" in lines[6]["reason"]
    camera = metrics_of(tmp_path / "out")["recording"]["cameras"][CAMERA]
    assert camera["stamps"] == {"zero": 1, "duplicate": 1, "out_of_order": 1, "jumped_back": 1}
    assert camera["sizes"] == {"64x48": 6, "80x60": 1}
    assert camera["undecodable"] == 2
    written = list(BagReader(tmp_path / "out" / "bag").messages(["/fer/emotions"]))
    assert len(written) == 7
    assert START + 5 * PERIOD in [message.time_ns for message in written]


def test_missing_frames_and_jitter_are_seen_by_the_stamps(command, tmp_path):
    gone = {5, 6, 7, 20}
    with recording(tmp_path / "bag") as bag:
        for index in range(30):
            if index not in gone:
                late = 2_000_000 if index == 12 else 0
                bag.image(blank(index), START + index * PERIOD + late)
    command("replay", tmp_path / "bag", "--out", tmp_path / "out")
    camera = metrics_of(tmp_path / "out")["recording"]["cameras"][CAMERA]
    assert camera["missing_frames"] == 4
    assert camera["rate_hz"] == pytest.approx(30.0, rel=1e-3)
    assert camera["gaps"][0]["after_ns"] == START + 4 * PERIOD
    assert camera["gaps"][0]["ms"] == pytest.approx(4 * PERIOD / 1e6)
    assert camera["jitter_ms"]["max"] == pytest.approx(2.0, abs=1e-3)


def test_interval_labels_are_matched_and_the_rest_is_counted(command, happy_bag, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "start,end,topic,x,y,w,h,label,track\n"
        "+0.0,+1.0,,60,20,200,200,happy,\n"
        "+1.5,+2.0,,60,20,200,200,surprise,\n"
        "+2.5,+2.9,,0,0,20,20,sad,\n"  # where nobody is
        "+100,+200,,,,,,happy,\n"  # after the end
        "+0.0,+1.0,/other,,,,,happy,\n"  # no such camera
        "+0.0,+3.0,,60,20,200,200,contempt,\n"  # not a class of this network
        "+0.0,+1.0,,,,,,,\n"  # not filled in
    )
    # Without the recording's own labels: another topic is named for them.
    with recording(tmp_path / "bag") as bag:
        for message in BagReader(happy_bag).messages([CAMERA]):
            bag.raw(message.topic, message.type_name, message.data, message.time_ns)
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out", "--labels", path) == 0
    evaluation = metrics_of(tmp_path / "out")["evaluation"]
    counts = evaluation["labels"]
    assert counts["spans"] == 6
    assert counts["rows_blank"] == 1
    assert counts["spans_without_frame"] == 2
    assert counts["spans_never_detected"] == 1
    assert counts["spans_not_a_class"] == 1
    assert counts["frames_undetected"] >= 6
    assert [span["label"] for span in evaluation["spans"]] == ["happy", "surprise", "sad"]
    assert evaluation["interval_majority"]["count"] == 2


def test_label_messages_that_cannot_be_used_are_counted_or_refused(command, tmp_path, capsys):
    with recording(tmp_path / "bag") as bag:
        bag.image(blank(), START)
        bag.raw(LABELS, "fer_ros/msg/EmotionLabel", b"\0\1\0\0", START)
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    assert metrics_of(tmp_path / "out")["evaluation"]["label_messages_damaged"] == 1
    with recording(tmp_path / "jolly") as bag:
        bag.image(blank(), START)
        bag.label("jolly", START)
    assert command("replay", tmp_path / "jolly", "--out", tmp_path / "no") == 2
    assert "unknown expression 'jolly'" in capsys.readouterr().err


def test_a_recording_that_loops_resets_the_tracks(command, tmp_path):
    with recording(tmp_path / "bag") as bag:
        for loop in range(2):
            for index in range(15):
                picture, truth = one_actor().render(index / 15)
                stamp = START + index * 66_666_667
                bag.image(picture, stamp, time_ns=stamp + loop * 2_000_000_000)
                if loop == 0:
                    bag.label("happy", stamp, truth[0].box)
    command("replay", tmp_path / "bag", "--out", tmp_path / "out")
    lines, metrics = lines_of(tmp_path / "out"), metrics_of(tmp_path / "out")
    tracks = [
        {f["track_id"] for line in part for f in line["faces"]} for part in (lines[:15], lines[15:])
    ]
    assert tracks[0].isdisjoint(tracks[1])
    assert metrics["track_switches_per_min"] == 0  # the loop is no mistake of the tracker
    assert metrics["recording"]["cameras"][CAMERA]["stamps"]["jumped_back"] == 1
