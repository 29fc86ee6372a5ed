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

"""Labels from files and topics, and which face they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_faces import sample_face

from fer_ros.perception.types import Box
from fer_ros.replay.judge.matching import match
from fer_ros.replay.read.label_files import LabelError
from fer_ros.replay.read.labels import LabelSet
from fer_ros.runtime.recording_clocks import Moment
from fer_ros.transport import codec, messages

HEAD = "start,end,topic,x,y,w,h,label,track\n"
ORIGIN = 1_700_000_000_000_000_000


def labels_of(tmp_path, text, suffix=".csv"):
    path = tmp_path / f"labels{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    labels = LabelSet()
    labels.add_file(path)
    labels.set_origin(ORIGIN)
    return labels


def message(label, stamp_ns, box=None, track_id="", camera=""):
    region = messages.message_class("sensor_msgs/msg/RegionOfInterest")
    x, y, width, height = box or (0, 0, 0, 0)
    return codec.message_class("fer_ros/msg/EmotionLabel")(
        messages.header(stamp_ns, ""), camera, track_id, region(x, y, height, width, False), label
    )


def found(track_id="t", box=(0, 0, 100, 100)):
    return sample_face(track_id, box=Box(*box))


def holding(labels, topic, stamp_ns):
    return labels.active(topic, Moment(stamp_ns, stamp_ns))


def names(active):
    return [label.label for label in active]


def test_an_interval_holds_from_its_start_until_before_its_end(tmp_path):
    labels = labels_of(tmp_path, HEAD + "1700000000.1,1700000000.300000001,,,,,,Happiness,\n")
    at = ORIGIN + 100_000_000
    assert names(holding(labels, "/camera", at - 1)) == []
    assert names(holding(labels, "/camera", at)) == ["happy"]
    assert names(holding(labels, "/camera", at + 200_000_000)) == ["happy"]
    assert names(holding(labels, "/camera", at + 200_000_001)) == []


def test_times_with_a_sign_count_from_the_first_image_and_topics_are_told_apart(tmp_path):
    labels = labels_of(tmp_path, HEAD + "+1,+2,/left,10,20,30,40,sad,face_1\n")
    (active,) = holding(labels, "/left", ORIGIN + 1_500_000_000)
    assert (active.box, active.track_id) == (Box(10, 20, 30, 40), "face_1")
    assert holding(labels, "/right", ORIGIN + 1_500_000_000) == []


def test_json_lines_say_the_same(tmp_path):
    text = '{"start": "+1", "end": "+2.5", "label": "ignore"}\n\n'
    text += '{"start": 1700000003.000000001, "end": 1700000004, "label": "fear", "x": 1, "y": 2, '
    text += '"w": 3.5, "h": 4}\n'
    labels = labels_of(tmp_path, text, ".jsonl")
    assert names(holding(labels, "/c", ORIGIN + 2_499_999_999)) == ["ignore"]
    assert labels.spans[1].start_ns == ORIGIN + 3_000_000_001
    assert labels.spans[1].box == Box(1, 2, 3.5, 4)


@pytest.mark.parametrize("suffix", [".json", ".JSONL", ".ndjson"])
def test_a_list_of_objects_is_read_as_well(tmp_path, suffix):
    text = '[\n  {"start": "+1", "end": "+2",\n   "label": "sad"},\n  {"start": "+2", "end": "+3", '
    labels = labels_of(tmp_path, text + '"label": "happy"}\n]\n', suffix)
    assert [span.label for span in labels.spans] == ["sad", "happy"]
    assert [span.source.endswith(f"row {n}") for n, span in enumerate(labels.spans, 1)]


def test_rows_that_nobody_filled_in_are_counted(tmp_path):
    labels = labels_of(tmp_path, HEAD + "+1,+2,,,,,,,face_1\n+1,+2,,,,,,happy,face_2\n")
    assert labels.blank_rows == 1
    assert len(labels.spans) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("+1,+2,,,,,,jolly,", "line 2: unknown expression 'jolly'"),
        ("+2,+1,,,,,,happy,", "line 2: the end does not come after"),
        ("noon,+1,,,,,,happy,", "line 2: start must be seconds"),
        ("+1,nan,,,,,,happy,", "line 2: end must be seconds"),
        ("+1,+2,,5,,,,happy,", "line 2: x, y, w, h must be four numbers"),
        ("+1,+2,,5,5,0,4,happy,", "line 2: w and h must be positive"),
        ("+1,+2,,5,5", "line 2: not as many fields"),
        ("1700000002,+1,,,,,,happy,", "line 2: the end does not come after"),
        ("1700000000000000000,1700000001000000000,,,,,,happy,", "2: start .* looks like nano"),
        ("+1,1700000001000000,,,,,,happy,", "line 2: end must be seconds .* microseconds"),
        ("1700000000000,1700000001000,,,,,,happy,", "line 2: start .* like milliseconds"),
        ("-5,+1,,,,,,happy,", "line 2: start must be seconds between 0 and"),
        ("+1,1e999999999,,,,,,happy,", "line 2: end must be seconds"),
        ("+1,1e9999999999999999999,,,,,,happy,", "line 2: end must be seconds"),
        ("+1,inf,,,,,,happy,", "line 2: end must be seconds"),
        ("+1,+2,,1e999,1,1,1,happy,", "line 2: w and h must be positive"),
        ("+1,+2,,,,,,happy,,more", "line 2: not as many fields"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, row, reason):
    with pytest.raises(LabelError, match=reason):
        labels_of(tmp_path, HEAD + row + "\n")


@pytest.mark.parametrize(
    ("text", "suffix", "reason"),
    [
        ("begin,end,label\n", ".csv", "line 1: lacks start"),
        ("start,end,label,mood\n", ".csv", "line 1: has unknown mood"),
        ("start,end,label,end\n", ".csv", "line 1: names end twice"),
        ("start,end,label\n1,2," + 200_000 * "x", ".csv", "line 2: no CSV"),
        (200_000 * "x", ".csv", "line 1: no CSV"),
        (b"PK\x03\x04" + bytes(99), ".csv", r"are a spreadsheet \(xlsx, ods\)"),
        (b"\x1f\x8b\x08" + bytes(99), ".csv", "are packed by gzip"),
        (b"\n <!DOCTYPE html><table>", ".csv", "are HTML or XML"),
        ("start,end,label\n1.7E+09,1.8E+09,happy\n", ".csv", "a spreadsheet has rounded"),
        ("start,end,label\n+1,+2,happy,,x\n", ".csv", "line 2: not as many fields"),
        ("start,end,topic,label\n+1,+2\n", ".csv", "line 2: not as many fields"),
        (b"start,end,label,note\n1,2,happy,\xe4", ".csv", "save them as UTF-8 or UTF-16"),
        (100_000 * "[", ".jsonl", "line 1: nested too deeply"),
        ('{"start": ' + 5000 * "1" + ', "end": 2, "label": "sad"}', ".jsonl", "line 1: "),
        ("{", ".jsonl", "line 1: no JSON"),
        ("[1]", ".jsonl", "line 1: must be an object"),
        ("", ".txt", "must be a .csv or .jsonl"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, suffix, reason):
    with pytest.raises(LabelError, match=reason):
        labels_of(tmp_path, text, suffix)


CSV = "start,end,x,y,w,h,label\n+1.5,+2.5,10,20,30,40.5,happy\n"
GERMAN = CSV.replace(",", ";").replace(".", ",")
SHEETS = {
    "plain": CSV,
    "capitals": CSV.replace("start,end", " Start , END"),
    "windows": CSV.replace("\n", "\r\n") + "\r\n,,,,,,\r\n",
    "old mac": CSV.replace("\n", "\r"),
    "bom": "\ufeff" + CSV,
    "semicolons": GERMAN,
    "sep": "sep=;\n" + GERMAN,
    "quoted sep": '"sep=;"\r\n' + GERMAN,
    "tabs": CSV.replace(",", "\t"),
    "bars": CSV.replace(",", "|"),
    "utf16": CSV.encode("utf-16"),
    "utf16-be": b"\xfe\xff" + GERMAN.replace(";", "\t").encode("utf-16-be"),
    "utf16 without a mark": CSV.encode("utf-16-le"),
    "utf32": CSV.encode("utf-32"),
    "separators at every end": CSV.replace("\n", ",,\n"),
    "separators at some ends": CSV.replace("label", "label,track,note").replace("py", "py,"),
    "separators behind rows": GERMAN.replace("happy", "happy;;;"),
    "fewer fields": CSV.replace("label", "label,track,thumbnail,note"),
    "blank column names": CSV.replace("label\n", "label, , \n").replace("happy", "happy,,"),
    "all quoted": '"' + CSV.strip().replace(",", '","').replace("\n", '"\n"') + '"\n',
    "quoted decimal commas": CSV.replace("+1.5,+2.5", '"+1,5","+2,5"').replace("40.5", '"40,5"'),
    "leading apostrophes": CSV.replace("+", "'+"),
    "separators of lines in a note": CSV.replace("label", "label,note").replace(
        "happy", 'happy,"two\u2028lines\nand\x0cmore"'
    ),
    "blank lines above": "\r\n \n" + CSV,
    "remarks above": "# labelled by me, on Monday\n#\n" + CSV,
    "an end-of-file sign": CSV + "\x1a",
    "a zero sign in a note": CSV.replace("label", "label,note").replace("py", "py,a\0b"),
    "exponents of small numbers": CSV.replace("+1.5", "+1.5E+00"),
}


@pytest.mark.parametrize("text", SHEETS.values(), ids=SHEETS.keys())
def test_what_spreadsheets_of_any_country_save_is_read(tmp_path, text):
    (span,) = labels_of(tmp_path, text).spans
    assert (span.start_ns, span.end_ns) == (ORIGIN + 1_500_000_000, ORIGIN + 2_500_000_000)
    assert (span.label, span.box) == ("happy", Box(10, 20, 30, 40.5))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scared", "fear"), ("Surprised", "surprise"), ("disgusted", "disgust"),
        ("furious", "angry"), ("happiness", "happy"), ("anger", "angry"), ("NF", "ignore"),
        ("unknown", "ignore"), ("Pleading", "pleading"), ("asleep", "asleep"),
    ],
)  # fmt: skip
def test_names_of_hri_msgs_and_of_ferplus_are_known(tmp_path, name, expected):
    assert labels_of(tmp_path, HEAD + f"+1,+2,,,,,,{name},\n").spans[0].label == expected


def test_messages_of_one_face_become_spans():
    labels = LabelSet()
    step = 33_000_000
    for index in range(10):
        stamp = ORIGIN + index * step
        labels.add_message(message("happy", stamp, (10 + index, 10, 50, 50)), "/labels")
        labels.add_message(message("happy", stamp, (200, 10, 50, 50)), "/labels")
        label = "sad" if index < 5 else "angry"
        labels.add_message(message(label, stamp, track_id="p", camera="/left"), "/labels")
    labels.finish()
    # Two faces of the same expression stay two; the third changes its expression once.
    assert [(s.label, s.track_id) for s in labels.spans] == [
        ("happy", ""), ("happy", ""), ("sad", "p"), ("angry", "p"),
    ]  # fmt: skip
    assert labels.spans[0].end_ns == ORIGIN + 9 * step + 1
    active = holding(labels, "/left", ORIGIN + 3 * step)
    assert sorted(names(active)) == ["happy", "happy", "sad"]
    assert {a.box.x for a in active if a.box} == {13.0, 200.0}
    assert len(holding(labels, "/right", ORIGIN + 3 * step)) == 2
    assert holding(labels, "/left", ORIGIN + step // 2) == []


def test_messages_match_by_stamp_in_any_order_and_a_pause_ends_a_span():
    labels = LabelSet()
    for stamp in (5_000_000_000, 5_100_000_000, 1_000_000_000):
        labels.add_message(message("fear", stamp), "/labels")
    labels.finish()
    assert len(labels.spans) == 2
    for stamp in (1_000_000_000, 5_000_000_000, 5_100_000_900):
        assert names(holding(labels, "/c", stamp)) == ["fear"]
    assert holding(labels, "/c", 5_050_000_000) == []


def active_label(label, box=None, track_id=""):
    labels = LabelSet()
    labels.add_message(message(label, 1, box, track_id), "/labels")
    labels.finish()
    return holding(labels, "/c", 1)[0]


def test_labels_take_the_faces_that_overlap_them_most():
    left, right = found("l", (0, 0, 100, 100)), found("r", (60, 0, 100, 100))
    happy = active_label("happy", (55, 0, 100, 100))
    sad = active_label("sad", (10, 0, 100, 100))
    matches = match([happy, sad], [left, right])
    assert [(label.label, face.track_id) for label, face in matches.pairs] == [
        ("happy", "r"), ("sad", "l"),
    ]  # fmt: skip
    assert not matches.undetected
    assert not matches.unlabelled


def test_a_tight_box_inside_a_wide_label_still_matches_and_a_far_one_does_not():
    wide = active_label("happy", (0, 0, 300, 300))
    assert match([wide], [found(box=(120, 120, 40, 40))]).pairs
    matches = match([wide], [found(box=(400, 0, 40, 40))])
    assert [label.label for label in matches.undetected] == ["happy"]
    assert len(matches.unlabelled) == 1


def test_a_track_id_decides_only_between_faces_that_fit():
    one, other = found("a", (0, 0, 100, 100)), found("b", (20, 0, 100, 100))
    (pair,) = match([active_label("sad", (0, 0, 100, 100), "b")], [one, other]).pairs
    assert pair[1].track_id == "b"
    far = match([active_label("sad", (500, 0, 100, 100), "b")], [one, other])
    assert not far.pairs
    (pair,) = match([active_label("sad", None, "a")], [one, other]).pairs
    assert pair[1].track_id == "a"
    assert match([active_label("sad", None, "c")], [one, other]).undetected


def test_a_label_without_place_is_about_the_largest_face():
    small, large = found("s", (0, 0, 50, 50)), found("l", (100, 0, 90, 90))
    (pair,) = match([active_label("happy")], [small, large]).pairs
    assert pair[1].track_id == "l"
    assert match([active_label("happy")], []).undetected


def test_ignore_takes_all_faces_it_covers_but_none_that_has_a_label():
    poster = [found(f"p{i}", (300 + 60 * i, 0, 50, 50)) for i in range(3)]
    person = found("person", (0, 0, 100, 100))
    region = active_label("ignore", (290, 0, 200, 100))
    matches = match([region, active_label("happy", (0, 0, 100, 100))], [*poster, person])
    assert [face.track_id for face in matches.ignored] == ["p0", "p1", "p2"]
    assert [face.track_id for _, face in matches.pairs] == ["person"]
    everything = match([active_label("ignore")], [*poster, person])
    assert len(everything.ignored) == 4
    assert not everything.undetected


NEAR = (4, 2, 100, 100)
"""Nearly the box of a found face."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"track_id": "t"}, {"track_id": "t"}),
        ({"box": (0, 0, 100, 100)}, {"box": NEAR}),
        ({"box": (0, 0, 100, 100), "track_id": "t"}, {"box": NEAR, "track_id": "t"}),
        ({"track_id": "t"}, {"box": NEAR}),
        ({"box": NEAR}, {"track_id": "t"}),
        ({"track_id": "t"}, {}),
        ({}, {"box": NEAR}),
    ],
)
def test_two_labels_of_one_face_are_one_or_contradict_each_other(one, other):
    twice = match([active_label("happy", **one), active_label("happy", **other)], [found()])
    assert [label.label for label, _ in twice.pairs] == ["happy"]
    assert (twice.undetected, twice.contradicting, twice.ignored) == ([], [], [])
    labels = [active_label("happy", **one), active_label("sad", **other)]
    for index, label in enumerate(labels):
        labels[index] = replace(label, span=index)
    face = found()
    odd = match(labels, [face])
    assert (odd.pairs, odd.undetected) == ([], [])
    assert odd.ignored == [face]
    assert {each.label for each in odd.contradicting[0]} == {"happy", "sad"}


def test_a_label_that_is_no_class_contradicts_nothing():
    labels = [active_label("contempt", NEAR), active_label("happy", (0, 0, 100, 100))]
    matches = match(labels, [found()], lambda name: name == "happy")
    assert [label.label for label, _ in matches.pairs] == ["happy"]
    assert (matches.contradicting, matches.undetected) == ([], [])


def test_the_second_label_of_a_face_takes_nobody_elses():
    near = found("other", (50, 0, 100, 100))
    labels = [active_label("happy", (0, 0, 100, 100)), active_label("happy", NEAR)]
    matches = match(labels, [found(), near])
    assert [face.track_id for _, face in matches.pairs] == ["t"]
    assert matches.unlabelled == [near]


def test_a_face_that_was_missed_beside_another_one_is_missed():
    for missed in ({"box": (60, 0, 100, 100)}, {"track_id": "gone"}):
        first = active_label("happy", (0, 0, 100, 100), "t" if "track_id" in missed else "")
        matches = match([first, active_label("happy", **missed)], [found()])
        assert len(matches.pairs) == 1
        assert len(matches.undetected) == 1
    assert len(match([active_label("sad"), active_label("sad")], []).undetected) == 1
