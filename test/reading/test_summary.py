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

"""Summaries a person: shares are of time, whatever the rate, and what was not seen is said."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest

from fer_ros.apps import read_summary
from fer_ros.reading.summary import MOST_PEOPLE, Summaries

NUMBERS = itertools.count()


def face(label: str, track: str = "face_1", confidence: float = 0.8, **more: Any) -> dict[str, Any]:
    return {
        "face": 0, "track": track, "label": label, "confidence": confidence, "quality": 0.9,
        "smoothed_happy": 0.7 if label == "happy" else 0.1,
        "smoothed_sad": 0.3 if label == "happy" else 0.9, **more,
    }  # fmt: skip


def frame(
    time: float | None, *faces: dict[str, Any], source: str = "a.mp4"
) -> list[dict[str, Any]]:
    place = {"source": source, "frame": next(NUMBERS), "time": time}
    return [{**place, **own} for own in faces] or [{**place, "face": None, "track": None}]


def summed(*frames: list[dict[str, Any]], every: float = 0.0):
    summaries = Summaries(every)
    for rows in frames:
        summaries.add(rows)
    (summary,) = summaries.summaries()
    return summary


def test_uneven_frames_count_by_the_time_for_which_they_stand() -> None:
    dense = [frame(index / 100, face("happy")) for index in range(100)]
    sparse = [frame(1.0 + index / 2, face("sad")) for index in range(7)]
    summary = summed(*dense, *sparse)
    (person,) = summary.people
    assert summary.length == pytest.approx(4.5)  # the last one counts as long as the one before
    assert person.seen == pytest.approx(4.5)
    assert person.shown == {"sad": pytest.approx(3.5 / 4.5), "happy": pytest.approx(1 / 4.5)}
    assert person.expected["happy"] == pytest.approx((1 * 0.7 + 3.5 * 0.1) / 4.5)
    assert sum(person.expected.values()) == pytest.approx(1)


def test_a_hole_in_a_source_is_not_time_seen() -> None:
    summary = summed(frame(0.0, face("happy")), frame(3600.0, face("sad")))
    assert summary.length == pytest.approx(2.0)
    assert summary.people[0].shown["happy"] == pytest.approx(0.5)


def test_a_lone_frame_shows_what_it_shows() -> None:
    summary = summed(frame(0.0, face("happy")))
    (person,) = summary.people
    assert person.shown == {"happy": pytest.approx(1)}
    assert sum(person.expected.values()) == pytest.approx(1)
    assert person.quality == pytest.approx(0.9)
    assert summed(frame(0.0, face("happy")), every=5.0).length == pytest.approx(5.0)


def test_the_table_names_its_units(capsys: pytest.CaptureFixture[str]) -> None:
    read_summary.show([summed(frame(0.0, face("happy")), frame(0.1, face("happy")))], sys.stdout)
    printed = capsys.readouterr().out
    assert "from [s]" in printed
    assert "seen [s]" in printed


def test_frames_read_far_apart_stand_for_what_they_were_read_for() -> None:
    frames = [frame(5.0 * index, face("happy")) for index in range(12)]
    assert summed(*frames, every=5.0).people[0].seen == pytest.approx(60.0)


def test_time_without_faces_and_to_the_first_one() -> None:
    summary = summed(*(frame(10 + i / 10) for i in range(20)),
                     *(frame(12 + i / 10, face("happy")) for i in range(20)))  # fmt: skip
    assert summary.empty == pytest.approx(0.5)
    assert summary.first_face == pytest.approx(2.0)
    assert summed(frame(0.0), frame(0.1)).first_face is None


def test_a_face_that_was_lost_for_a_while_is_missing_not_gone() -> None:
    seen = {*range(10), *range(30, 40)}
    summary = summed(*(frame(i / 10, *([face("happy")] if i in seen else [])) for i in range(40)))
    assert summary.people[0].missing == pytest.approx(0.5, abs=0.02)


def test_changes_are_between_named_expressions() -> None:
    labels = ["happy", "uncertain", "happy", "sad", "uncertain", "happy"] * 20
    (person,) = summed(*(frame(i / 2, face(name)) for i, name in enumerate(labels))).people
    assert person.changes_per_minute == pytest.approx(2 * 20, rel=0.05)
    assert person.shown["uncertain"] == pytest.approx(1 / 3, abs=0.01)
    assert (
        summed(frame(0.0, face("sad")), frame(1.0, face("happy"))).people[0].changes_per_minute
        is None
    )


def test_the_surest_moment_weighs_quality() -> None:
    summary = summed(
        frame(0.0, face("happy", confidence=0.99, quality=0.2)),
        frame(0.1, face("happy", confidence=0.8)),
        frame(0.2, face("uncertain", confidence=0.9)),
    )
    (person,) = summary.people
    assert person.surest.keys() == {"happy"}
    assert person.surest["happy"].time == 0.1


def test_people_come_longest_seen_first_and_their_number_is_bounded() -> None:
    crowd = [frame(i / 100, face("sad", f"face_{i}")) for i in range(MOST_PEOPLE + 5)]
    long = [frame(200 + i / 10, face("happy", "face_7")) for i in range(20)]
    summary = summed(*crowd, *long)
    assert summary.people[0].track == "face_7"
    assert len(summary.people) == MOST_PEOPLE
    assert summary.more_people == 5


def test_pictures_have_no_summary_and_sources_one_each() -> None:
    summaries = Summaries()
    summaries.add(frame(None, face("happy"), source="b.jpg"))
    summaries.add(frame(0.0, face("happy"), source="a.mp4"))
    summaries.add(frame(0.0, face("happy"), source="day#/cam"))
    assert [summary.source for summary in summaries.summaries()] == ["a.mp4", "day#/cam"]
