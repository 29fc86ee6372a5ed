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

"""Hold time, release time and cool-down of one rule for one face (or one camera)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fer_ros.behaviors.rules import Rule
from fer_ros.transport.event_messages import Phase


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of a rule [ns]; infinite: for ever."""

    hold_ns: float
    release_ns: float
    ongoing_ns: float
    cooldown_ns: float

    @classmethod
    def of(cls, rule: Rule) -> Timing:
        """Return the times of a rule."""
        return cls(
            hold_ns=rule.hold_ns,
            release_ns=rule.release_ns,
            ongoing_ns=rule.ongoing_ns or math.inf,
            cooldown_ns=math.inf if rule.cooldown_ns is None else rule.cooldown_ns,
        )


@dataclass(slots=True)
class Episode:
    """An event from the image in which its condition first held; pending, then running."""

    onset_ns: int
    """Stamp from which on the condition held [ns]."""
    held_ns: int
    """Stamp at which it held last [ns]."""
    running: bool = False
    due_ns: float = math.inf
    """Stamp from which on it is reported as ongoing [ns]."""
    confidence: float = 0.0
    """Confidence when the condition held last."""

    @property
    def duration_ns(self) -> int:
        """From its onset to where its condition held last [ns]."""
        return self.held_ns - self.onset_ns

    def start(self, stamp_ns: int, timing: Timing) -> None:
        """Turn from pending to running."""
        self.running, self.held_ns = True, stamp_ns
        self.due_ns = stamp_ns + timing.ongoing_ns


def step(
    episode: Episode | None,
    stamp_ns: int,
    timing: Timing,
    cool_until_ns: float,
    may_start: bool,
    holds: bool,
) -> tuple[Episode | None, Phase | None]:
    """Go on to the next image.

    Args:
        episode: The event so far; None: none is pending.
        stamp_ns: Stamp of the image, later than those before [ns].
        timing: Times of the rule.
        cool_until_ns: Stamp until which nothing starts [ns].
        may_start: False: it may become pending, but not start with this image.
        holds: Whether the condition holds: of a running event the one to go on, else the one to
            start.

    Returns:
        The event after the image, and what is to be reported of it. With ``"end"`` the event is
        still the one that has ended.
    """
    if episode is not None and episode.running:
        if holds:
            episode.held_ns = stamp_ns
            if episode.due_ns > stamp_ns:
                return episode, None
            episode.due_ns = stamp_ns + timing.ongoing_ns
            return episode, "ongoing"
        return episode, "end" if stamp_ns - episode.held_ns >= timing.release_ns else None
    if cool_until_ns > stamp_ns or not holds:
        return None, None
    if episode is None:
        episode = Episode(stamp_ns, stamp_ns)
    if not may_start or stamp_ns - episode.onset_ns < timing.hold_ns:
        return episode, None
    episode.start(stamp_ns, timing)
    return episode, "start"
