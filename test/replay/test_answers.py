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

"""Answers of a live node, recorded, are scored like the replay's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bags import CAMERA, START, blank, recording

from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader


def lines_of(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_a_replays_own_results_give_the_same_scores(command, happy_bag, happy_result, tmp_path):
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--answers", happy_result / "bag", "--out", out) == 0
    metrics, before = (
        json.loads((folder / "metrics.json").read_text()) for folder in (out, happy_result)
    )
    assert metrics["run"]["answers"] == {
        "used": 45, "unmatched": 0, "repeated": 0, "damaged": 0,
    }  # fmt: skip
    for name in ("accuracy", "balanced_accuracy", "ece", "track_switches_per_min"):
        assert metrics[name] == before[name]
    assert metrics["evaluation"]["frame"] == before["evaluation"]["frame"]
    for one, other in zip(lines_of(out), lines_of(happy_result)):
        for face, same in zip(one["faces"], other["faces"], strict=True):
            assert face["track_id"] == same["track_id"]
            assert face["probabilities"] == same["probabilities"]
            assert np.allclose(face["box"], same["box"], atol=1.01)


@pytest.fixture
def partial(happy_result, tmp_path):
    """Answers to every other image, one of them twice, one to an image that was never recorded."""
    with recording(tmp_path / "answers") as bag:
        answers = list(BagReader(happy_result / "bag").messages(["/fer/emotions"]))[::2]
        for message in [*answers, answers[-1]]:
            array = codec.decode(message.data, messages.EMOTION_ARRAY)
            array.source_topic = "/remapped"
            array.age_ms, array.detect_ms = 12.5, 2.0
            for stage in ("decode", "align", "classify", "track", "publish"):
                setattr(array, f"{stage}_ms", 1.0)
            bag.raw("/fer/emotions", message.type_name, codec.encode(array), message.time_ns)
        array.header = messages.header(START - 5, "")
        bag.raw("/fer/emotions", message.type_name, codec.encode(array), message.time_ns)
        bag.raw("/fer/emotions", message.type_name, b"\0\1\0\0", message.time_ns)
    return tmp_path / "answers"


def test_missing_and_surplus_results_are_counted(command, happy_bag, partial, tmp_path):
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--answers", partial, "--out", out) == 0
    lines, metrics = lines_of(out), json.loads((out / "metrics.json").read_text())
    assert [line["status"] for line in lines] == ["answered", "unanswered"] * 22 + ["answered"]
    assert metrics["recording"]["unanswered"] == 22
    assert metrics["run"]["answers"] == {
        "used": 23, "unmatched": 1, "repeated": 1, "damaged": 1,
    }  # fmt: skip
    assert metrics["age_ms"]["p50"] == 12.5
    latency = json.loads((out / "latency.json").read_text())["latency_ms"]
    assert latency["detect"]["p99"] == 2.0
    assert latency["total"]["p50"] == pytest.approx(7.0)


def test_results_about_other_cameras_are_refused(command, happy_bag, partial, tmp_path, capsys):
    with recording(tmp_path / "two") as bag:
        bag.image(blank(), START)
        bag.image(blank(), START, "/other")
    arguments = ("--answers", partial, "--out", tmp_path / "out")
    assert command("replay", tmp_path / "two", *arguments) == 2
    assert f"is about /remapped, not about {CAMERA}, /other" in capsys.readouterr().err
    assert command("replay", happy_bag, "--answers", happy_bag, "--out", tmp_path / "out") == 2
    assert "holds no fer_ros/msg/EmotionArray" in capsys.readouterr().err


def test_results_that_are_cut_short_are_a_shortfall(command, happy_bag, partial, tmp_path, capsys):
    (file,) = (path for path in partial.iterdir() if path.suffix == ".mcap")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    (partial / "metadata.yaml").unlink()
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--answers", partial, "--out", out) == 3
    assert f"the recorded results: {file.name} is cut short" in capsys.readouterr().err
    metrics = json.loads((out / "metrics.json").read_text())
    assert [cut["file"] for cut in metrics["recording"]["cuts"]] == [file.name]
    assert 0 < metrics["run"]["answers"]["used"] < 23
    strict = ("--answers", partial, "--strict", "--out", tmp_path / "strict")
    assert command("replay", happy_bag, *strict) == 2
    assert f"{file.name} is cut short" in capsys.readouterr().err
