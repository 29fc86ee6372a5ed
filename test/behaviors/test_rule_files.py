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

"""Rule files: what is read, and every fault in a line that says where it is and what to do."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fer_ros.behaviors.conditions import ConditionError, parse
from fer_ros.behaviors.rule_files import RuleError, parse_rules, read_rules, schema
from fer_ros.behaviors.rules import Action, Call, Run, Say
from fer_ros.perception.emotions import KNOWN

FULL = """
silence: 2
max_age: 0.5
rules:
  - name: greet
    faces: nearest
    cameras: [/left/*, /right/image_raw]
    expression: [happy, surprise]
    confidence: 0.4
    when: age > 2
    hysteresis: 0.1
    for: 1.5
    release: 0
    ongoing: 3
    cooldown: .inf
    cooldown_per: rule
    publish: false
    do:
      - say: {topic: /speech, text: "hello {track_id}"}
      - at: [start, end]
        call: {service: /lights, type: std_srvs/srv/SetBool, value: false}
      - at: ongoing
        run: {plugin: "a.b:C", options: {deep: {er: [1, 2]}}}
"""


def test_everything_is_read(tmp_path):
    (tmp_path / "rules.yaml").write_text(FULL)
    rules = read_rules(tmp_path / "rules.yaml")
    assert (rules.silence_ns, rules.max_age_ns) == (2_000_000_000, 500_000_000)
    (rule,) = rules.rules
    assert (rule.faces, rule.expressions) == ("nearest", ("happy", "surprise"))
    assert (rule.hold_ns, rule.release_ns, rule.ongoing_ns) == (1_500_000_000, 0, 3_000_000_000)
    assert (rule.cooldown_ns, rule.cooldown_per, rule.publish) == (None, "rule", False)
    assert rule.when is not None
    assert rule.is_about("/left/camera")
    assert not rule.is_about("/right/other")
    assert rule.actions == (
        Action(("start",), Say("/speech", "hello {track_id}")),
        Action(("start", "end"), Call("/lights", "std_srvs/srv/SetBool", False)),
        Action(("ongoing",), Run("a.b:C", {"deep": {"er": [1, 2]}}, tmp_path)),
    )


def test_what_is_left_out_takes_the_default_of_the_schema():
    (rule,) = parse_rules("rules: [{name: there}]").rules
    said = schema()["definitions"]["rule"]["properties"]
    assert rule.hold_ns == said["for"]["default"] * 1e9
    assert (rule.faces, rule.cameras, rule.actions) == ("each", ("*",), ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rules:1: the file is empty"),
        ("rules: []", "rules:1: "),
        ("[]", "rules:1: this must be a mapping"),
        ("rulez: [{name: a}]", "unknown key 'rulez'; did you mean 'rules'?"),
        ("rules:\n  - name: a\n    expresion: sad", "rules:3: unknown key 'expresion'; did you"),
        ("rules:\n  - name: a\n    expression: hapy", "rules:3: 'hapy' is no expression; did"),
        ("rules:\n  - name: a\n    expression: uncertain", "nothing happens on 'uncertain'"),
        ("rules: [{name: a, expression: [any, sad]}]", "'any' must be the only expression"),
        ("rules: [{expression: sad}]", "'name' is missing"),
        ("rules: [{name: no}]", "'name' must be a string, not false; put it in quotes"),
        ("rules: [{name: a b}]", "'a b' cannot be 'name'"),
        ("rules:\n- name: a\n- name: b\n- name: a", "rules:4: there are two rules 'a'"),
        ("rules: [{name: a, faces: nearst}]", "'nearst' cannot be; did you mean 'nearest'?"),
        ("rules: [{name: a, for: -1}]", "'for' must be at least 0, not -1"),
        ("rules: [{name: a, for: .nan}]", ".nan is no number"),
        ("rules: [{name: a, for: .inf}]", "'for' must be at most 3600, not inf"),
        ("rules: [{name: a, for: soon}]", "'for' must be a number, not 'soon'"),
        ("rules: [{name: a, confidence: 0.5}]", "'confidence' needs 'expression'"),
        ("rules: [{name: a, when: hapy > 1}]", "'hapy' is unknown; did you mean 'happy'?"),
        ("rules: [{name: a, do: [{at: start}]}]", "an action is one of 'say', 'call' and 'run'"),
        ("rules: [{name: a, do: [{say: {topic: /a, text: '{trackid}'}}]}]", "mean 'track_id'"),
        ("rules: [{name: a, do: [{call: {service: /a, type: Trigger}}]}]", "known: std_srvs"),
        ("rules: [{name: a, name: b}]", "the key 'name' is given twice"),
        ("rules: [{name: a, on: start}]", "'on' is no key; keys are plain words"),
        ("a: &x [1]\nrules: *x", "rules:2: aliases (*x) are not allowed"),
        ("rules: !!python/object/apply:os.system [ls]", "no valid YAML: could not determine"),
        ("rules: [", "no valid YAML"),
        ("rules: \x00", "no valid YAML"),
        ("---\nrules: [{name: a}]\n---\nb: 1", "a second document"),
        ("rules: " + "[" * 1000 + "]" * 1000, "nested more than 20 deep"),
        ("rules: " + "{a: " * 100 + "1" + "}" * 100, "nested more than 20 deep"),
        ("rules: [{name: a, for: %s}]" % ("9" * 5000), "no valid YAML: Exceeds the limit"),
        ("rules: [{name: a, when: '%shappy > 0'}]" % ("not " * 200), "longer than 500"),
        ("rules: [{name: a, when: '%shappy > 0'}]" % ("not " * 100), "nested too deeply"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_that_says_where_and_what(text, said):
    with pytest.raises(RuleError) as raised:
        parse_rules(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_several_faults_are_lines_in_the_order_of_the_file():
    text = "rules:\n" + "".join(f"  - {{name: r{i}, fro: 1}}\n" for i in range(15))
    with pytest.raises(RuleError) as raised:
        parse_rules(text)
    lines = str(raised.value).splitlines()
    assert [line.split(":")[1] for line in lines[:10]] == [str(i) for i in range(2, 12)]
    assert lines[10] == "rules: and 5 more faults"


def test_laughs_are_refused_before_they_are_laughed():
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
    )
    with pytest.raises(RuleError, match=r"rules:2: aliases"):
        parse_rules(bomb)


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(RuleError, match="No such file"):
        read_rules(tmp_path / "none.yaml")
    with pytest.raises(RuleError, match="directory"):
        read_rules(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"rules: \xe9")
    with pytest.raises(RuleError, match="not UTF-8"):
        read_rules(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b" " * 5_000_000)
    with pytest.raises(RuleError, match="larger than"):
        read_rules(tmp_path / "large.yaml")


@given(
    st.text(max_size=60)
    | st.text(st.sampled_from("rules:[]{}- \n&*!|>'\",name1.e?%@`"), max_size=40)
)
@example("? [a]\n: 1")
@example("rules: {[a]: b}")
@example("rules: 2020-01-01")
@example("rules: [{name: a, when: 1.0}]")
@example("rules: [{name: a, do: {x: 1}}]")
@example("rules: [null]")
@example("<<: {rules: [{name: a}]}")
def test_no_text_does_anything_but_read_or_say_why(text):
    with contextlib.suppress(RuleError):
        parse_rules(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("happy", "is a number; compare it"),
        ("happy >", "is no condition"),
        ("happy > 0.5 and sad", "is a number where a comparison must be"),
        ("happy + (sad > 0.1) > 1", "is a comparison where a number must be"),
        ("happy == 0.5", "compared by < <= > >= only"),
        ("happy > True", "is no part of a condition"),
        ("happy.real > 0", "is no part of a condition"),
        ("__import__('os').system('ls') > 0", "is no part of a condition"),
        ("max(happy) > 0", "is no part of a condition"),
        ("max(happy, key=sad) > 0", "is no part of a condition"),
        ("happy > 1e999", "too large"),
        ("happy > " + "-" * 400 + "1", "is no part of a condition"),
        ("happy > " + "1 + (" * 80 + "1" + ")" * 80, "nested too deeply"),
        ("happy ** 9 > 0", "is no part of a condition"),
        ("happy > 'x'", "is no part of a condition"),
        ("(lambda: 1)() > 0", "is no part of a condition"),
    ],
)
def test_conditions_say_what_is_wrong(text, said):
    with pytest.raises(ConditionError) as raised:
        parse(text, KNOWN)
    assert said in str(raised.value)


@given(st.text(st.sampled_from("happysd0123456789.()+-*/<>= andort,mix"), max_size=40))
def test_no_condition_raises_anything_else(text):
    with contextlib.suppress(ConditionError):
        condition = parse(text, KNOWN)
        values = {name: np.float32(0.5) for name in condition.names}
        with np.errstate(all="ignore"):
            assert condition.holds(values, np.float32(0)) in (True, False)
