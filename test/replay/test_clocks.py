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

"""Recordings whose stamps step, hop, are missing, or count from something else."""

from __future__ import annotations

import itertools
import json

import pytest
from bags import CAMERA, PERIOD, START, blank, one_actor, recording

from fer_ros.replay.judge.cameras import CameraRecord
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.read.schedule import Arrival, Dropped, latest_frame
from fer_ros.runtime.engine import CameraImage, FrameEngine
from fer_ros.runtime.recording_clocks import Moment, RecordingClocks, recorded_ns
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagMessage

SECOND, HOUR = 10**9, 3600 * 10**9
BOOT = 50 * SECOND
OTHER = "/other/image_raw"


def message(stamp_ns: int, time_ns: int, topic: str = CAMERA) -> BagMessage:
    data = codec.encode(messages.compressed_image(b"\xff\xd8", stamp_ns, ""))
    return BagMessage(topic, messages.COMPRESSED_IMAGE, time_ns, data)


def play(found: list[BagMessage]) -> tuple[list[Arrival], RecordingClocks]:
    clocks, arrivals = RecordingClocks(), []
    engine = FrameEngine(lambda frames: list(frames), 10_000, clocks=clocks.of)
    for index, each in enumerate(clocks.begin(iter(found))):
        clocks.meet(each)
        image = engine.read(each.topic, each.data, each.type_name, recorded_ns(each))
        assert isinstance(image, CameraImage)
        arrivals.append(Arrival(index, image, clocks.moment(image), each.time_ns))
    return arrivals, clocks


def after_start(arrivals: list[Arrival]) -> list[int]:
    return [arrival.time_ns - arrivals[0].time_ns for arrival in arrivals]


def stream(stamp, count: int = 60, topic: str = CAMERA) -> list[BagMessage]:
    """Images that come evenly; `stamp` gives the stamp of each by its number."""
    return [message(stamp(i), START + i * PERIOD, topic) for i in range(count)]


EVEN = [i * PERIOD for i in range(60)]


@pytest.mark.parametrize(
    ("stamp", "size"),
    [
        (lambda i: BOOT if i == 0 else START + i * PERIOD, "19676 days"),
        (lambda i: START + i * PERIOD + (HOUR if i >= 30 else 0), "3600.0 s"),
        (lambda i: START + i * PERIOD - (HOUR if i >= 30 else 0), "3600.0 s"),
        (lambda i: START + i * PERIOD + (5 * SECOND if i // 15 % 2 else 0), "5.0 s"),
        (lambda i: BOOT + i * PERIOD + (2 * SECOND if i % 20 == 5 else 0), "2.0 s"),
    ],
    ids=["first since boot", "set ahead", "set back", "hops", "single ones ahead"],
)
def test_a_clock_that_steps_is_said_once_and_time_goes_on(stamp, size: str) -> None:
    arrivals, clocks = play(stream(stamp))
    assert after_start(arrivals) == EVEN
    assert arrivals[-1].moment.filmed_ns == EVEN[-1]
    (said,) = clocks.warnings(arrivals[0].time_ns)
    assert size in said
    assert "synchronise the clocks" in said


def test_good_stamps_are_the_time_and_nothing_is_said() -> None:
    for origin in (START, BOOT, 1):
        arrivals, clocks = play(stream(lambda i, origin=origin: origin + i * PERIOD))
        assert [a.time_ns for a in arrivals] == [origin + each for each in EVEN]
        assert clocks.warnings(origin) == []
        assert not clocks.stepped


def test_images_without_a_stamp_are_placed_among_simulated_ones() -> None:
    for unstamped in ({0}, {0, 1, 2}, {7}, {0, 30, 59}):
        arrivals, clocks = play(stream(lambda i, u=unstamped: 0 if i in u else BOOT + i * PERIOD))
        assert after_start(arrivals) == EVEN
        assert clocks.warnings(0) == []


def two(first, second) -> list[BagMessage]:
    return [*itertools.chain(*zip(stream(first), stream(second, topic=OTHER)))]


def test_two_cameras_of_two_clocks_share_an_axis_and_compete() -> None:
    good = two(lambda i: START + i * PERIOD, lambda i: START + i * PERIOD)
    other = two(lambda i: START + i * PERIOD, lambda i: BOOT + i * PERIOD)
    alike, odd = (list(latest_frame(play(found)[0], 40, 0)) for found in (good, other))
    assert [type(step) for step in odd] == [type(step) for step in alike]
    lost = [step.arrival.topic for step in odd if isinstance(step, Dropped)]
    assert lost.count(CAMERA) > 10
    assert lost.count(OTHER) > 10
    (said,) = play(other)[1].warnings(START)
    assert said.startswith(f"{OTHER}: its clock is 19676 days behind")


def test_a_camera_of_another_clock_that_starts_late_is_placed_as_well() -> None:
    late = [message(BOOT + i * PERIOD, START + (60 + i) * PERIOD, OTHER) for i in range(30)]
    arrivals, clocks = play([*stream(lambda i: START + i * PERIOD), *late])
    assert after_start(arrivals)[60:] == [(60 + i) * PERIOD for i in range(30)]
    assert list(clocks.foreign) == [OTHER]


def test_a_slow_simulators_cameras_have_one_clock() -> None:
    """A tenth of real time: what starts late lags the more behind the clock of recording."""
    slow = [message(BOOT + i * PERIOD, START + 10 * i * PERIOD) for i in range(90)]
    late = [message(BOOT + i * PERIOD, START + 10 * i * PERIOD + 1, OTHER) for i in range(60, 90)]
    arrivals, clocks = play(sorted([*slow, *late], key=lambda each: each.time_ns))
    assert not clocks.stepped
    assert all(a.time_ns == a.moment.stamp_ns for a in arrivals)


def test_a_loop_goes_on_in_time_and_tracks_begin_anew() -> None:
    looped = [
        message(START + i * PERIOD, START + loop * 2 * SECOND + i * PERIOD)
        for loop in range(3)
        for i in range(30)
    ]
    arrivals, _ = play(looped)
    assert after_start(arrivals) == [each.time_ns - START for each in looped]
    assert [a.moment.part for a in arrivals] == [0] * 30 + [1] * 30 + [2] * 30
    frame_times = [a.image.time_ns for a in arrivals]
    assert frame_times[30] < frame_times[29]  # what closes the tracks


def test_missing_images_are_not_counted_over_a_step_or_a_pause() -> None:
    def missing(found: list[BagMessage]) -> tuple[int, list[float]]:
        arrivals, clocks = play(found)
        camera = CameraRecord(messages.COMPRESSED_IMAGE)
        for arrival in arrivals:
            stamp_ns = arrival.image.received.stamp_ns
            # What a replay does, where the clock is that of the whole recording.
            camera.note_stamp(stamp_ns, arrival.time_ns, clocks.of[CAMERA].breaks)
        gaps = camera.find_gaps()
        assert gaps is not None
        return gaps.missing, [gap.ms for gap in gaps.longest]

    whole = stream(lambda i: START + i * PERIOD)
    assert missing(whole) == (0, [])
    assert missing(whole[:20] + whole[23:])[0] == 3
    later = range(START + HOUR, START + HOUR + 60 * PERIOD, PERIOD)
    rested = [message(at, at) for at in later]
    assert missing(whole + rested)[0] == 0
    assert missing(whole + rested)[1][0] == pytest.approx(3.6e6, rel=1e-3)
    slower = [START + 60 * PERIOD + 2 * i * PERIOD for i in range(60)]
    assert missing(whole + [message(at, at) for at in slower])[0] == 0


def test_relative_labels_count_on_the_axis_and_others_by_stamp(tmp_path) -> None:
    rows = "start,end,label\n+0,+0.5,happy\n+1.0,+1.5,sad\n3600,3610,angry\n"
    (tmp_path / "labels.csv").write_text(rows)
    labels = LabelSet()
    labels.add_file(tmp_path / "labels.csv")
    labels.set_origin(1 * SECOND)

    def names(time: float, stamp: float) -> list[str]:
        moment = Moment(round(time * SECOND), round(stamp * SECOND))
        return [label.label for label in labels.active(CAMERA, moment)]

    assert names(1.2, 1.2) == ["happy"]
    assert names(2.2, 3602.2) == ["angry", "sad"]
    assert names(3605, 7) == []


def test_a_length_that_nobody_records_fails_criteria(command, tmp_path, capsys) -> None:
    """The recorder's clock was set too, so that nothing but the length shows it."""
    with recording(tmp_path / "bag") as bag:
        for index in range(12):
            at = BOOT + index * PERIOD + (START if index >= 6 else 0)
            bag.image(blank(index), at)
    criteria = tmp_path / "criteria.yaml"
    criteria.write_text("recording.frames: '>= 1'\n")
    out = tmp_path / "out"
    assert command("replay", tmp_path / "bag", "--out", out, "--criteria", criteria) == 1
    assert "19676 days apart, longer than anybody records" in capsys.readouterr().err
    verdict = json.loads((out / "verdict.json").read_text())
    assert [check["result"] for check in verdict["criteria"]] == ["holds", "does not hold"]
    camera = json.loads((out / "metrics.json").read_text())["recording"]["cameras"][CAMERA]
    assert camera["missing_frames"] == 0


def test_labels_of_a_camera_whose_clock_was_set_fit_its_replay(command, tmp_path) -> None:
    with recording(tmp_path / "bag") as bag:
        for index in range(24):
            picture, _ = one_actor().render(0.0)
            stamp = START + index * PERIOD + (HOUR if index >= 12 else 0)
            bag.image(picture, stamp, time_ns=START + index * PERIOD)
    assert command("label", tmp_path / "bag", "--out", tmp_path / "sheet") == 0
    text = (tmp_path / "sheet" / "labels.csv").read_text()
    header, row = text.splitlines()
    assert row.startswith("+0.000000000,+0.79")
    named = row.split(",")
    named[header.split(",").index("label")] = "happy"
    (tmp_path / "labels.csv").write_text(f"{header}\n{','.join(named)}\n")
    out, labels = tmp_path / "out", tmp_path / "labels.csv"
    assert command("replay", tmp_path / "bag", "--out", out, "--labels", labels) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["detection_rate"] == 1.0
    assert metrics["evaluation"]["labels"]["frames_with_label"] == 24
    assert metrics["tracks"]["count"] == 1
    assert metrics["recording"]["seconds"] == pytest.approx(23 * PERIOD / 1e9)
