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

"""What holds for every input: no event without its hold time, one end for every start."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from faces import SECOND, table
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_ros.behaviors.engine import EventEngine
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.transport.event_messages import Event

LABELS = ("happy", "sad", "uncertain")
KINDS = ("each", "nearest", "largest", "any", "all")

steps = st.lists(
    st.tuples(
        st.sampled_from([0.03, 0.1, 0.1, 0.4, 0.9, 3.0, -0.1, -5.0]),
        st.dictionaries(
            st.sampled_from("abc"),
            st.tuples(st.sampled_from(LABELS), st.sampled_from([0.35, 0.5, 0.55, 0.7])),
        ),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from([50.0, 100.0, 150.0])),
    ),
    max_size=40,
)

rules = st.fixed_dictionaries(
    {
        "faces": st.sampled_from(KINDS),
        "for": st.sampled_from([0, 0.1, 0.3, 1.0]),
        "release": st.sampled_from([0, 0.1, 0.5]),
        "cooldown": st.sampled_from([0, 0.5, ".inf"]),
        "ongoing": st.sampled_from([0, 0.2]),
    },
    optional={
        "expression": st.sampled_from(["happy", "any"]),
        "when": st.sampled_from(["happy > 0.5", "not sad > 0.5 or size > 0.3", "age > 0.2"]),
        "hysteresis": st.sampled_from([0.0, 0.2]),
    },
)


def build(rule: dict[str, object]) -> EventEngine:
    inside = ", ".join(f"{key}: {value}" for key, value in {"name": "r", **rule}.items())
    return EventEngine(parse_rules(f"rules: [{{{inside}}}]"))


def run(judge: EventEngine, moves) -> tuple[list[Event], list]:
    events, answers, time = [], [], 100.0
    for pause, faces, sizes in moves:
        time = max(time + pause, 0.0)
        answers.append(table(time, faces, sizes=sizes))
        events += judge.update(answers[-1])
    return events + judge.close(), answers


@settings(max_examples=100, deadline=None)
@given(rules, steps)
def test_every_start_has_one_end_and_what_goes_on_lies_between(rule, moves):
    events, _ = run(build(rule), moves)
    open_events: dict[tuple[str, ...], Event] = {}
    for event in events:
        key = (event.rule, event.track_id, event.label if "expression" in rule else "")
        if event.phase == "start":
            assert key not in open_events
            open_events[key] = event
        else:
            assert open_events[key].onset_ns == event.onset_ns
            if event.phase == "end":
                assert event.cause
                del open_events[key]
    assert not open_events


@settings(max_examples=100, deadline=None)
@given(rules, steps)
def test_no_event_without_its_hold_time(rule, moves):
    events, _ = run(build(rule), moves)
    hold = round(rule["for"] * SECOND)
    for event in events:
        assert event.duration_ns >= hold
        assert event.stamp_ns >= event.onset_ns + event.duration_ns
        if event.phase == "start":
            assert event.stamp_ns == event.onset_ns + event.duration_ns


@settings(max_examples=100, deadline=None)
@given(steps, st.sampled_from([0.1, 0.3, 1.0]))
def test_the_condition_held_in_every_image_of_the_hold_time(moves, hold):
    """Checked against the answers themselves, for the plainest rule."""
    forwards = [move for move in moves if move[0] > 0]
    events, answers = run(build({"expression": "happy", "for": hold}), forwards)
    for event in events:
        if event.phase == "start":
            seen = [a for a in answers if event.onset_ns <= a.stamp_ns <= event.stamp_ns]
            assert seen[0].stamp_ns == event.onset_ns
            pauses = [b.stamp_ns - a.stamp_ns for a, b in pairwise(seen)]
            assert max(pauses, default=0) <= SECOND, "never through a silence"
            for answer in seen:
                place = answer.track_ids.index(event.track_id)
                assert answer.labels[answer.label_index[place]] == "happy"


@settings(max_examples=100, deadline=None)
@given(rules, steps)
def test_a_cooldown_keeps_starts_apart(rule, moves):
    events, _ = run(build(rule), [m for m in moves if m[0] > 0])
    if rule["cooldown"] == 0:
        return
    pause = float("inf") if rule["cooldown"] == ".inf" else rule["cooldown"] * SECOND
    ends: dict[tuple[str, ...], int] = defaultdict(lambda: -(10**18))
    for event in events:
        key = (event.track_id, event.label if "expression" in rule else "")
        if event.phase == "start":
            assert event.onset_ns - ends[key] >= pause or ends[key] < 0
        elif event.phase == "end":
            ends[key] = event.stamp_ns


@settings(max_examples=100, deadline=None)
@given(rules, steps)
def test_the_same_results_give_the_same_events(rule, moves):
    assert run(build(rule), moves)[0] == run(build(rule), moves)[0]
