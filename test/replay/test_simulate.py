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

"""The simulated live node: which frames it answers and which it skips."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fer_ros.perception.types import StageTimes
from fer_ros.replay import records
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.latency import Latency
from fer_ros.replay.read.schedule import (
    Arrival,
    Batch,
    Dropped,
    every_frame,
    latest_frame,
    measured_worker_ms,
)
from fer_ros.runtime.recording_clocks import Moment

MS = 1_000_000


def arrivals(*times_ms, topics="a"):
    return [
        Arrival(
            index,
            SimpleNamespace(topic=topics[index % len(topics)]),
            Moment(round(time * MS), round(time * MS)),
            0,
        )
        for index, time in enumerate(times_ms)
    ]


def run(steps):
    return [
        ([a.index for a in step.arrivals], step.finish_ns / MS)
        for step in steps
        if isinstance(step, Batch)
    ]


def simulate(images, worker_ms, max_age=0.0):
    steps = list(latest_frame(images, worker_ms, max_age))
    dropped = [(s.arrival.index, s.cause) for s in steps if isinstance(s, Dropped)]
    return run(steps), dropped


def test_every_frame_gets_a_result_alone_and_in_order():
    steps = list(every_frame(arrivals(0, 33, 66)))
    assert [[a.index for a in step.arrivals] for step in steps] == [[0], [1], [2]]
    assert all(step.finish_ns is None for step in steps)


def test_a_fast_worker_processes_all_at_once():
    assert simulate(arrivals(0, 33, 66), 10) == ([([0], 10), ([1], 43), ([2], 76)], [])


def test_a_slow_worker_takes_the_newest_when_it_is_free():
    answered, dropped = simulate(arrivals(0, 33, 66, 99, 132, 165), 80)
    # 0..80 on frame 0; 1 is superseded by 2, which is taken at 80; 3 by 4, taken at 160; 5 at 240
    assert answered == [([0], 80), ([2], 160), ([4], 240), ([5], 320)]
    assert dropped == [(1, "superseded"), (3, "superseded")]


def test_a_frame_that_comes_the_moment_the_worker_is_free_is_taken():
    assert simulate(arrivals(0, 40, 80), 40) == ([([0], 40), ([1], 80), ([2], 120)], [])


def test_cameras_that_wait_are_taken_together():
    answered, dropped = simulate(arrivals(0, 1, 2, 3, topics="ab"), 50)
    # Frame 0 of a alone; then the newest of a (2) and of b (3) together, at twice the cost.
    assert answered == [([0], 50), ([2, 3], 150)]
    assert dropped == [(1, "superseded")]


def test_old_images_are_dropped_as_the_live_node_does():
    answered, dropped = simulate(arrivals(0, 33, 66), 200, max_age=0.1)
    assert answered == [([0], 200)]
    assert dropped == [(1, "superseded"), (2, "too_old")]


def test_a_late_image_arrives_after_those_before_it():
    answered, _ = simulate(arrivals(100, 90), 5)
    assert answered == [([0], 105), ([1], 110)]


def test_every_image_is_accounted_for_once():
    images = arrivals(*(i * 11.7 for i in range(200)), topics="abc")
    answered, dropped = simulate(images, 29.3)
    seen = sorted([i for batch, _ in answered for i in batch] + [i for i, _ in dropped])
    assert seen == list(range(200))
    finish = [time for _, time in answered]
    assert finish == sorted(finish)


def test_the_measured_time_comes_from_an_earlier_replay(tmp_path):
    latency = Latency()
    path = tmp_path / "latency.json"
    records.write(path, latency.record(1.0, 1.0))
    with pytest.raises(ReplayError, match=r"no latency\.json.*no times"):
        measured_worker_ms(path)
    latency.add(StageTimes(detect=3.0, classify=0.25))
    records.write(path, latency.record(1.0, 1.0))
    assert measured_worker_ms(path) == 3.25
    for text in ("", "{}", "[" * 100_000, '{"latency_ms": {"total": {"p50": null}}}'):
        path.write_text(text)
        with pytest.raises(ReplayError, match=r"no latency\.json"):
            measured_worker_ms(path)
