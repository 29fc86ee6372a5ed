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

"""From answers to events: when they begin, whom they are about, and that each one ends."""

from __future__ import annotations

import pytest
from faces import SECOND, START, engine, play, span, table, told

TWICE = ["start smile a happy", "end silent smile a happy", "start smile a happy"]
SMILE = "rules: [{name: smile, expression: happy, for: 1.0, release: 0.3}]"


def test_an_expression_begins_after_its_hold_time_and_ends_after_its_release():
    judge = engine(SMILE)
    events = [
        event
        for answer in span(2, {"a": "happy"}) + span(1, {"a": "sad"}, start=2.1)
        for event in judge.update(answer)
    ]
    start, end = events
    assert (start.phase, start.rule, start.track_id, start.label) == (
        "start",
        "smile",
        "a",
        "happy",
    )
    assert (start.onset_ns, start.stamp_ns) == (START, START + SECOND)
    assert start.duration_ns == SECOND
    assert start.confidence == pytest.approx(0.8)
    assert (end.phase, end.cause) == ("end", "changed")
    assert end.stamp_ns == START + round(2.3 * SECOND)
    assert (end.onset_ns, end.duration_ns) == (START, 2 * SECOND), "until it held last"


def test_a_flicker_starts_nothing_and_ends_nothing():
    answers = span(0.9, {"a": "happy"}) + span(0.1, {"a": "sad"}, start=1.0)
    answers += span(1.0, {"a": "happy"}, start=1.2) + span(0.1, {"a": "sad"}, start=2.3)
    answers += span(1.0, {"a": "happy"}, start=2.5)
    assert told(play(SMILE, *answers)) == ["start smile a happy"]


def test_nothing_begins_on_uncertain_and_what_runs_ends():
    text = "rules: [{name: any, expression: any, for: 0.2, release: 0.2}, " \
        "{name: low, when: happy < 0.9, for: 0.2, release: 0.2}]"  # fmt: skip
    assert not play(text, *span(2, {"a": "uncertain"}))
    events = play(text, *span(1, {"a": "happy"}), *span(1, {"a": "uncertain"}, start=1.1))
    assert told(events) == [
        "start any a happy", "start low a happy", "end ended any a happy",
        "end ended low a uncertain",
    ]  # fmt: skip


def test_a_face_appears_and_leaves():
    text = "rules: [{name: there, for: 0.5, release: 0.5}]"
    events = play(text, *span(1, {"a": "uncertain"}), *span(1, {}, start=1.1))
    assert told(events) == ["start there a uncertain", "end left there a uncertain"]
    assert events[1].duration_ns == SECOND


def test_a_change_says_what_was_before():
    text = "rules: [{name: mood, expression: any, for: 0.3, release: 0.1}]"
    events = play(text, *span(1, {"a": "happy"}), *span(1, {"a": "sad"}, start=1.1))
    assert told(events) == ["start mood a happy", "end changed mood a happy", "start mood a sad"]
    assert [event.previous_label for event in events] == ["", "", "happy"]


def test_ongoing_comes_with_its_period():
    text = "rules: [{name: smile, expression: happy, for: 0, ongoing: 0.5}]"
    events = play(text, *span(2, {"a": "happy"}))
    assert [event.phase for event in events] == ["start"] + ["ongoing"] * 4
    assert [e.duration_ns for e in events] == [i * SECOND // 2 for i in range(5)]


def test_a_cooldown_is_each_faces_own_or_the_rules():
    faces, then = {"a": "happy", "b": "happy"}, {"a": "sad", "b": "sad"}
    answers = span(1, faces) + span(1, then, start=1.1) + span(1, faces, start=2.2)
    answers += span(1, then, start=3.3) + span(1, faces, start=6.4)
    text = "rules: [{name: hi, expression: happy, for: 0, release: 0, cooldown: %s}]"
    starts = [w for w in told(play(text % 3, *answers)) if w.startswith("start")]
    assert starts == ["start hi a happy", "start hi b happy"] * 2
    starts = [w for w in told(play(text % ".inf", *answers)) if w.startswith("start")]
    assert starts == ["start hi a happy", "start hi b happy"]
    text = text.replace("cooldown:", "cooldown_per: rule, cooldown:")
    starts = [w for w in told(play(text % 3, *answers)) if w.startswith("start")]
    assert starts == ["start hi a happy"] * 2, "one at once"


def test_the_nearest_face_is_one_and_changes_only_for_a_clearly_nearer_one():
    text = "rules: [{name: near, faces: nearest, for: 0, release: 0}]"
    faces = {"a": "happy", "b": "sad"}
    events = play(
        text,
        table(0, faces, sizes={"a": 100, "b": 90}),
        table(0.1, faces, sizes={"a": 100, "b": 110}),
        table(0.2, faces, sizes={"a": 100, "b": 120}),
        table(0.3, {"b": "sad"}),
    )
    assert told(events) == ["start near a happy", "end ended near a happy", "start near b sad"]


def test_any_and_all_are_one_event_a_camera():
    text = (
        "rules: [{name: some, faces: any, expression: happy, for: 0, release: 0},"
        "{name: everybody, faces: all, expression: happy, for: 0, release: 0}]"
    )
    events = play(
        text,
        table(0, {"a": ("happy", 0.9), "b": ("happy", 0.6)}),
        table(0.1, {"a": "happy", "b": "sad"}),
        table(0.2, {"a": "uncertain", "b": "sad"}),
        table(0.3, {}),
    )
    assert told(events) == [
        "start some happy", "start everybody happy",
        "end ended everybody happy", "end ended some happy",
    ]  # fmt: skip
    assert [round(e.confidence, 2) for e in events[:2]] == [0.9, 0.6]


def test_conditions_and_their_hysteresis():
    text = (
        "rules: [{name: joy, when: happy > 0.6 and age >= 0.2, hysteresis: 0.2,for: 0, release: 0}]"
    )
    levels = [0.7, 0.7, 0.7, 0.45, 0.35, 0.5, 0.7]
    events = play(text, *(table(i / 10, {"a": ("happy", p)}) for i, p in enumerate(levels)))
    assert told(events) == ["start joy a happy", "end ended joy a happy", "start joy a happy"]
    assert [event.stamp_ns - START for event in events] == [SECOND // 5, SECOND * 2 // 5, 600000000]


def test_cameras_are_counted_apart_and_chosen_by_name():
    text = "rules: [{name: there, for: 0, cameras: /left/*}]"
    answers = [table(0, {"a": "happy"}, topic=f"/{side}/image") for side in ("left", "right")]
    events = play(text, *answers)
    assert [event.source_topic for event in events] == ["/left/image"]


def test_silence_ends_everything_once():
    judge = engine(SMILE)
    for answer in span(1.5, {"a": "happy"}):
        judge.update(answer)
    assert judge.running == 1
    assert not judge.advance(START + 2 * SECOND)
    (end,) = judge.advance(START + 3 * SECOND)
    assert (end.phase, end.cause) == ("end", "silent")
    assert end.stamp_ns == START + round(2.5 * SECOND), "the silence, not when it was looked at"
    assert not judge.advance(START + 9 * SECOND)
    assert not judge.close()


def test_a_gap_in_the_stamps_is_silence_too():
    """A recording has no clock; the hold time starts anew after the gap."""
    events = play(SMILE, *span(1, {"a": "happy"}), *span(1, {"a": "happy"}, start=5))
    assert told(events) == [
        "start smile a happy",
        "end silent smile a happy",
        "start smile a happy",
    ]
    assert events[1].stamp_ns == START + 2 * SECOND
    assert not play(SMILE, *(table(1.1 * i, {"a": "happy"}) for i in range(10)))


def test_stale_future_late_and_unstamped_results_are_counted_and_change_nothing():
    judge = engine("rules: [{name: there, for: 0}]")
    now = START + 5 * SECOND
    assert not judge.update(table(3.9, {"a": "happy"}), now)
    assert not judge.update(table(6.1, {"a": "happy"}), now)
    assert not judge.update(table(-1000, {"a": "happy"}))
    assert judge.update(table(5, {"a": "happy"}), now)
    assert not judge.update(table(5, {}), now)
    assert not judge.update(table(4.6, {}), now)
    assert judge.dropped == {"stale": 1, "future": 1, "unstamped": 1, "late": 2}
    assert judge.running == 1


def test_stamps_that_jump_back_are_a_new_beginning():
    events = play(SMILE, *span(1, {"a": "happy"}, start=50), *span(1, {"a": "happy"}))
    assert told(events) == [
        "start smile a happy",
        "end silent smile a happy",
        "start smile a happy",
    ]


def test_closing_ends_what_runs():
    judge = engine(SMILE)
    for answer in span(1, {"a": "happy"}):
        judge.update(answer)
    assert told(judge.close()) == ["end stopped smile a happy"]


def test_a_network_without_the_expression_is_said_and_nothing_happens():
    text = (
        "rules: [{name: sneer, expression: contempt}, {name: nay, when: not contempt > 0.2},"
        "{name: any, expression: any}, {name: there}]"
    )
    judge = engine(text)
    assert [w for a in span(2, {"a": "happy"}) for w in told(judge.update(a))] == [
        "start any a happy", "start there a happy",
    ]  # fmt: skip
    assert judge.unknown_expressions() == {"/image_raw": ("nay", "sneer")}


def test_faces_that_are_gone_are_forgotten():
    judge = engine("rules: [{name: hi, expression: happy, for: 0, cooldown: .inf}]")
    for i in range(900):
        judge.update(table(i / 10, {f"f{i}": "happy"}))
    (camera,) = judge._cameras.values()
    assert len(camera.events._tracks) <= 60 * 10 + 1


def test_a_face_that_comes_back_under_its_id_within_a_minute_is_not_greeted_again():
    text = "rules: [{name: hi, expression: happy, for: 0, cooldown: .inf}]"
    answers = span(1, {"a": "happy"}) + span(10, {}, start=1.1) + span(1, {"a": "happy"}, start=12)
    starts = [w for w in told(play(text, *answers)) if w.startswith("start")]
    assert starts == ["start hi a happy"]


def test_crowds_and_cameras_without_end_are_bounded():
    judge = engine("rules: [{name: hi, for: 3600, cooldown: .inf}]")
    for i in range(100):
        judge.update(table(i / 10, {f"f{i}_{j}": "happy" for j in range(50)}))
    (camera,) = judge._cameras.values()
    assert len(camera.events._tracks) <= 2050
    for i in range(100):
        judge.update(table(20, {}, topic=f"/camera{i}"))
    assert len(judge.cameras) == 64
    assert judge.dropped["cameras"] == 37
