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

"""Facts on the recorded cameras: rates, stamps, gaps, and the status of every frame."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fer_ros.node.gaps import StampGap, StampGaps
from fer_ros.perception.timing import CLOCK_JUMP_NS
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.judge.histogram import Histogram
from fer_ros.replay.results import CameraFacts, Gap, RecordingFacts, StampFaults
from fer_ros.transport.bag import Cut
from fer_ros.transport.messages import IMAGE

ANSWERED = "answered"

STATUSES = (
    ANSWERED, "superseded", "too_old", "no_key_frame", "undecodable", "failed", "unanswered",
)  # fmt: skip
"""Status of a frame: answered, or dropped for one of these causes; "unanswered" is a frame without
a result of the live node, whatever the cause."""

STAMP_FAULTS = ("zero", "duplicate", "out_of_order", "jumped_back")
"""What can be wrong with a stamp."""

_MOST_KINDS, _MOST_GAPS = 100, 20

_PAUSE_NS = 60_000_000_000
"""A longer gap is a camera that paused, not images that were lost [ns]."""

_KNOWN_STEPS = 8
"""So many steps of the usual period are taken for granted: a recording may begin with a gap."""


@dataclass
class CameraRecord:
    """Everything counted about one camera topic."""

    type_name: str
    """Of its messages, one of :data:`fer_ros.transport.messages.IMAGES`."""
    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Reasons of undecodable and failed frames; the most frequent ones are stated."""
    sizes: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    stamps: Counter[str] = field(default_factory=Counter)
    intervals: Histogram = field(default_factory=Histogram)
    """Between consecutive stamps that rise [ms]."""
    first_ns: int | None = None
    newest_ns: int = 0
    stamped: array[int] = field(default_factory=lambda: array("q"))
    """Times of frames whose stamps rise, in the order of recording, and 0 where the clock stepped
    [ns]; eight bytes a frame."""
    breaks: int = 0
    """How often the clock has stepped."""

    def note_stamp(self, stamp_ns: int, time_ns: int, breaks: int) -> None:
        """Take in the stamp of a frame, in the order of recording.

        Args:
            stamp_ns: The stamp [ns]; 0 or less where there is none.
            time_ns: When the frame belongs by the clock of the camera [ns].
            breaks: How often the clock has stepped so far; no interval reaches over a step.
        """
        if stamp_ns <= 0:
            self.stamps["zero"] += 1
            return
        stepped, self.breaks = breaks > self.breaks, breaks
        if stepped:
            self.stamped.append(0)
        if stepped or stamp_ns > self.newest_ns:
            self.stamped.append(time_ns)
        if self.first_ns is None:
            self.first_ns = self.newest_ns = stamp_ns
            return
        step = stamp_ns - self.newest_ns
        if step > 0:
            if not stepped:
                self.intervals.add(step / 1e6)
            self.newest_ns = stamp_ns
        elif step == 0:
            self.stamps["duplicate"] += 1
        elif step > -CLOCK_JUMP_NS:
            self.stamps["out_of_order"] += 1
        else:
            self.stamps["jumped_back"] += 1
            self.newest_ns = stamp_ns

    def note_error(self, reason: str) -> None:
        """Count the reason why a frame has no result."""
        _count(self.errors, one_line(reason))

    def note_format(self, size: str, encoding: str) -> None:
        """Count the format of an image."""
        _count(self.sizes, size)
        _count(self.encodings, shown(encoding))

    @property
    def period_ms(self) -> float | None:
        """Usual time between frames: the mean of the intervals near their median."""
        median = self.intervals.quantile(0.5)
        return None if median is None else self.intervals.mean_near(median, 1.25)

    def find_gaps(self) -> GapFinder | None:
        """Go over the times again; None where they have no period."""
        period = self.period_ms
        if not period:
            return None
        return GapFinder(self.stamped, period)

    def facts(self, gaps: GapFinder | None) -> CameraFacts:
        """Return the record as results hold it."""
        period = self.period_ms
        return CameraFacts(
            frames=sum(self.statuses.values()),
            answered=self.statuses[ANSWERED],
            superseded=self.statuses["superseded"],
            too_old=self.statuses["too_old"],
            no_key_frame=self.statuses["no_key_frame"],
            undecodable=self.statuses["undecodable"],
            failed=self.statuses["failed"],
            unanswered=self.statuses["unanswered"],
            compressed=self.type_name != IMAGE,
            sizes=dict(sorted(self.sizes.items())),
            encodings=dict(sorted(self.encodings.items())),
            first_stamp_ns=self.first_ns,
            last_stamp_ns=self.newest_ns or None,
            rate_hz=1e3 / period if period else None,
            interval_ms=self.intervals.summary(),
            jitter_ms=(gaps.jitter if gaps else Histogram()).summary(),
            missing_frames=gaps.missing if gaps else 0,
            gaps=gaps.longest if gaps else [],
            stamps=StampFaults(**{key: self.stamps[key] for key in STAMP_FAULTS}),
            errors=dict(self.errors.most_common(10)),
        )


def _count(counter: Counter[str], key: str) -> None:
    """Count, with at most a hundred distinct keys: every frame may bring a new one."""
    counter[key if key in counter or len(counter) < _MOST_KINDS else "other"] += 1


class GapFinder:
    """Goes over the times of one camera's images, whose period may change."""

    def __init__(self, times: Sequence[int], period_ms: float) -> None:
        """Find all gaps.

        Args:
            times: Rising; 0 where one does not follow the one before [ns].
            period_ms: The usual period [ms].
        """
        self.missing = 0
        self.jitter = Histogram()
        """Distance of an interval from the nearest multiple of the period [ms]."""
        self.all: list[tuple[int, int]] = []
        """(time behind the gap [ns], frames missing) of every gap in which images were lost."""
        self._longest: list[Gap] = []
        usual = round(period_ms * 1e6)
        gaps = StampGaps(_PAUSE_NS, [usual] * _KNOWN_STEPS)
        newest = 0
        for time_ns in times:
            for gap in gaps.note(time_ns):
                self._take(gap)
            if newest and time_ns:
                self._measure(newest, time_ns, gaps.period_ns or usual)
            newest = time_ns
        for gap in gaps.finish():
            self._take(gap)

    def _take(self, gap: StampGap) -> None:
        self.missing += gap.missing
        self.all.append((gap.stamp_ns, gap.missing))
        self._keep(gap.stamp_ns - gap.step_ns, gap.step_ns)

    def _measure(self, newest: int, time_ns: int, period: float) -> None:
        interval = time_ns - newest
        if interval > _PAUSE_NS:
            self._keep(newest, interval)
            return
        periods = max(round(interval / period), 1)
        self.jitter.add(abs(interval - periods * period) / 1e6)

    def _keep(self, after_ns: int, length_ns: int) -> None:
        self._longest.append(Gap(after_ns, length_ns / 1e6))
        self._longest.sort(key=lambda gap: gap.ms, reverse=True)
        del self._longest[_MOST_GAPS:]

    @property
    def longest(self) -> list[Gap]:
        """The longest gaps, pauses among them."""
        return list(self._longest)


class Recording:
    """All cameras of a replay."""

    def __init__(self, topics: dict[str, str]) -> None:
        """Start empty; ``topics`` has the type of each."""
        self.cameras = {topic: CameraRecord(kind) for topic, kind in topics.items()}

    def facts(
        self,
        gaps: Mapping[str, GapFinder | None],
        promised: int,
        seconds: float,
        messages_lost: int,
        cuts: list[Cut],
    ) -> RecordingFacts:
        """Return the record of all cameras, with their frames summed up.

        Args:
            gaps: By camera.
            promised: Images that the recording holds.
            seconds: Its length by the stamps [s].
            messages_lost: How many messages the recorder counted as lost.
            cuts: Files that end too early.
        """
        cameras = {topic: camera.facts(gaps[topic]) for topic, camera in self.cameras.items()}

        def total(status: str) -> int:
            return sum(camera.statuses[status] for camera in self.cameras.values())

        return RecordingFacts(
            frames=sum(camera.frames for camera in cameras.values()),
            answered=total(ANSWERED),
            superseded=total("superseded"),
            too_old=total("too_old"),
            no_key_frame=total("no_key_frame"),
            undecodable=total("undecodable"),
            failed=total("failed"),
            unanswered=total("unanswered"),
            promised=promised,
            seconds=seconds,
            messages_lost=messages_lost,
            cuts=cuts,
            warnings=[],
            cameras=cameras,
        )
