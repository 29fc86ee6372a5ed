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

"""The events of one camera: which faces a rule looks at, and what it says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ros.behaviors.rows import CONFIDENCE, NAMES, PLACES, Row, Rows, View, labels_of
from fer_ros.behaviors.rules import Rule
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.transport.event_messages import Cause, Event, FaceTable, Phase

KEEP_NS = 60_000_000_000
"""How long a face that is gone is remembered: a track lives on for as long, at most."""

MAX_SLOTS = 2000
"""Faces remembered at once; of more, the longest gone are forgotten."""

_CLEARLY_CLOSER = 1.15
"""How much larger another face must be to become the nearest, or the largest."""


@dataclass
class _Slot:
    """A face that is remembered."""

    track_id: str
    first_ns: int
    seen_ns: int
    label: str = ""
    """The label of the last image it was seen in."""
    expression: str = ""
    """The last label that was certain."""
    before: str = ""
    """The one before that."""
    confidence: float = 0.0

    def see(self, stamp_ns: int, label: str, confidence: float) -> None:
        """Take in what an image shows of the face."""
        self.seen_ns, self.label, self.confidence = stamp_ns, label, confidence
        if label not in (self.expression, UNCERTAIN):
            self.before, self.expression = self.expression, label


class CameraEvents:
    """Judges the answers of one camera by the rules that are about it."""

    def __init__(self, rules: Sequence[Rule], source_topic: str, silence_ns: int) -> None:
        """Start with nobody there."""
        self._topic = source_topic
        self._silence_ns = silence_ns
        rows = [Row(rule, label) for rule in rules for label in labels_of(rule)]
        self._faces = Rows([row for row in rows if row.rule.faces not in ("any", "all")])
        self._crowd = Rows([row for row in rows if row.rule.faces in ("any", "all")])
        self._crowd.states.grow(1)
        self._crowd_seen = np.zeros(len(self._crowd), np.float32)
        self._held = np.zeros((len(self._faces), 0), np.float32)
        self._slots: list[_Slot] = []
        self._places: dict[str, int] = {}
        self._chosen: dict[str, str] = {}
        self._labels: tuple[str, ...] = ()
        self._frame_id = ""
        self._silent = True
        self.newest_ns: int | None = None
        """Stamp of the newest answer."""
        self.unknown: tuple[str, ...] = ()
        """Rules that cannot hold because the network lacks an expression that they name."""

    @property
    def running(self) -> int:
        """How many events run."""
        return sum(int(rows.states.running.sum()) for rows in (self._faces, self._crowd))

    def advance(self, now_ns: int) -> list[Event]:
        """End everything when nothing has come for too long."""
        if self._silent or self.newest_ns is None or now_ns - self.newest_ns <= self._silence_ns:
            return []
        return self._stop("silent", self.newest_ns + self._silence_ns)

    def restart(self) -> list[Event]:
        """End everything because the stamps jumped back; what comes is a new beginning."""
        events = [] if self.newest_ns is None else self._stop("silent", self.newest_ns)
        self.newest_ns = None
        self._slots, self._places = [], {}
        for rows in (self._faces, self._crowd):
            rows.states.forgive()
        self._keep(np.zeros(self._held.shape[1], np.bool_))
        return events

    def close(self) -> list[Event]:
        """End everything."""
        return [] if self.newest_ns is None else self._stop("stopped", self.newest_ns)

    def update(self, faces: FaceTable) -> list[Event]:
        """Judge an answer that is newer than those before."""
        stamp = faces.stamp_ns
        self.newest_ns, self._silent, self._frame_id = stamp, False, faces.frame_id
        if faces.labels != self._labels:
            self._labels = faces.labels
            found = self._faces.unknown(faces.labels) | self._crowd.unknown(faces.labels)
            self.unknown = tuple(sorted(found))
        view = self._view(faces)
        events = self._judge_faces(view, stamp) if len(self._faces) else []
        if len(self._crowd):
            events += self._judge_crowd(view, stamp)
        self._forget(stamp)
        order: dict[Phase, int] = {"end": 0, "start": 1, "ongoing": 2}
        return sorted(events, key=lambda event: order[event.phase])

    def _view(self, faces: FaceTable) -> View:
        """Give every face a slot and lay the answer out by slots."""
        stamp = faces.stamp_ns
        places = np.array([self._place(name, stamp) for name in faces.track_ids], np.intp)
        count = len(self._slots)
        own = np.array([PLACES.get(label, -1) for label in faces.labels], np.intp)
        label = np.full(count, -1, np.intp)
        certain = faces.label_index >= 0
        label[places[certain]] = own[faces.label_index[certain]]
        values = np.full((len(NAMES), count), np.nan, np.float32)
        known = own >= 0
        values[np.ix_(own[known], places)] = faces.probabilities[:, known].T
        present = np.zeros(count, np.bool_)
        present[places] = True
        area, closeness = np.full((2, count), -1.0, np.float32)
        area[places], closeness[places] = faces.area, faces.closeness
        for place, index, confidence in zip(places, faces.label_index, faces.confidence):
            name = faces.labels[index] if index >= 0 else UNCERTAIN
            self._slots[place].see(stamp, name, float(confidence))
        ages = [(stamp - self._slots[place].first_ns) / 1e9 for place in places]
        values[CONFIDENCE:, places] = (faces.confidence, faces.height, ages)
        return View(present, label, values, area, closeness)

    def _place(self, track_id: str, stamp_ns: int) -> int:
        place = self._places.get(track_id)
        if place is None:
            place = len(self._slots)
            self._places[track_id] = place
            self._slots.append(_Slot(track_id, stamp_ns, stamp_ns))
            columns = self._held.shape[1]
            if place >= columns:
                self._faces.states.grow(max(2 * columns, 8))
                self._held = np.pad(self._held, ((0, 0), (0, max(2 * columns, 8) - columns)))
        return place

    def _judge_faces(self, view: View, stamp_ns: int) -> list[Event]:
        strict, relaxed = self._faces.judge(view, self._labels)
        for kind, rows, size in (
            ("nearest", self._faces.nearest, view.closeness),
            ("largest", self._faces.largest, view.area),
        ):
            if len(rows):
                chosen = self._choose(kind, size, view.present)
                strict[rows] &= chosen
                relaxed[rows] &= chosen
        missing = self._held.shape[1] - strict.shape[1]
        strict, relaxed = (np.pad(each, ((0, 0), (0, missing))) for each in (strict, relaxed))
        changes = self._faces.states.step(stamp_ns, strict, relaxed)
        confidence = np.pad(view.values[CONFIDENCE], (0, missing))
        np.copyto(self._held, confidence, where=strict | relaxed)
        return [
            *(
                self._face_event("end", row, place, stamp_ns, self._why(row, place, view))
                for row, place in changes.ended
            ),
            *(self._face_event("start", row, place, stamp_ns) for row, place in changes.started),
            *(self._face_event("ongoing", row, place, stamp_ns) for row, place in changes.ongoing),
        ]

    def _choose(
        self, kind: str, size: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return a mask of the one face; it changes only for one that is clearly larger."""
        chosen = np.zeros(len(present), np.bool_)
        if present.any():
            best = int(size.argmax())
            old = self._places.get(self._chosen.get(kind, ""))
            if old is not None and present[old] and size[best] < size[old] * _CLEARLY_CLOSER:
                best = old
            self._chosen[kind] = self._slots[best].track_id
            chosen[best] = True
        return chosen

    def _why(self, row: int, place: int, view: View) -> Cause:
        if not view.present[place]:
            return "left"
        wanted, shown = self._faces.label[row], view.label[place]
        return "changed" if wanted >= 0 and shown >= 0 and shown != wanted else "ended"

    def _face_event(
        self, phase: Phase, row: int, place: int, stamp_ns: int, cause: Cause = ""
    ) -> Event:
        states, slot, of = self._faces.states, self._slots[place], self._faces.rows[row]
        onset = int(states.onset[row, place])
        before = slot.before if slot.expression == slot.label else slot.expression
        return Event(
            phase=phase,
            cause=cause,
            rule=of.rule.name,
            source_topic=self._topic,
            stamp_ns=stamp_ns,
            frame_id=self._frame_id,
            track_id=slot.track_id,
            label=of.label or slot.label,
            previous_label=before if phase == "start" else "",
            confidence=float(self._held[row, place]),
            onset_ns=onset,
            duration_ns=int(states.held[row, place]) - onset,
        )

    def _judge_crowd(self, view: View, stamp_ns: int) -> list[Event]:
        """Judge rules about any or all faces; they have one column."""
        rows = self._crowd
        both = rows.judge(view, self._labels)
        fulfilled = []
        for each in both:
            seen = each[:, view.present]
            all_faces = seen.all(axis=1, keepdims=True) & bool(view.present.any())
            of_all = rows.every[:, None]
            fulfilled.append(np.where(of_all, all_faces, seen.any(axis=1, keepdims=True)))
        self._remember_crowd(both[1], fulfilled[1][:, 0], view)
        changes = rows.states.step(stamp_ns, fulfilled[0], fulfilled[1])
        cause: Cause = "ended" if view.present.any() else "left"
        return [
            *(self._crowd_event("end", row, stamp_ns, cause) for row, _ in changes.ended),
            *(self._crowd_event("start", row, stamp_ns) for row, _ in changes.started),
            *(self._crowd_event("ongoing", row, stamp_ns) for row, _ in changes.ongoing),
        ]

    def _remember_crowd(
        self, cells: NDArray[np.bool_], rows: NDArray[np.bool_], view: View
    ) -> None:
        """Keep the confidence of the surest face, for rules about all that of the least sure."""
        if not rows.any():
            return
        confidence = view.values[CONFIDENCE]
        surest = np.where(cells, confidence, -np.inf).max(axis=1)
        least = np.where(cells, confidence, np.inf).min(axis=1)
        self._crowd_seen[rows] = np.where(self._crowd.every, least, surest)[rows]

    def _crowd_event(self, phase: Phase, row: int, stamp_ns: int, cause: Cause = "") -> Event:
        states, of = self._crowd.states, self._crowd.rows[row]
        onset = int(states.onset[row, 0])
        return Event(
            phase=phase,
            cause=cause,
            rule=of.rule.name,
            source_topic=self._topic,
            stamp_ns=stamp_ns,
            frame_id=self._frame_id,
            track_id="",
            label=of.label,
            previous_label="",
            confidence=float(self._crowd_seen[row]),
            onset_ns=onset,
            duration_ns=int(states.held[row, 0]) - onset,
        )

    def _stop(self, cause: Cause, stamp_ns: int) -> list[Event]:
        self._silent = True
        faces = self._faces.states.stop(stamp_ns)
        crowd = self._crowd.states.stop(stamp_ns)
        return [
            *(self._face_event("end", row, place, stamp_ns, cause) for row, place in faces),
            *(self._crowd_event("end", row, stamp_ns, cause) for row, _ in crowd),
        ]

    def _forget(self, stamp_ns: int) -> None:
        """Let the slots of faces go that are gone for good."""
        count = len(self._slots)
        if not count:
            return
        gone_ns = stamp_ns - np.array([slot.seen_ns for slot in self._slots], np.int64)
        if not gone_ns.any():
            return
        running = self._faces.states.running[:, :count].any(axis=0)
        busy = self._faces.states.busy(stamp_ns)[:count]
        forgotten = ~running & (gone_ns > np.where(busy, KEEP_NS, self._silence_ns))
        excess = count - int(forgotten.sum()) - MAX_SLOTS
        if excess > 0:
            oldest = np.argsort(-gone_ns, kind="stable")
            oldest = oldest[(~forgotten & ~running & (gone_ns > 0))[oldest]]
            forgotten[oldest[:excess]] = True
        if forgotten.any():
            self._keep(np.pad(~forgotten, (0, self._held.shape[1] - count)))
            self._slots = [s for s, gone in zip(self._slots, forgotten) if not gone]
            self._places = {slot.track_id: i for i, slot in enumerate(self._slots)}

    def _keep(self, columns: NDArray[np.bool_]) -> None:
        self._faces.states.keep(columns)
        self._held = self._held[:, columns]
