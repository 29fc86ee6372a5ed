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

"""Criteria, exit statuses, comparison with a baseline, and JUnit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from bags import CAMERA, recording

from fer_ros.replay.judge import baseline
from fer_ros.replay.judge.baseline import Side
from fer_ros.replay.judge.criteria import CriteriaError, load
from fer_ros.replay.judge.intervals import intervals, wilson
from fer_ros.replay.judge.spans import Spans
from fer_ros.replay.judge.verdict import Judge
from fer_ros.replay.results import Interval, SpanRow
from fer_ros.transport.bag import BagReader


def write(tmp_path, text):
    path = tmp_path / "criteria.yaml"
    path.write_text(text)
    return path


def checked(tmp_path, text, results):
    read = load(write(tmp_path, text))
    return {c.metric: c.check(results, None, read.needed).passed for c in read.criteria}


def test_conditions(tmp_path):
    results = {"a": 0.65, "latency_ms": {"total": {"p99": 15.0}}, "none": None, "n": 3}
    text = """
        a: ">= 0.65"
        latency_ms.total.p99: "<= 15"
        n: ["> 2", "< 4"]
        none: ">= 0"
    """
    assert checked(tmp_path, text, results) == {
        "a": True, "latency_ms.total.p99": True, "n": True, "none": False,
    }  # fmt: skip
    assert not any(
        checked(tmp_path, "a: '> 0.65'\nlatency_ms.total.p99: '< 15'\nn: '== 4'", results).values()
    )


ANCHORS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    "text",
    [
        "", "- a", "a: 5", "a: '5'", "a: '>= five'", "a: '>= nan'", "a: '~ 5'", "a: >= 5", "a: [[",
        "a: '> 1'\na: '> 2'", 10_000 * "[", ANCHORS, "a: &a [*a]", "a: {b: '> 1'}", "\x00",
        "labels_needed: 5", "labels_needed: {spans: 0}", "labels_needed: {frames: 3}",
        "labels_needed: {spans: true}", "a: !!python/object/apply:os.getcwd []",
        "a: 99999-99-99", "a: '>= " + 10_000 * "x" + "'",
    ],
)  # fmt: skip
def test_malformed_criteria_are_refused(tmp_path, text):
    with pytest.raises(CriteriaError) as error:
        load(write(tmp_path, text))
    assert len(str(error.value)) < 2000


def test_an_unknown_name_is_refused_with_names_like_it(tmp_path):
    def check(name):
        judge = Judge(write(tmp_path, f"{name}: '>= 0.5'"), None)
        judge.check_names(["happy", "sad"], ["/camera"])

    with pytest.raises(CriteriaError, match="did you mean balanced_accuracy"):
        check("balanced_acuracy")
    with pytest.raises(CriteriaError, match=r"per_class\.happy\.recall"):
        check("evaluation.frame.per_class.hapy.recall")
    with pytest.raises(CriteriaError, match="without --baseline"):
        check("baseline.accuracy.low")
    with pytest.raises(CriteriaError, match="no measure"):
        check("baseline.accuracy.low")  # without a baseline
    for name in (
        "accuracy", "evaluation.frame.per_class.happy.recall", "recording.cameras./camera.rate_hz",
        "latency_ms.total.p99", "times_real_time", "evaluation.intervals.accuracy.low",
        "recording.cameras./camera.stamps.zero", "tracks.label_changes_per_min", "age_ms.p50",
    ):  # fmt: skip
        check(name)


ANY = "labels_needed: {spans: 1, classes: 1}\n"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (ANY + "accuracy: '>= 0.3'\nlatency_ms.total.p99: '<= 60000'", 0),
        ("recording.frames: '== 45'\nevaluation.labels.spans: '>= 3'", 0),
        (ANY + "accuracy: '> 1'\nrecording.frames: '== 45'", 1),
        ("accuracy: '>= 0.3'\nrecording.frames: '== 44'", 1),
        ("acuracy: '> 0'", 2),
        ("accuracy: high", 2),
        ("accuracy: '>= 0.3'\nrecording.frames: '== 45'", 3),
        ("detection_rate: '>= 0.3'", 3),
        ("evaluation.frame.per_class.happy.recall: '>= 0.3'", 3),
    ],
)
def test_exit_status_and_junit(command, happy_bag, tmp_path, capsys, text, status):
    out = tmp_path / "out"
    path = write(tmp_path, text)
    assert command("replay", happy_bag, "--out", out, "--criteria", path) == status
    assert out.exists() == (status != 2)
    if status == 2:
        return
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["passed"] is {0: True, 1: False, 3: None}[status]
    suite = ElementTree.parse(out / "junit.xml").getroot().find("testsuite")
    checks = verdict["criteria"]
    assert suite.get("tests") == str(len(checks))
    for kind, result in (("failures", "does not hold"), ("skipped", "not enough labels")):
        named = [c["metric"] for c in checks if c["result"] == result]
        assert suite.get(kind) == str(len(named))
        found = suite.findall(f"testcase/{kind.removesuffix('s')}")
        assert [any(name in f.get("message") for name in named) for f in found] == [True] * len(
            named
        )
    if status == 3:
        assert verdict["result"] == "not enough labels"
        assert re.search(r"rests on \d labelled span.*8 spans", checks[0]["reason"])
        assert checks[0]["spans"] < 8
        assert "not enough labels" in capsys.readouterr().out


def test_a_verdict_from_one_span_of_one_class_is_none(command, happy_bag, tmp_path):
    """All right, and still no "Passed": the report of it must not flatter."""
    with recording(tmp_path / "bag") as bag:
        for message in BagReader(happy_bag).messages([CAMERA]):
            bag.raw(message.topic, message.type_name, message.data, message.time_ns)
    labels, out = tmp_path / "labels.csv", tmp_path / "out"
    labels.write_text("start,end,label\n+0,+0.6,happy\n")
    path = write(tmp_path, "balanced_accuracy: '>= 0.5'\nmacro_f1: '>= 0.5'\n")
    arguments = ("--labels", labels, "--criteria", path)
    assert command("replay", tmp_path / "bag", "--out", out, *arguments) == 3
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["balanced_accuracy"] == 1.0
    assert metrics["evaluation"]["rests_on"] == {"spans": 1, "classes": 1, "frames": 9}
    low = metrics["evaluation"]["intervals"]["balanced_accuracy"]["low"]
    assert low == pytest.approx(0.2065, abs=1e-3)  # one of one, by Wilson
    text = (out / "report.html").read_text()
    assert "Passed" not in text
    assert "rests on 1 labelled span of 1 class; 8 spans and 2 classes are needed" in text


def test_intervals_are_no_narrower_than_the_number_of_spans_allows():
    classes = ["a", "b"]
    perfect = Spans.of(result([1.0] * 20).spans, classes, classes)
    low, high = wilson(1.0, 20)
    assert intervals(perfect).accuracy == Interval(low, high)
    assert low < 0.85
    assert intervals(Spans.of([], classes, classes)).accuracy == Interval(None, None)


def test_intervals_cover_the_true_accuracy_about_as_often_as_they_say():
    classes, inside = ["a", "b"], 0
    for seed in range(30):
        rates = np.random.default_rng(seed + 99).beta(2, 1, size=24)
        found = intervals(Spans.of(result(rates, seed=seed).spans, classes, classes)).accuracy
        inside += found.low <= 2 / 3 <= found.high
    assert inside >= 26  # 28.5 of 30 expected


def result(rights, per_span=10, seed=0, scale=1.0):
    """A replay with one span per entry, of which a share was right."""
    rng = np.random.default_rng(seed)
    spans = []
    for index, share in enumerate(rights):
        right = int(rng.binomial(per_span, share))
        answers = [0] * 3
        answers[index % 2], answers[1 - index % 2] = right, per_span - right
        spans.append(
            SpanRow(
                "ab"[index % 2], "/c", "", index, index + 1, None, "", per_span, per_span,
                answers, answers[:2], None, None, None, 0, 1, 1.0,
            )
        )  # fmt: skip
    return Side("x", "m", ["a", "b"], spans, list(scale * rng.gamma(9, 0.3, 40)))


def test_a_real_difference_is_called_one_and_noise_is_not():
    old = result([0.6] * 60, seed=1)
    rows = baseline.compare(old, result([0.9] * 60, seed=2, scale=2.0)).metrics
    assert rows["accuracy"].meaning == "really better"
    assert rows["accuracy"].low < rows["accuracy"].difference < rows["accuracy"].high
    assert rows["latency_ms_total_mean"].meaning == "really worse"
    assert rows["label_flicker_per_min"].meaning == "no difference shown"
    rows = baseline.compare(old, result([0.6] * 60, seed=3)).metrics
    assert rows["accuracy"].meaning == "no difference shown"
    assert rows["latency_ms_total_mean"].meaning == "no difference shown"


def test_intervals_cover_the_truth_about_as_often_as_they_say(monkeypatch):
    monkeypatch.setattr(baseline, "DRAWS", 200)
    inside = 0
    for seed in range(40):
        rows = baseline.compare(result([0.7] * 40, seed=seed), result([0.8] * 40, seed=seed + 1000))
        row = rows.metrics["accuracy"]
        inside += row.low <= 0.1 <= row.high
    assert 34 <= inside <= 40  # 38 of 40 expected


def test_the_same_spans_are_drawn_for_both():
    rights = list(np.linspace(0.1, 1.0, 40))
    old, new = result(rights, seed=5), result(rights, seed=5)
    row = baseline.compare(old, new).metrics["accuracy"]
    assert (row.low, row.high) == (0.0, 0.0)
    moved = [replace(span, start_ns=span.start_ns + 1) for span in new.spans]
    other = baseline.compare(old, replace(new, spans=moved))
    assert not other.paired
    assert other.metrics["accuracy"].high > 0.05


def test_a_comparison_can_be_repeated_and_few_spans_say_nothing():
    old, new = result([0.6] * 30, seed=1), result([0.7] * 30, seed=2)
    assert baseline.compare(old, new) == baseline.compare(old, new)
    few = baseline.compare(result([0.1] * 3), result([0.9] * 3)).metrics["accuracy"]
    assert few.low is None
    assert few.meaning == "too few labelled spans to tell"


def test_a_baseline_on_the_command_line(command, happy_bag, happy_result, tmp_path, capsys):
    criteria = write(tmp_path, ANY + "baseline.accuracy.difference: '>= 0'")
    arguments = ("--baseline", happy_result / "metrics.json", "--criteria", criteria)
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 0
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert verdict["baseline"]["metrics"]["accuracy"]["difference"] == 0
    assert verdict["baseline"]["paired"]
    wrong = happy_result / "verdict.json"
    assert command("replay", happy_bag, "--out", tmp_path / "no", "--baseline", wrong) == 2
    assert "schema none" in capsys.readouterr().err
    content = json.loads((happy_result / "metrics.json").read_text())
    lacking = {**content, "run": {**content["run"], "mood": 1}}
    del content["recording"]["seconds"]
    for broken, said in (
        (json.dumps(content), "broken.json: missing key recording.seconds"),
        (json.dumps(lacking), "broken.json: unknown key run.mood"),
        ('{"schema": 1}', "has schema 1, this version reads 3"),
        ("[" * 100_000, "nested too deeply"),
    ):
        (tmp_path / "broken.json").write_text(broken)
        arguments = ("--baseline", tmp_path / "broken.json")
        assert command("replay", happy_bag, "--out", tmp_path / "no", *arguments) == 2
        assert said in capsys.readouterr().err
