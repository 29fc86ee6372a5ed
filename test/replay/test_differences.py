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


"""Two replays of one recording: where they differ, with and without labels."""

from __future__ import annotations

import json
import shutil

import pytest
from bags import START, blank, recording

LITE = ["-p", "detector:=fer-face", "-p", "models:=[fer-lite]"]


@pytest.fixture(scope="module")
def compared(command, happy_bag, happy_result, tmp_path_factory):
    """The replay of a smaller network, compared with the default's."""
    out = tmp_path_factory.mktemp("results") / "lite"
    baseline = happy_result / "metrics.json"
    assert command("replay", happy_bag, "--out", out, "--baseline", baseline, ros_args=LITE) == 0
    return out


def lines_of(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def found(out):
    return json.loads((out / "verdict.json").read_text())["baseline"]


def test_what_differs_is_what_the_lines_say(happy_result, compared):
    differences = found(compared)["differences"]
    pairs = [
        (one["faces"][0], other["faces"][0])
        for one, other in zip(lines_of(happy_result), lines_of(compared), strict=True)
    ]
    same = sum(one["label"] == other["label"] for one, other in pairs)
    assert 0 < same < len(pairs)  # or else this test says nothing
    assert (differences["images"], differences["faces"]) == (45, 45)
    assert differences["same_label"] == pytest.approx(same / 45)
    assert sum(change["faces"] for change in differences["changes"]) == 45 - same
    gaps = [
        sum(abs(one["smoothed"][name] - value) for name, value in other["smoothed"].items()) / 2
        for one, other in pairs
    ]
    assert differences["distance"] == pytest.approx(sum(gaps) / 45)
    truths = [other["truth"] for _, other in pairs]
    for side, key in enumerate(("right_before", "right_now")):
        named = [pair[side]["label"] for pair in pairs]
        right = sum(one == truth for one, truth in zip(named, truths))
        assert differences[key] == right
        changed = sum(
            own[side]["label"] == truth
            for own, truth in zip(pairs, truths)
            if own[0]["label"] != own[1]["label"]
        )
        assert sum(change[key] for change in differences["changes"]) == changed
    assert sum(s["frames"] for s in differences["longest"]) == 45 - same


def test_terminal_and_report_say_it(command, happy_bag, compared, happy_result, tmp_path, capsys):
    baseline = happy_result / "metrics.json"
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--out", out, "--baseline", baseline, ros_args=LITE) == 0
    said = capsys.readouterr().out
    differences = found(compared)["differences"]
    share = f"{100 * differences['same_label']:.1f} %"
    page = (compared / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    for text in (said, page):
        assert f"{share} with the same label" in text
        assert "balanced_accuracy" in text
        assert "really" in text or "too few" in text or "no difference" in text
    change = differences["changes"][0]
    assert f'<td data-head="before">{change["before"]}</td>' in page


def test_the_same_network_twice_differs_nowhere(command, happy_bag, happy_result, tmp_path, capsys):
    baseline = happy_result / "metrics.json"
    assert command("replay", happy_bag, "--out", tmp_path / "o", "--baseline", baseline) == 0
    differences = found(tmp_path / "o")["differences"]
    assert differences["same_label"] == 1
    assert differences["distance"] == 0
    assert differences["changes"] == differences["longest"] == []
    assert "100.0 % with the same label" in capsys.readouterr().out


def test_what_cannot_be_compared_image_by_image_is_said(
    command, happy_bag, happy_result, tmp_path, capsys
):
    with recording(tmp_path / "other") as bag:
        for index in range(5):
            bag.image(blank(index), START + 7 + index * 50_000_000)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(happy_result / "metrics.json", alone)
    for number, (bag, baseline, remark) in enumerate((
        (tmp_path / "other", happy_result, "the baseline is of other images"),
        (happy_bag, alone, "there is no results.jsonl beside the baseline"),
    )):  # fmt: skip
        out = tmp_path / f"out{number}"
        words = ("replay", bag, "--out", out, "--baseline", baseline / "metrics.json")
        assert command(*words) == 0
        assert "differences" not in found(out)
        assert remark in capsys.readouterr().out
        assert remark in (out / "report.html").read_text()
