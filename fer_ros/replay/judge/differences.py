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


"""Where two replays of one recording differ, image by image and face by face; needs no labels."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from fer_ros.perception.types import Box
from fer_ros.replay import records
from fer_ros.replay.judge.cameras import ANSWERED
from fer_ros.replay.lines import FaceLine, FrameLine
from fer_ros.replay.verdicts import Change, Differences, DifferentStretch

_SAME_FACE = 0.3
"""Overlap (intersection over union) from which two boxes of an image are of one face."""

_LONGEST = 12
"""Stretches that are kept."""

_MOST_WAITING = 20_000
"""Images of one replay that wait for those of the other."""


def differences(before: Path, now: Path) -> Differences | None:
    """Compare the ``results.jsonl`` of two replays.

    Args:
        before: The earlier one.
        now: The later one, whose tracks and labels of people count.

    Returns:
        None where they have no image in common.

    Raises:
        RecordError: A file cannot be read.
    """
    sums = _Sums()
    for one, other in _pairs(before, now):
        sums.add(one, other)
    return sums.result() if sums.images else None


def _pairs(before: Path, now: Path) -> Iterator[tuple[FrameLine | None, FrameLine | None]]:
    """Yield the images of both by their camera and times; None where one lacks it."""
    waiting: tuple[dict[object, FrameLine], dict[object, FrameLine]] = ({}, {})
    both = (records.read_lines(path, FrameLine) for path in (before, now))
    for lines in zip_longest(*both):
        for side, line in enumerate(lines):
            if line is None:
                continue
            key = (line.topic, line.stamp_ns, line.recorded_ns)
            other = waiting[1 - side].pop(key, None)
            if other is not None:
                yield (other, line) if side else (line, other)
                continue
            waiting[side][key] = line
            if len(waiting[side]) > _MOST_WAITING:
                oldest = waiting[side].pop(next(iter(waiting[side])))
                yield (None, oldest) if side else (oldest, None)
    for line in waiting[0].values():
        yield line, None
    for line in waiting[1].values():
        yield None, line


@dataclass
class _Open:
    """A stretch that may go on."""

    labels: tuple[str, str]
    start: FrameLine
    track_before: str
    end_ns: int = 0
    frames: int = 0
    sure: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Sums of the confidences."""

    def add(self, line: FrameLine, one: FaceLine, other: FaceLine) -> None:
        self.end_ns = line.recorded_ns
        self.frames += 1
        self.sure[0] += one.confidence
        self.sure[1] += other.confidence


class _Sums:
    """What was compared so far."""

    def __init__(self) -> None:
        self.images = 0
        self._images_alone = [0, 0]
        self._faces = self._same = 0
        self._faces_alone = [0, 0]
        self._distance = 0.0
        self._labelled = 0
        self._right = [0, 0]
        self._changes: Counter[tuple[str, str]] = Counter()
        self._right_of: Counter[tuple[str, str, int]] = Counter()
        self._first_ns: int | None = None
        self._open: dict[tuple[str, str], _Open] = {}
        self._longest: list[tuple[int, int, DifferentStretch]] = []
        self._ended = 0

    def add(self, before: FrameLine | None, now: FrameLine | None) -> None:
        """Take in an image of both."""
        there = [line is not None and line.status == ANSWERED for line in (before, now)]
        if self._first_ns is None:
            self._first_ns = (now or before).recorded_ns  # type: ignore[union-attr]
        if not all(there):
            for side in (0, 1):
                self._images_alone[side] += there[side]
            return
        assert before is not None
        assert now is not None
        self.images += 1
        old, new = before.faces or [], now.faces or []
        pairs = _matched(old, new)
        self._faces_alone[0] += len(old) - len(pairs)
        self._faces_alone[1] += len(new) - len(pairs)
        differing = {}
        for one, other in pairs:
            self._add_face(one, other)
            if one.label != other.label:
                differing[now.topic, other.track_id] = one, other
        ended = [k for k in self._open if k[0] == now.topic and k not in differing]
        for key in ended:
            self._end(key)
        for key, faces in differing.items():
            self._go_on(key, now, *faces)

    def _add_face(self, one: FaceLine, other: FaceLine) -> None:
        self._faces += 1
        self._same += one.label == other.label
        names = one.smoothed.keys() | other.smoothed.keys()
        gaps = (abs(one.smoothed.get(n, 0.0) - other.smoothed.get(n, 0.0)) for n in names)
        self._distance += sum(gaps) / 2
        labels = one.label, other.label
        if one.label != other.label:
            self._changes[labels] += 1
        if other.truth is None:
            return
        self._labelled += 1
        for side, label in enumerate(labels):
            self._right[side] += label == other.truth
            self._right_of[(*labels, side)] += label == other.truth

    def _go_on(self, key: tuple[str, str], line: FrameLine, one: FaceLine, other: FaceLine) -> None:
        labels = one.label, other.label
        stretch = self._open.get(key)
        if stretch is None or stretch.labels != labels:
            if stretch is not None:
                self._end(key)
            stretch = self._open[key] = _Open(labels, line, one.track_id)
        stretch.add(line, one, other)

    def _end(self, key: tuple[str, str]) -> None:
        stretch = self._open.pop(key)
        self._ended += 1
        before, now = stretch.labels
        found = DifferentStretch(
            topic=key[0],
            track_id=key[1],
            track_before=stretch.track_before,
            stamp_ns=stretch.start.stamp_ns,
            start_s=(stretch.start.recorded_ns - (self._first_ns or 0)) / 1e9,
            seconds=(stretch.end_ns - stretch.start.recorded_ns) / 1e9,
            frames=stretch.frames,
            before=before,
            now=now,
            confidence_before=stretch.sure[0] / stretch.frames,
            confidence_now=stretch.sure[1] / stretch.frames,
        )
        heapq.heappush(self._longest, (stretch.frames, -self._ended, found))
        if len(self._longest) > _LONGEST:
            heapq.heappop(self._longest)

    def result(self) -> Differences:
        """Return the sums; the stretches longest first."""
        for key in list(self._open):
            self._end(key)
        changes = [
            Change(*labels, count, *(self._right_of[(*labels, side)] for side in (0, 1)))
            for labels, count in self._changes.most_common()
        ]
        return Differences(
            images=self.images,
            images_before=self._images_alone[0],
            images_now=self._images_alone[1],
            faces=self._faces,
            faces_before=self._faces_alone[0],
            faces_now=self._faces_alone[1],
            same_label=self._same / self._faces if self._faces else None,
            distance=self._distance / self._faces if self._faces else None,
            labelled=self._labelled,
            right_before=self._right[0],
            right_now=self._right[1],
            changes=changes,
            longest=[stretch for *_, stretch in sorted(self._longest, reverse=True)],
        )


def _matched(
    before: Sequence[FaceLine], now: Sequence[FaceLine]
) -> list[tuple[FaceLine, FaceLine]]:
    """Return the faces of an image that both have, the best overlaps first."""
    overlaps = sorted(
        (-overlap, i, j)
        for i, one in enumerate(before)
        for j, other in enumerate(now)
        if (overlap := Box(*one.box).iou(Box(*other.box))) >= _SAME_FACE
    )
    pairs: list[tuple[int, int]] = []
    for _, i, j in overlaps:
        if all(i != taken and j != other for taken, other in pairs):
            pairs.append((i, j))
    return [(before[i], now[j]) for i, j in pairs]
