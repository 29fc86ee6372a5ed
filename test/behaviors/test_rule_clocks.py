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

"""Rules on the clocks that cameras have: off by hours, since boot, stepping, standing."""

from __future__ import annotations

import dataclasses

import pytest
from faces import SECOND, START, engine, span, table, told

from fer_ros.behaviors.engine import MAX_CAMERAS, EventEngine
from fer_ros.behaviors.inputs import GRACE, Inputs
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.transport import messages
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import EMOTION_EVENT, emotion_event, read_event

HOUR = 3600.0
TEXT = "rules: [{name: smile, expression: happy, for: 0.5, release: 0.3}]"


def heard(judge: EventEngine, results, offset: float, delay: float = 0.05):
    """Feed results that arrive by a clock which is an offset [s] ahead of the camera's."""
    shift = round((offset + delay) * SECOND)
    return [told(judge.update(each, each.stamp_ns + shift)) for each in results]


def flat(events):
    return [line for each in events for line in each]


@pytest.mark.parametrize("offset", [HOUR, -HOUR, 1.7e9, -2.0, 0.0])
def test_a_camera_of_any_clock_is_judged_by_arrival(offset):
    notes: list[str] = []
    judge = EventEngine(parse_rules(TEXT), on_note=lambda camera, note: notes.append(note))
    events = heard(judge, span(3, {"a": "happy"}), offset)
    assert flat(events) == ["start smile a happy"]
    assert len(notes) == (offset != 0.0)
    if notes:
        assert "synchronise the clocks" in notes[0]
        assert ("behind" if offset > 0 else "ahead of") in notes[0]
    (clock,) = judge.clocks().values()
    assert bool(clock.remark) == (offset != 0.0)


def test_events_keep_the_stamps_of_the_camera():
    judge = engine(TEXT)
    (start,) = [
        event
        for each in span(3, {"a": "happy"})
        for event in judge.update(each, each.stamp_ns + round(HOUR * SECOND))
    ]
    assert START <= start.onset_ns < start.stamp_ns < START + 3 * SECOND


def test_late_results_of_another_clock_are_stale_too():
    judge = engine(TEXT)
    heard(judge, span(3, {"a": "happy"}), HOUR)
    assert not judge.dropped["future"]
    before = judge.dropped["stale"]
    heard(judge, span(1, {"a": "happy"}, start=3.1), HOUR, delay=2.5)
    assert judge.dropped["stale"] == before + 11


def test_a_delay_that_grows_and_a_burst_are_no_other_clock():
    """Results that queued up for 15 s come at once, then the stream goes on."""
    judge = engine(TEXT)
    for each in span(1, {"a": "happy"}):
        judge.update(each, START + 16 * SECOND)
    assert judge.dropped["stale"] == 11
    assert flat(heard(judge, span(2, {"a": "happy"}, start=16), 0)) == ["start smile a happy"]
    assert not any(clock.steps for clock in judge.clocks().values())


def test_a_clock_that_is_set_while_the_node_runs_ends_and_goes_on():
    """NTP sets the camera's clock an hour ahead, and back."""
    notes: list[str] = []
    judge = EventEngine(parse_rules(TEXT), on_note=lambda camera, note: notes.append(note))
    events = heard(judge, span(2, {"a": "happy"}), 0)
    events += heard(judge, span(2, {"a": "happy"}, start=HOUR), 2 - HOUR)
    events += heard(judge, span(2, {"a": "happy"}, start=4), 0)
    assert flat(events) == ["start smile a happy", "end silent smile a happy"] * 2 + [
        "start smile a happy"
    ]
    assert len(notes) == 2
    assert "3597.9 s ahead of" in notes[0]
    assert "this node's before, is this node's" in notes[1]


def test_stamps_that_hop_are_left_out_and_the_others_judged():
    judge = engine(TEXT)
    for index, each in enumerate(span(4, {"a": "happy"})):
        hop = HOUR * SECOND * (index % 3 + 1) if index % 2 else 0
        judge.update(dataclasses.replace(each, stamp_ns=each.stamp_ns + round(hop)), each.stamp_ns)
    assert judge.dropped["future"] == 20
    assert judge.running == 1


def test_silence_is_measured_by_arrival():
    judge = engine(TEXT)
    heard(judge, span(2, {"a": "happy"}), HOUR)
    arrival = START + round((HOUR + 2.05) * SECOND)
    assert not judge.advance(arrival + SECOND)
    (end,) = judge.advance(arrival + SECOND + 1)
    assert (end.cause, end.stamp_ns) == ("silent", START + 3 * SECOND)


def test_an_event_at_the_last_stamp_of_all_ends_within_what_a_message_holds():
    judge = engine(TEXT)
    shift = messages.LATEST_NS - span(3, {"a": "happy"})[-1].stamp_ns
    results = [
        dataclasses.replace(each, stamp_ns=each.stamp_ns + shift)
        for each in span(3, {"a": "happy"})
    ]
    for each in results:
        judge.update(each, each.stamp_ns - shift)
    assert judge.running == 1
    (end,) = judge.advance(results[-1].stamp_ns - shift + 2 * SECOND)
    assert end.cause == "silent"
    assert read_event(decode(encode(emotion_event(end)), EMOTION_EVENT)) == end


@pytest.mark.parametrize("size", [0.6, 0.9])
def test_a_clock_that_hops_by_less_than_a_second_ends_nothing(size):
    judge, events = engine("rules: [{name: smile, expression: happy, for: 0.2, release: 2}]"), []
    for index in range(300):
        now = index / 30
        result = table(now + size * (index // 45 % 2), {"a": "happy"})
        events += told(judge.update(result, START + round(now * SECOND)))
    assert events == ["start smile a happy"]


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -5.0, 70.0, 1 - START / SECOND])
@pytest.mark.parametrize("per", ["face", "rule"])
def test_once_stays_once_though_the_clock_jumps(jump, per):
    rule = f"{{name: hi, expression: happy, for: 0, cooldown: .inf, cooldown_per: {per}}}"
    judge = engine(f"rules: [{rule}]")
    results = span(1, {"a": "happy"})
    for start in (jump, jump + 2, 0.0, 2.0, jump):
        results += span(1, {"b": "sad"}, start=start) + span(1, {"a": "happy"}, start=start + 1.1)
    starts = [line for each in results for line in told(judge.update(each)) if "start" in line]
    assert starts == ["start hi a happy"]


def test_recordings_with_two_clocks_end_nothing():
    """Log times are those of one recorder; the cameras' stamps are an hour apart."""
    judge = EventEngine(parse_rules(TEXT), live=False)
    events = []
    for here in span(3, {"a": "happy"}):
        there = dataclasses.replace(
            here, stamp_ns=here.stamp_ns + round(HOUR * SECOND), source_topic="/other"
        )
        for each in (here, there):
            events += told(judge.update(each, here.stamp_ns + SECOND // 100))
    assert events == ["start smile a happy"] * 2


def test_a_clock_that_steps_in_a_recording_is_noted_once():
    notes: list[str] = []
    judge = EventEngine(parse_rules(TEXT), False, lambda camera, note: notes.append(note))
    for start, log in ((0, 0), (HOUR, 2), (4, 4)):
        for each in span(1.5, {"a": "happy"}, start=start):
            judge.update(each, each.stamp_ns + round((log - start) * SECOND))
    assert ["step by 3598.0 s" in note for note in notes] == [True, True]
    assert not judge.dropped


@pytest.mark.parametrize("reason", ["unstamped", "stale", "future", "late", "cameras"])
def test_a_camera_of_which_nothing_is_used_is_reported(reason, monkeypatch):
    inputs = Inputs(())
    now = [100.0]
    monkeypatch.setattr("fer_ros.behaviors.inputs.time.monotonic", lambda: now[0])
    for _ in range(50):
        inputs.take("/cam", reason)
        now[0] += 0.1
    problem = inputs.problems()["/cam"]
    assert problem.startswith("no result of /cam can be used: ")
    inputs.take("/cam", "")
    assert not inputs.problems()
    now[0] += 60
    assert not inputs.problems(), "a camera that is gone is no problem of the rules"


def test_cameras_that_have_gone_give_their_places_to_others():
    notes: list[str] = []
    judge = EventEngine(parse_rules(TEXT), on_note=lambda camera, note: notes.append(note))

    def see(name: str, start: float, seconds: float = 0.0) -> list[str]:
        answers = span(seconds, {"a": "happy"}, start, topic=name)
        return flat(told(judge.update(each, each.stamp_ns)) for each in answers)

    assert see("/c0", 0, 1) == ["start smile a happy"]
    for number in range(1, MAX_CAMERAS):
        see(f"/c{number}", 2 + number / 100)
    see("/new", 10.9)
    assert judge.dropped["cameras"] == 1
    assert "/new" not in judge.cameras
    assert see("/new", 11.1) == ["end silent smile a happy"]
    assert "/c0" not in judge.cameras
    for number in range(100):
        see(f"/newer{number}", 30 + number / 100)
    assert len(judge.cameras) == MAX_CAMERAS
    assert judge.forgotten == 1 + MAX_CAMERAS
    assert len(notes) == 1
    assert notes[0].startswith("forgotten for /new, as others will be: more than 64 cameras")


def test_cameras_from_before_a_reset_of_time_give_their_places_too():
    judge = engine(TEXT)
    for number in range(MAX_CAMERAS):
        judge.update(table(1000, {}, f"/c{number}"), START + 1000 * SECOND)
    for seconds in (0.0, 9.0, 11.0):
        judge.update(table(seconds, {}, "/new"), START + round(seconds * SECOND))
    assert judge.dropped["cameras"] == 2
    assert "/new" in judge.cameras


def test_problems_of_cameras_that_have_gone_give_their_places_to_others(monkeypatch):
    inputs = Inputs(())
    now = [100.0]
    monkeypatch.setattr("fer_ros.behaviors.inputs.time.monotonic", lambda: now[0])
    for number in range(MAX_CAMERAS + 5):
        inputs.take(f"/c{number}", "stale")
    now[0] += 6
    for _ in range(50):
        inputs.take("/new", "stale")
        now[0] += 0.1
    assert set(inputs.problems()) == {"/new"}


def test_rules_about_cameras_that_do_not_come_are_reported(monkeypatch):
    rules = parse_rules(
        "rules: [{name: a, cameras: /left/image_raw}, {name: b, cameras: /leftt/image_raw}]"
    ).rules
    inputs = Inputs(rules)
    now = [100.0]
    monkeypatch.setattr("fer_ros.behaviors.inputs.time.monotonic", lambda: now[0])
    assert not inputs.problems()
    inputs.take("/left/image_raw/compressed", "")
    now[0] += GRACE + 0.1
    assert list(inputs.problems()) == ["b"]
    assert "did you mean '/left/image_raw" in inputs.problems()["b"]


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("/cam/image_raw", "/cam/image_raw", True),
        ("/cam/image_raw", "/cam/image_raw/compressed", True),
        ("/cam/image_raw/compressed", "/cam/image_raw", True),
        ("/cam/*", "/cam/image_raw/compressed", True),
        ("/*/image_raw", "/cam/image_raw/compressed", True),
        ("/cam/image_raw", "/cam/image_rect", False),
        ("/cam/image_raw", "/cam2/image_raw/compressed", False),
    ],
)
def test_a_rule_about_a_camera_holds_for_raw_and_compressed_images(pattern, topic, fits):
    (rule,) = parse_rules(f"rules: [{{name: a, cameras: '{pattern}', for: 0}}]").rules
    assert rule.is_about(topic) is fits
    judge = engine(f"rules: [{{name: a, cameras: '{pattern}', for: 0}}]")
    assert bool(judge.update(table(0, {"a": "happy"}, topic=topic))) is fits
