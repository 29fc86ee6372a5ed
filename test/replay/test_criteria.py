"""Criteria, exit statuses, comparison with a baseline, and JUnit."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from fer_ros.replay.judge import baseline
from fer_ros.replay.judge.criteria import CriteriaError, check_names, load


def write(tmp_path, text):
    path = tmp_path / "criteria.yaml"
    path.write_text(text)
    return path


def checked(tmp_path, text, results):
    return {c.metric: c.check(results)["passed"] for c in load(write(tmp_path, text))}


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


@pytest.mark.parametrize(
    "text",
    ["", "- a", "a: 5", "a: '5'", "a: '>= five'", "a: '>= nan'", "a: '~ 5'", "a: >= 5", "a: [["],
)
def test_malformed_criteria_are_refused(tmp_path, text):
    with pytest.raises(CriteriaError):
        load(write(tmp_path, text))


def test_an_unknown_name_is_refused_with_names_like_it(tmp_path):
    criteria = load(write(tmp_path, "balanced_acuracy: '>= 0.5'"))
    with pytest.raises(CriteriaError, match="did you mean balanced_accuracy"):
        check_names(criteria, {"balanced_accuracy": None, "accuracy": 0.5})


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("accuracy: '>= 0.3'\nlatency_ms.total.p99: '<= 60000'\nrecording.frames: '== 45'", 0),
        ("accuracy: '> 1'\nrecording.frames: '== 45'", 1),
        ("acuracy: '> 0'", 2),
        ("accuracy: high", 2),
    ],
)
def test_exit_status_and_junit(command, happy_bag, tmp_path, text, status):
    out = tmp_path / "out"
    path = write(tmp_path, text)
    assert command("replay", happy_bag, "--out", out, "--criteria", path) == status
    assert out.exists() == (status < 2)
    if status == 2:
        return
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["passed"] is (status == 0)
    suite = ElementTree.parse(out / "junit.xml").getroot().find("testsuite")
    assert suite.get("tests") == str(len(verdict["criteria"]))
    assert suite.get("failures") == str(status)
    failures = suite.findall("testcase/failure")
    assert [f.get("message").split()[0] for f in failures] == ["accuracy"] * status


def result(rights, per_span=10, seed=0, scale=1.0):
    """Metrics of a replay with one span per entry, of which a share was right."""
    rng = np.random.default_rng(seed)
    spans = []
    for index, share in enumerate(rights):
        right = rng.binomial(per_span, share)
        answers = [0] * 3
        answers[index % 2], answers[1 - index % 2] = int(right), int(per_span - right)
        spans.append(
            {
                "label": "ab"[index % 2], "topic": "/c", "track_id": "", "start_ns": index,
                "end_ns": index + 1, "box": None, "answers": answers, "frames": per_span,
                "detected": per_span, "track_switches": 0, "label_changes": 1, "seconds": 1.0,
            }
        )  # fmt: skip
    metrics = {"run": {"classes": ["a", "b"], "bag": "x", "model_id": "m"}}
    metrics["evaluation"] = {"spans": spans}
    return {"metrics": metrics, "latency": {"block_means_ms": list(scale * rng.gamma(9, 0.3, 40))}}


def compared(old, new):
    return baseline.compare(old, new["metrics"], new["latency"])


def test_a_real_difference_is_called_one_and_noise_is_not():
    old = result([0.6] * 60, seed=1)
    rows = compared(old, result([0.9] * 60, seed=2, scale=2.0))["metrics"]
    assert rows["accuracy"]["meaning"] == "really better"
    assert rows["accuracy"]["low"] < rows["accuracy"]["difference"] < rows["accuracy"]["high"]
    assert rows["latency_ms_total_mean"]["meaning"] == "really worse"
    assert rows["label_flicker_per_min"]["meaning"] == "no difference shown"
    rows = compared(old, result([0.6] * 60, seed=3))["metrics"]
    assert rows["accuracy"]["meaning"] == "no difference shown"
    assert rows["latency_ms_total_mean"]["meaning"] == "no difference shown"


def test_intervals_cover_the_truth_about_as_often_as_they_say(monkeypatch):
    monkeypatch.setattr(baseline, "DRAWS", 200)
    inside = 0
    for seed in range(40):
        rows = compared(result([0.7] * 40, seed=seed), result([0.8] * 40, seed=seed + 1000))
        row = rows["metrics"]["accuracy"]
        inside += row["low"] <= 0.1 <= row["high"]
    assert 34 <= inside <= 40  # 38 of 40 expected


def test_the_same_spans_are_drawn_for_both():
    rights = list(np.linspace(0.1, 1.0, 40))
    old, new = result(rights, seed=5), result(rights, seed=5)
    row = compared(old, new)["metrics"]["accuracy"]
    assert (row["low"], row["high"]) == (0.0, 0.0)
    for span in new["metrics"]["evaluation"]["spans"]:
        span["start_ns"] += 1
    other = compared(old, new)
    assert not other["paired"]
    assert other["metrics"]["accuracy"]["high"] > 0.05


def test_a_comparison_can_be_repeated_and_few_spans_say_nothing():
    old, new = result([0.6] * 30, seed=1), result([0.7] * 30, seed=2)
    assert compared(old, new) == compared(old, new)
    few = compared(result([0.1] * 3), result([0.9] * 3))["metrics"]["accuracy"]
    assert few["low"] is None
    assert few["meaning"] == "too few labelled spans to tell"


def test_a_baseline_on_the_command_line(command, happy_bag, happy_result, tmp_path):
    criteria = write(tmp_path, "baseline.accuracy.difference: '>= 0'")
    arguments = ("--baseline", happy_result / "metrics.json", "--criteria", criteria)
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 0
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert verdict["baseline"]["metrics"]["accuracy"]["difference"] == 0
    wrong = happy_result / "verdict.json"
    assert command("replay", happy_bag, "--out", tmp_path / "no", "--baseline", wrong) == 2
