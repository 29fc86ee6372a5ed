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

"""Geometry of the report's charts over time; the templates draw it as SVG.

Charts are as wide as the page: their shapes are laid out in a box of :data:`WIDTH` that is
stretched, their ticks and words in per cent of it, so that text keeps its size on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.palette import PALETTE
from fer_ros.replay.judge.timeline import OverviewBin, ShownTrack, Stretch
from fer_ros.replay.read.label_names import IGNORE

WIDTH = 960
AREA = 72
"""Height of the probabilities of a track."""

OVERVIEW = 72

_OTHERS = ("#E69F00", "#8C510A", "#35978F", "#762A83", "#1B7837", "#B2182B")
"""Colours of classes that the palette does not know."""

_TICKS = 6


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    percent: float
    text: str

    @property
    def anchor(self) -> str:
        """Where its text is held, so that it stays inside."""
        return "start" if self.percent < 8 else "end" if self.percent > 92 else "middle"


@dataclass(frozen=True)
class Shape:
    """An area of one colour."""

    label: str
    color: str
    path: str


@dataclass(frozen=True)
class Strip:
    """A stretch of a ribbon."""

    x: float
    width: float
    color: str
    label: str


@dataclass(frozen=True)
class TrackChart:
    """A track's probabilities over its own time, its labels, and the truth where known."""

    shapes: list[Shape]
    labels: list[Strip]
    truths: list[Strip]
    ticks: list[Tick]


@dataclass(frozen=True)
class Lane:
    """A track in the overview."""

    name: str
    strips: list[Strip]


@dataclass(frozen=True)
class OverviewChart:
    """The whole recording: status of its frames, tracks, and mistakes."""

    shapes: list[Shape]
    lanes: list[Lane]
    mistakes: list[Tick]
    ticks: list[Tick]


def color(label: str, classes: Sequence[str] = ()) -> str:
    """Return a label's colour."""
    if label == UNCERTAIN:
        return "url(#uncertain)"
    if label == IGNORE:
        return "none"
    if label in PALETTE:
        return PALETTE[label]
    return _OTHERS[[*classes, label].index(label) % len(_OTHERS)]


def time_ticks(start_s: float, end_s: float) -> list[Tick]:
    """Return round times between two times [s], with their place in per cent."""
    length = end_s - start_s
    if length <= 0:
        return [Tick(0, f"+{start_s:.2f} s")]
    rough = length / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
    digits = max(-math.floor(math.log10(step)), 0)
    first = math.ceil(start_s / step - 1e-9)
    last = math.floor(end_s / step + 1e-9)
    times = [number * step for number in range(first, last + 1)]
    return [Tick(round(100 * (t - start_s) / length, 2), _clock(t, digits)) for t in times]


def _clock(seconds: float, digits: int) -> str:
    if seconds < 120:
        return f"+{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02}:{rest:02}" if hours else f"+{minutes}:{rest:02}"


@dataclass(frozen=True)
class _Placed:
    """A stretch with its place on the axis."""

    stretch: Stretch
    x0: float
    x1: float
    follows: bool
    """Whether it follows the one before without a gap."""


def track_span(track: ShownTrack) -> tuple[int, int]:
    """Return the times [ns] that a track's chart covers: its frames, and the last one's time."""
    line = track.line
    return line.start_ns, line.end_ns + _usual(track)


def _usual(track: ShownTrack) -> int:
    line = track.line
    return max((line.end_ns - line.start_ns) // max(line.frames - 1, 1), 1_000_000)


def stretch_times(track: ShownTrack) -> list[tuple[int, int, Stretch]]:
    """Return (start, end, stretch): one lasts until the next, unless frames are missing."""
    usual = _usual(track)
    followers = [stretch.start_ns for stretch in track.stretches[1:]]
    times = []
    for stretch, next_start in zip(track.stretches, [*followers, None]):
        end = stretch.end_ns + usual
        if next_start is not None and stretch.end_ns < next_start <= stretch.end_ns + 3 * usual:
            end = next_start
        times.append((stretch.start_ns, end, stretch))
    return times


def _place(track: ShownTrack, start_ns: int, end_ns: int) -> list[_Placed]:
    scale = WIDTH / max(end_ns - start_ns, 1)
    placed: list[_Placed] = []
    for start, end, stretch in stretch_times(track):
        x0 = max((start - start_ns) * scale, 0.0)
        x1 = min((end - start_ns) * scale, float(WIDTH))
        follows = bool(placed) and abs(placed[-1].x1 - x0) < 1e-6
        if x1 > x0:
            placed.append(_Placed(stretch, x0, x1, follows))
    return placed


def track_chart(track: ShownTrack, classes: Sequence[str], origin_ns: int) -> TrackChart:
    """Lay out one track.

    Args:
        track: The track.
        classes: Names of the probabilities.
        origin_ns: When the recording begins.
    """
    start, end = track_span(track)
    placed = _place(track, start, end)
    shapes = [
        Shape(label, color(label, classes), _layer(placed, index))
        for index, label in enumerate(classes)
    ]
    ticks = time_ticks((start - origin_ns) / 1e9, (end - origin_ns) / 1e9)
    labels = _strips([(p, p.stretch.label) for p in placed], classes)
    truths = _strips([(p, p.stretch.truth) for p in placed], classes)
    return TrackChart(shapes, labels, truths, ticks)


def _layer(placed: Sequence[_Placed], index: int) -> str:
    """Return one class's layer of the stacked areas; times without frames stay empty."""
    runs: list[list[_Placed]] = []
    for entry in placed:
        if entry.follows:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    paths = []
    for run in runs:
        upper, lower = [], []
        for entry in run:
            shares = entry.stretch.smoothed / entry.stretch.frames
            below, above = float(shares[:index].sum()), float(shares[: index + 1].sum())
            for x in (entry.x0, entry.x1):
                upper.append(f"{x:.1f},{AREA * (1 - above):.1f}")
                lower.append(f"{x:.1f},{AREA * (1 - below):.1f}")
        paths.append(f"M{' '.join(upper)} {' '.join(reversed(lower))}Z")
    return "".join(paths)


def _strips(entries: Sequence[tuple[_Placed, str]], classes: Sequence[str]) -> list[Strip]:
    strips: list[Strip] = []
    for entry, label in entries:
        if not label:
            continue
        last = strips[-1] if strips else None
        if last and last.label == label and entry.x0 - last.x - last.width < 0.5:
            strips[-1] = Strip(last.x, round(entry.x1 - last.x, 2), last.color, label)
        else:
            width = round(entry.x1 - entry.x0, 2)
            strips.append(Strip(round(entry.x0, 2), width, color(label, classes), label))
    return strips


def overview_chart(
    bins: Sequence[OverviewBin],
    tracks: Sequence[ShownTrack],
    mistakes: Sequence[tuple[int, str]],
    classes: Sequence[str],
    span_ns: tuple[int, int],
) -> OverviewChart:
    """Lay out the whole recording.

    Args:
        bins: Status of its frames.
        tracks: The tracks that are shown.
        mistakes: (when [ns], words) of each.
        classes: Classes of the network.
        span_ns: When it begins and ends.
    """
    start, end = span_ns
    length = max(end - start, 1)
    tallest = max((b.answered + b.dropped + b.missing for b in bins), default=0) or 1
    step = WIDTH / len(bins)
    layers: dict[str, list[str]] = {"answered": [], "dropped": [], "missing": []}
    for position, entry in enumerate(bins):
        base = float(OVERVIEW)
        for kind, shapes in layers.items():
            tall = OVERVIEW * getattr(entry, kind) / tallest
            if tall > 0:
                shapes.append(
                    f"M{position * step:.2f} {base:.1f}h{step:.2f}v{-tall:.1f}h{-step:.2f}Z"
                )
            base -= tall
    lanes = [
        Lane(
            track.line.track_id,
            _strips([(p, p.stretch.label) for p in _place(track, start, end)], classes),
        )
        for track in tracks
    ]
    return OverviewChart(
        [Shape(kind, "", "".join(paths)) for kind, paths in layers.items()],
        lanes,
        [Tick(round(100 * (when - start) / length, 2), words) for when, words in mistakes],
        time_ticks(0, (end - start) / 1e9),
    )


def legend(labels: Sequence[str], classes: Sequence[str]) -> Mapping[str, str]:
    """Return the colours of labels."""
    return {label: color(label, classes) for label in labels}
