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

"""Losses before the node, told from stamps."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.node.backlog import Message
from fer_ros.node.gaps import StampGap, StampGaps
from fer_ros.node.stream import Stream
from fer_ros.transport.messages import IMAGE

SECOND = 1_000_000_000


def missing(stamps) -> int:
    gaps = StampGaps()
    found = [gap for stamp in stamps for gap in gaps.note(int(stamp))]
    return sum(gap.missing for gap in [*found, *gaps.finish()])


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_lost_images_are_counted(share: float) -> None:
    rng = np.random.default_rng(0)
    sent = SECOND + np.arange(2000) * SECOND // 60 + rng.integers(-500_000, 500_000, 2000)
    came = sent[rng.random(2000) >= share]
    lost = 2000 - len(came)
    assert abs(missing(came) - lost) <= 0.1 * lost + 5


def test_jitter_pauses_and_other_rates_are_no_losses() -> None:
    rng = np.random.default_rng(1)
    steady = SECOND + np.arange(500) * SECOND // 30
    assert missing(steady + rng.integers(-4_000_000, 4_000_000, 500)) == 0
    assert missing([*steady, *(steady + 60 * SECOND)]) == 0  # a minute's pause
    assert missing([0] * 50) == 0
    assert missing([SECOND] * 50) == 0
    assert missing(steady[::-1]) == 0
    uneven = np.cumsum([10_000_000, 56_000_000] * 100)  # two images in a burst
    assert missing(SECOND + uneven) == 0


def test_stamps_a_nanosecond_apart_count_no_images_as_missing() -> None:
    gaps, stamp_ns = StampGaps(), 10**18
    for _ in range(20):
        stamp_ns += 1
        assert not gaps.note(stamp_ns)
    assert not gaps.note(stamp_ns + 900_000_000)
    assert not gaps.finish()


@pytest.mark.parametrize("paces", [(30, 15), (30, 10, 30), (60, 30, 15), (30, 15, 30, 15, 30)])
def test_a_camera_that_changes_its_pace_loses_nothing(paces: tuple[int, ...]) -> None:
    rng, stamps, stamp_ns = np.random.default_rng(2), [], 10**18
    for pace in paces:
        for _ in range(90):
            stamp_ns += SECOND // pace
            stamps.append(stamp_ns + int(rng.integers(-1_000_000, 1_000_000)))
    assert missing(stamps) == 0
    lost = [70, 71, 130, 150, 152]
    assert 4 <= missing(np.delete(stamps, lost)) <= 5


def test_a_few_losses_one_after_the_other_are_losses() -> None:
    steady = SECOND + np.arange(200) * SECOND // 30
    assert missing(np.delete(steady, [60, 62, 64])) == 3
    assert missing(np.delete(steady, [60, 62, 64, 100, 101])) == 5


def test_a_gap_says_where_it_is_and_how_long() -> None:
    gaps = StampGaps()
    steady = [10**18 + i * 33_000_000 for i in range(20)]
    behind = steady[-1] + 4 * 33_000_000
    found = [gap for stamp in [*steady, behind] for gap in gaps.note(stamp)]
    assert [*found, *gaps.note(behind + 33_000_000)] == [StampGap(behind, 132_000_000, 3)]


def test_a_gap_of_many_images_is_counted_at_once() -> None:
    """A camera of 1000 Hz that pauses for most of a second: one entry, not one an image."""
    stream, stamp_ns = Stream("/image", IMAGE, lambda: None), 10**18
    for _ in range(20):
        stamp_ns += 1_000_000
        stream.put(Message(b"", stamp_ns, stamp_ns))
    for after in (900_000_000, 901_000_000):
        stream.put(Message(b"", stamp_ns, stamp_ns + after))
    assert stream.counts().missing == 899
    assert stream.rates().missing_share == pytest.approx(899 / 921)
