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

"""Where frames are placed in time when their stamps are no help."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.perception.frame_clock import FROZEN_AFTER, FrameClock
from fer_ros.perception.timing import CLOCK_JUMP_NS

FRAME = 33_000_000
START = 1_000_000_000_000


def times(stamps: list[int], arrivals: list[int] | None = None) -> tuple[list[int], FrameClock]:
    clock = FrameClock()
    arrivals = arrivals or [START + i * FRAME for i in range(len(stamps))]
    return [clock.place(s, a) for s, a in zip(stamps, arrivals)], clock


def test_stamps_that_advance_are_the_time() -> None:
    stamps = [50 + i * FRAME for i in range(20)]
    placed, clock = times(stamps)
    assert placed == stamps
    assert clock.frozen == 0
    assert clock.remark() == ""


@pytest.mark.parametrize("fall", [0, 1, 1_000_000, 30_000_000])
def test_stamps_that_stand_or_fall_slowly_are_replaced_by_arrival(fall: int) -> None:
    placed, clock = times([START - i * fall for i in range(900)])
    assert [b - a for a, b in itertools.pairwise(placed)] == [FRAME] * 899
    assert clock.frozen == 899
    assert "stamps do not advance" in clock.remark()


@pytest.mark.parametrize("step", [1, 1000, FRAME // 1001])
def test_stamps_that_hardly_advance_are_replaced_by_arrival(step: int) -> None:
    # A counter, or microseconds in the place of nanoseconds: tracks would never end.
    placed, clock = times([START + i * step for i in range(900)])
    assert placed[:3] == [START, START + step, START + 2 * step]
    assert [b - a for a, b in itertools.pairwise(placed[2:])] == [FRAME] * 897
    assert "stamps do not advance" in clock.remark()


def test_a_program_that_stands_still_for_a_minute_does_not_take_stamps_for_standing() -> None:
    stamps = [START + i * FRAME for i in range(40)]
    arrivals = [stamp + 60_000_000_000 * (i >= 20) for i, stamp in enumerate(stamps)]
    placed, clock = times(stamps, arrivals)
    assert placed == stamps
    assert clock.frozen == 0


def test_frames_without_a_stamp_are_placed_by_arrival() -> None:
    placed, clock = times([0] * 10)
    assert placed == [START + i * FRAME for i in range(10)]
    assert clock.remark() == ""  # said elsewhere: images without a stamp


def test_a_single_late_image_is_no_remark_and_shifts_nothing() -> None:
    stamps = [START + i * FRAME for i in (0, 1, 2, 4, 3, 5, 6)]
    placed, clock = times(stamps)
    assert placed == sorted(placed)
    assert placed[-1] == stamps[-1]
    assert clock.frozen == 1
    assert clock.remark() == ""


def test_a_clock_that_jumps_back_is_followed() -> None:
    placed, clock = times([START, START + FRAME, 5 * FRAME, 6 * FRAME])
    assert placed[2:] == [5 * FRAME, 6 * FRAME]
    assert clock.remark() == ""


def test_after_standing_stamps_time_goes_on_without_a_jump() -> None:
    stamps = [START] * 300 + [START + (1 + i) * FRAME for i in range(300)]
    placed, clock = times(stamps)
    steps = [b - a for a, b in itertools.pairwise(placed)]
    assert set(steps) == {FRAME}
    assert clock.remark() == ""


def test_it_takes_a_few_images_to_say_so() -> None:
    _, clock = times([START] * FROZEN_AFTER)
    assert clock.remark() == ""
    _, clock = times([START] * (FROZEN_AFTER + 1))
    assert clock.remark()


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), min_size=2, max_size=30))
def test_time_falls_only_where_the_stamps_jump_back(pairs: list[tuple[int, int]]) -> None:
    clock = FrameClock()
    previous_stamp = previous = 0
    for stamp, arrival in pairs:
        time = clock.place(stamp, arrival)
        if not (stamp and stamp < previous_stamp - CLOCK_JUMP_NS):
            assert time >= previous
        previous_stamp, previous = stamp or previous_stamp, time


def hops(size: int, first: int = 0, every: int = 15, frames: int = 120) -> list[int]:
    return [START + i * FRAME + (size if i // every % 2 else first) for i in range(frames)]


@pytest.mark.parametrize("every", [5, 15, 60])
@pytest.mark.parametrize("size", [100_000_000, 550_000_000, 700_000_000, 950_000_000])
def test_time_waits_where_a_clock_hops_by_less_than_a_second(size: int, every: int) -> None:
    placed, clock = times(hops(size, every=every, frames=480))
    assert clock.restarts.count == 0
    assert placed == sorted(placed)
    lead = [time - (START + i * FRAME) for i, time in enumerate(placed)]
    assert min(lead) >= 0
    assert max(lead) <= 2 * size, "it must not run away"


@pytest.mark.parametrize("size", [1_500_000_000, 5_000_000_000, 3_600_000_000_000, 10**18])
def test_a_clock_that_hops_to_and_fro_does_not_tear_time(size: int) -> None:
    placed, clock = times(hops(size))
    assert placed == [START + i * FRAME for i in range(120)]
    assert (clock.steps.count, clock.restarts.count) == (7, 0)
    assert abs(clock.steps.largest_ns) == pytest.approx(size, abs=2 * FRAME)
    assert "steps by up to" in clock.summary()
    assert "synchronise the clocks" in clock.summary()


def test_a_clock_that_is_set_ahead_goes_on_by_arrival() -> None:
    placed, clock = times([START + i * FRAME + (i >= 30) * 3600 * 10**9 for i in range(60)])
    assert placed == [START + i * FRAME for i in range(60)]
    assert clock.summary().startswith("its clock steps by 3600.0 s against the arrival")
    assert clock.step_remark() == clock.summary()


def test_a_clock_that_is_set_back_begins_anew_and_says_so() -> None:
    placed, clock = times([START + i * FRAME - (i >= 30) * 60 * 10**9 for i in range(60)])
    assert placed[30] == START + 30 * FRAME - 60 * 10**9
    assert clock.restarts.count == 1
    assert clock.fallen_ns == 60 * 10**9
    assert "its stamps jump back by 60.0 s" in clock.summary()


def test_a_first_stamp_of_another_epoch_is_placed_by_arrival() -> None:
    clock = FrameClock(lag_ns=5_000_000)
    stamps = [50 * 10**9, *(START + i * FRAME for i in range(1, 20))]
    placed = [clock.place(s, START + i * FRAME + 5_000_000) for i, s in enumerate(stamps)]
    assert placed == [START + i * FRAME for i in range(20)]
    assert clock.steps.count == 2


@pytest.mark.parametrize("pace", [0.05, 0.3, 3.0, 20.0])
def test_a_simulator_and_a_player_that_run_at_another_pace_do_not_step(pace: float) -> None:
    stamps = [START + i * FRAME for i in range(300)]
    stamps[150:] = [stamp + 8 * 10**9 for stamp in stamps[150:]]  # the camera pauses
    placed, clock = times(stamps, [int((stamp - START) / pace) + START for stamp in stamps])
    assert placed == stamps
    assert clock.breaks == 0


def test_late_and_bunched_arrivals_do_not_step() -> None:
    stamps = [START + i * FRAME for i in range(200)]
    arrivals = [stamp + 1_000_000 for stamp in stamps]
    arrivals[50:90] = [arrivals[89]] * 40  # a stall, and all at once
    arrivals[120] += 3 * 10**9 // 2  # one image late, the next ones are lost
    del stamps[121:160], arrivals[121:160]
    placed, clock = times(stamps, arrivals)
    assert placed == stamps
    assert clock.breaks == 0


def test_arrivals_that_stand_prove_nothing() -> None:
    stamps = [START + i * 10**9 for i in range(30)]
    assert times(stamps, [START] * 30)[0] == stamps
    assert times(stamps, [0] * 30)[0] == stamps
