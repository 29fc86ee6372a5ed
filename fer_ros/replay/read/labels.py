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

"""Labels of a recording's faces by people: from files of intervals, or a topic of labels.

Everything becomes spans: stretches of time in which one face shows one expression. A span of a
file holds between its start and its end; a span of a topic holds at the very stamps that its
messages name.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import Box
from fer_ros.replay.read.label_files import LabelError, LabelInterval, canonical_label, read_rows
from fer_ros.runtime.recording_clocks import Moment
from fer_ros.transport import messages

STAMP_TOLERANCE = 1_000_000
"""How far the stamp of a label message may lie from its image's [ns]: some tools round to
microseconds."""

_SPAN_GAP = 1_000_000_000
"""Label messages further apart than this start a new span [ns]."""

_SAME_FACE_IOU = 0.1
"""Overlap of two consecutive label boxes that belong to one face, as it moves."""


@dataclass
class Span:
    """One stretch of time in which one face shows one expression."""

    label: str
    """Canonical name, or :data:`fer_ros.replay.read.label_names.IGNORE`."""
    topic: str
    """Camera topic; empty for all."""
    track_id: str
    """Empty when not given."""
    start_ns: int
    end_ns: int
    """Exclusive."""
    box: Box | None
    """Where the face is [pixels]; of the latest message for a span of a topic."""
    source: str
    """Where it comes from: file and line, or topic."""
    relative: bool = False
    """Whether start and end are times on the axis of all cameras; else they are stamps."""

    def when(self, moment: Moment) -> int:
        """Return when an image was taken, on the scale of start and end [ns]."""
        return moment.time_ns if self.relative else moment.stamp_ns


@dataclass(frozen=True)
class ActiveLabel:
    """A span as it holds for one image."""

    span: int
    """Index into :attr:`LabelSet.spans`."""
    label: str
    track_id: str
    box: Box | None


@dataclass
class _Stamped:
    """The label messages of one camera topic."""

    stamps: array[int] = field(default_factory=lambda: array("q"))
    spans: array[int] = field(default_factory=lambda: array("q"))
    boxes: array[float] = field(default_factory=lambda: array("f"))

    def sort(self) -> None:
        order = np.argsort(np.frombuffer(self.stamps, np.int64), kind="stable")
        self.stamps = array("q", np.frombuffer(self.stamps, np.int64)[order].tobytes())
        self.spans = array("q", np.frombuffer(self.spans, np.int64)[order].tobytes())
        boxes = np.frombuffer(self.boxes, np.float32).reshape(-1, 4)[order]
        self.boxes = array("f", boxes.tobytes())


_Intervals = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Starts, ends, and indices into the spans."""

_NO_INTERVALS: _Intervals = (np.empty(0, np.int64),) * 3


class LabelSet:
    """All labels of a recording, found by topic and time."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.blank_rows = 0
        """Rows of files whose label nobody has filled in."""
        self._rows: list[LabelInterval] = []
        self._stamped: dict[str, _Stamped] = {}
        self._open: dict[str, list[int]] = {}
        self._intervals: dict[tuple[str, bool], _Intervals] | None = None

    def add_file(self, path: Path) -> None:
        """Read intervals from a label file; they hold once :meth:`set_origin` was called.

        Raises:
            LabelError: The file cannot be read, or a row is malformed; the message names it.
        """
        for row in read_rows(path):
            if row.label:
                self._rows.append(row)
            else:
                self.blank_rows += 1

    def set_origin(self, origin_ns: int) -> None:
        """Place the intervals of files in time.

        Args:
            origin_ns: What times with a plus sign count from, e.g. ``+12.5``: the time of the
                first image.

        Raises:
            LabelError: An interval ends before it begins.
        """
        for row in self._rows:
            start, end = row.start.at(origin_ns), row.end.at(origin_ns)
            if end <= start:
                raise LabelError(f"{row.place}: the end does not come after the start")
            self.spans.append(
                Span(
                    row.label, row.topic, row.track_id, start, end, row.box, row.place,
                    relative=row.start.relative,
                )
            )  # fmt: skip
        self._rows, self._intervals = [], None

    def add_message(self, message: Any, topic: str) -> None:
        """Add one fer_ros/msg/EmotionLabel, in the order of recording.

        Args:
            message: The decoded message.
            topic: Where it came from, for error messages.

        Raises:
            LabelError: Its label is unknown.
        """
        roi, stamp_ns = message.roi, messages.time_ns(message.header.stamp)
        box = Box(roi.x_offset, roi.y_offset, roi.width, roi.height) if roi.width else None
        label = canonical_label(message.label, f"{topic} at {stamp_ns}")
        span = self._continue(message.source_topic, message.track_id, label, stamp_ns, box, topic)
        stamped = self._stamped.setdefault(message.source_topic, _Stamped())
        stamped.stamps.append(stamp_ns)
        stamped.spans.append(span)
        corners = (box.x, box.y, box.width, box.height) if box else (0.0, 0.0, 0.0, 0.0)
        stamped.boxes.extend(corners)

    def finish(self) -> None:
        """Sort messages that came out of order; call it after the last one."""
        for stamped in self._stamped.values():
            stamped.sort()
        self._open, self._intervals = {}, None

    def active(self, topic: str, moment: Moment) -> list[ActiveLabel]:
        """Return the labels that hold for an image."""
        if not self.spans:
            return []
        found: list[ActiveLabel] = []
        for key in (topic, ""):
            found += self._at_stamp(key, moment.stamp_ns)
            found += self._at_time(key, moment)
        return found

    def _at_stamp(self, topic: str, stamp_ns: int) -> Iterator[ActiveLabel]:
        stamped = self._stamped.get(topic)
        if stamped is None:
            return
        stamps = np.frombuffer(stamped.stamps, np.int64)
        first = int(np.searchsorted(stamps, stamp_ns - STAMP_TOLERANCE))
        last = int(np.searchsorted(stamps, stamp_ns + STAMP_TOLERANCE, side="right"))
        for index in range(first, last):
            x, y, width, height = stamped.boxes[4 * index : 4 * index + 4]
            box = Box(x, y, width, height) if width else None
            span = self.spans[stamped.spans[index]]
            yield ActiveLabel(stamped.spans[index], span.label, span.track_id, box)

    def _at_time(self, topic: str, moment: Moment) -> Iterator[ActiveLabel]:
        if self._intervals is None:
            self._intervals = self._index_intervals()
        for relative, when in ((False, moment.stamp_ns), (True, moment.time_ns)):
            starts, ends, spans = self._intervals.get((topic, relative), _NO_INTERVALS)
            for index in spans[(starts <= when) & (when < ends)]:
                span = self.spans[index]
                yield ActiveLabel(int(index), span.label, span.track_id, span.box)

    def _index_intervals(self) -> dict[tuple[str, bool], _Intervals]:
        of_messages = {index for s in self._stamped.values() for index in set(s.spans)}
        by_topic: dict[tuple[str, bool], list[int]] = {}
        for index, span in enumerate(self.spans):
            if index not in of_messages:
                by_topic.setdefault((span.topic, span.relative), []).append(index)
        return {
            key: (
                np.array([self.spans[i].start_ns for i in indices], np.int64),
                np.array([self.spans[i].end_ns for i in indices], np.int64),
                np.array(indices, np.int64),
            )
            for key, indices in by_topic.items()
        }

    def _continue(
        self, camera: str, track_id: str, label: str, stamp_ns: int, box: Box | None, source: str
    ) -> int:
        """Return the span that a message continues, or a new one's index."""
        candidates = [
            index
            for index in self._open.get(camera, [])
            if 0 <= stamp_ns - (self.spans[index].end_ns - 1) <= _SPAN_GAP
        ]
        self._open[camera] = candidates
        for index in candidates:
            span = self.spans[index]
            if span.label == label and span.track_id == track_id and _continues(span, box):
                # A face is labelled once per image: the same stamp again is another face.
                if span.end_ns - 1 == stamp_ns:
                    continue
                span.end_ns, span.box = stamp_ns + 1, box
                return index
        self.spans.append(Span(label, camera, track_id, stamp_ns, stamp_ns + 1, box, source))
        candidates.append(len(self.spans) - 1)
        return len(self.spans) - 1


def _continues(span: Span, box: Box | None) -> bool:
    if span.track_id:
        return True
    if span.box is None or box is None:
        return span.box is box
    return span.box.iou(box) >= _SAME_FACE_IOU
