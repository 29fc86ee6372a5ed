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

"""Evaluation of rules on one camera: selection of faces, and their events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_ros.behaviors.cases import Case, cases_of
from fer_ros.behaviors.episodes import Episode, step
from fer_ros.behaviors.rules import Rule
from fer_ros.behaviors.tracks import Track, TrackTable, largest, only_endless
from fer_ros.transport.event_messages import Cause, Event, FaceTable, Phase
from fer_ros.transport.messages import LATEST_NS

_CLEARLY_LARGER = 1.15
"""How much larger another face must be to become the nearest, or the largest."""

_SIZES = {"nearest": "closeness", "largest": "area"}
"""What the one face of such a rule is chosen by."""

_ORDER: dict[Phase, int] = {"end": 0, "start": 1, "ongoing": 2}


class CameraEvents:
    """Evaluates the results of one camera by the rules that are about it."""

    def __init__(self, rules: Sequence[Rule], source_topic: str, silence_ns: int) -> None:
        """Start without faces."""
        self._topic = source_topic
        self._silence_ns = silence_ns
        cases = cases_of(rules)
        self._each = [case for case in cases if case.rule.faces not in ("any", "all")]
        self._crowd = [case for case in cases if case.rule.faces in ("any", "all")]
        self._tracks = TrackTable(silence_ns)
        self._crowd_episodes: dict[int, Episode] = {}
        self._cooldowns: dict[int, float] = {}
        """Of crowds, and of rules whose faces share one: stamp until which nothing starts."""
        self._chosen: dict[str, str] = {}
        self._labels: tuple[str, ...] = ()
        self._frame_id = ""
        self._silent = True
        self.newest_ns: int | None = None
        """Stamp of the newest result that was evaluated."""
        self.unknown: tuple[str, ...] = ()
        """Rules that cannot hold because the network lacks an expression that they name."""

    @property
    def running(self) -> int:
        """How many events run."""
        own = [track.episodes.values() for track in self._tracks]
        episodes = [self._crowd_episodes.values(), *own]
        return sum(episode.running for each in episodes for episode in each)

    def fall_silent(self) -> list[Event]:
        """End all events because no result has come for too long."""
        if self._silent or self.newest_ns is None:
            return []
        # Of stamps at the end of what a message can say the end would lie behind it.
        return self._stop("silent", min(self.newest_ns + self._silence_ns, LATEST_NS))

    def restart(self) -> list[Event]:
        """End all events because the stamps jumped back; cool-downs that never end stay."""
        events = [] if self.newest_ns is None else self._stop("silent", self.newest_ns)
        self.newest_ns = None
        self._cooldowns = only_endless(self._cooldowns)
        self._tracks.restart()
        return events

    def close(self) -> list[Event]:
        """End all events."""
        return [] if self.newest_ns is None else self._stop("stopped", self.newest_ns)

    def update(self, faces: FaceTable) -> list[Event]:
        """Evaluate a result that is newer than those before."""
        stamp = faces.stamp_ns
        events = []
        if self.newest_ns is not None and stamp - self.newest_ns > self._silence_ns:
            events = self.fall_silent()
        self.newest_ns, self._silent, self._frame_id = stamp, False, faces.frame_id
        if faces.labels != self._labels:
            self._labels = faces.labels
            cases = [*self._each, *self._crowd]
            possible = {case.index: case.use_labels(faces.labels) for case in cases}
            self.unknown = tuple(
                sorted({case.rule.name for case in cases if not possible[case.index]})
            )
        tracks = self._tracks.update(faces)
        showing: dict[str, list[Track]] = {}
        for track in tracks:
            showing.setdefault(track.shown, []).append(track)
        pending = {index for track in tracks for index in track.episodes}
        found = []
        with np.errstate(all="ignore"):  # conditions may divide by a probability
            for case in self._each:
                anyone = not case.label or case.index in pending or case.rule.faces in _SIZES
                candidates = tracks if anyone else showing.get(case.label, [])
                found += self._update_each(case, candidates, stamp)
            for case in self._crowd:
                found += self._update_crowd(case, tracks, stamp)
        self._tracks.forget()
        return events + sorted(found, key=lambda event: _ORDER[event.phase])

    def _update_each(self, case: Case, tracks: Sequence[Track], stamp_ns: int) -> list[Event]:
        """Evaluate a rule whose events are about one face each."""
        events = []
        chosen = self._choose(case.rule.faces, tracks) if case.rule.faces in _SIZES else None
        common = self._cooldowns.get(case.index, 0)
        may_start = True
        for track in tracks:
            episode = track.episodes.get(case.index)
            running = episode is not None and episode.running
            is_candidate = case.rule.faces == "each" or track is chosen
            holds = is_candidate and case.holds(track, running)
            if episode is None and not holds:
                continue
            episode, phase = step(
                episode,
                stamp_ns,
                case.timing,
                max(common, track.cooldowns.get(case.index, 0)),
                may_start,
                holds,
            )
            if episode is None:
                track.episodes.pop(case.index, None)
                continue
            track.episodes[case.index] = episode
            if episode.held_ns == stamp_ns:
                episode.confidence = track.confidence
            if phase is None:
                continue
            cause = _why(case, track) if phase == "end" else ""
            events.append(self._event(phase, case, episode, track, stamp_ns, cause))
            if phase != "ongoing":
                self._cool_down(case, track, stamp_ns)
            if phase == "start" and case.shares_cooldown:
                may_start = False
            if phase == "end":
                del track.episodes[case.index]
        return events

    def _choose(self, kind: str, tracks: Sequence[Track]) -> Track | None:
        """Return the one face; it changes only for one that is clearly larger."""
        size = _SIZES[kind]
        best = largest(tracks, size)
        if best is None:
            return None
        before = self._tracks.get(self._chosen.get(kind, ""))
        if before is not None and before.present:
            clearly = getattr(best, size) >= getattr(before, size) * _CLEARLY_LARGER
            best = best if clearly else before
        self._chosen[kind] = best.track_id
        return best

    def _update_crowd(self, case: Case, tracks: Sequence[Track], stamp_ns: int) -> list[Event]:
        """Evaluate a rule about any face or all faces; it has one event a camera."""
        present = [track for track in tracks if track.present]
        whole, pick = (all, min) if case.rule.faces == "all" else (any, max)
        episode = self._crowd_episodes.get(case.index)
        running = episode is not None and episode.running
        holds = bool(present) and whole(case.holds(track, running) for track in present)
        episode, phase = step(
            episode,
            stamp_ns,
            case.timing,
            self._cooldowns.get(case.index, 0),
            True,
            holds,
        )
        if episode is None:
            self._crowd_episodes.pop(case.index, None)
            return []
        self._crowd_episodes[case.index] = episode
        if episode.held_ns == stamp_ns:
            episode.confidence = pick(
                track.confidence for track in present if case.holds(track, True)
            )
        if phase is None:
            return []
        cause: Cause = "" if phase != "end" else "ended" if present else "left"
        if phase != "ongoing":
            self._cool_down(case, None, stamp_ns)
        if phase == "end":
            del self._crowd_episodes[case.index]
        return [self._event(phase, case, episode, None, stamp_ns, cause)]

    def _cool_down(self, case: Case, track: Track | None, stamp_ns: int) -> None:
        cooldowns = self._cooldowns if track is None or case.shares_cooldown else track.cooldowns
        cooldowns[case.index] = stamp_ns + case.timing.cooldown_ns

    def _event(
        self,
        phase: Phase,
        case: Case,
        episode: Episode,
        track: Track | None,
        stamp_ns: int,
        cause: Cause,
    ) -> Event:
        return Event(
            phase=phase,
            cause=cause,
            rule=case.rule.name,
            source_topic=self._topic,
            stamp_ns=stamp_ns,
            frame_id=self._frame_id,
            track_id="" if track is None else track.track_id,
            label=case.label or ("" if track is None else track.label),
            previous_label=track.previous_label if track is not None and phase == "start" else "",
            confidence=episode.confidence,
            onset_ns=episode.onset_ns,
            duration_ns=episode.duration_ns,
        )

    def _stop(self, cause: Cause, stamp_ns: int) -> list[Event]:
        """End every event that runs, and drop what is pending."""
        self._silent = True
        ended: list[tuple[Case, Track | None, Episode | None]] = [
            (case, track, track.episodes.get(case.index))
            for case in self._each
            for track in self._tracks
        ]
        ended += [(case, None, self._crowd_episodes.get(case.index)) for case in self._crowd]
        events = []
        for case, track, episode in ended:
            if episode is not None and episode.running:
                self._cool_down(case, track, stamp_ns)
                events.append(self._event("end", case, episode, track, stamp_ns, cause))
        for track in self._tracks:
            track.episodes.clear()
        self._crowd_episodes.clear()
        return events


def _why(case: Case, track: Track) -> Cause:
    if not track.present:
        return "left"
    return "changed" if case.label and track.shown not in ("", case.label) else "ended"
