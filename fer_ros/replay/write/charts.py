"""Charts of the report as inline SVG, so that the page needs no library and no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from fer_ros.perception import emotions
from fer_ros.replay.judge.timeline import OverviewBin, TrackCourse

COLORS = {
    emotions.ANGRY: "#d1495b",
    emotions.DISGUST: "#6a994e",
    emotions.FEAR: "#8e6bbf",
    emotions.HAPPY: "#f2b134",
    emotions.SAD: "#4a7fc1",
    emotions.SURPRISE: "#2aa7a1",
    emotions.NEUTRAL: "#a3abb5",
    emotions.CONTEMPT: "#b0728f",
    emotions.UNCERTAIN: "url(#uncertain)",
    "ignore": "none",
}

PATTERNS = (
    '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    '<pattern id="uncertain" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--hatch-back)"/>'
    '<rect width="2" height="6" fill="var(--hatch)"/></pattern></defs></svg>'
)
"""Definitions that other charts refer to; stands once at the top of the page."""

WIDTH = 960
_AREA, _RIBBON, _SPACE = 72, 12, 3


def legend(labels: Sequence[str]) -> str:
    """Return the colours of the labels with their names."""
    items = "".join(
        f'<span class="key"><svg width="12" height="12"><rect width="12" height="12" rx="2" '
        f'fill="{COLORS[label]}"/></svg>{escape(label)}</span>'
        for label in labels
    )
    return f'<p class="legend">{items}</p>'


def track_chart(course: TrackCourse, classes: Sequence[str], number: int) -> str:
    """Return the probabilities of one track over time, its label, and the truth where known.

    Args:
        course: The track.
        classes: Names of the probabilities.
        number: Position among the tracks of the page, for its script.
    """
    bins = course.bins
    step = WIDTH / len(bins)
    has_truth = any(stretch.truths for stretch in bins)
    height = _AREA + (_RIBBON + _SPACE) * (1 + has_truth)
    parts = [_stacked(course, index, label, step) for index, label in enumerate(classes)]
    label_top = _AREA + _SPACE
    parts.append(_ribbon([_commonest(b.labels) for b in bins], step, label_top, "label"))
    if has_truth:
        top = label_top + _RIBBON + _SPACE
        parts.append(_ribbon([_commonest(b.truths) for b in bins], step, top, "truth"))
    return (
        f'<svg class="track" data-track="{number}" viewBox="0 0 {WIDTH} {height}" '
        f'preserveAspectRatio="none" role="img" aria-label="probabilities over time">'
        f'<rect class="ground" width="{WIDTH}" height="{_AREA}"/>{"".join(parts)}'
        f'<line class="cursor" y1="0" y2="{height}" x1="-9" x2="-9"/></svg>'
    )


def _stacked(course: TrackCourse, index: int, label: str, step: float) -> str:
    """Return one class's layer of the stacked areas; stretches without frames stay empty."""
    shapes = []
    for start, end in _runs([stretch.frames > 0 for stretch in course.bins]):
        upper, lower = [], []
        for position in range(start, end):
            stretch = course.bins[position]
            shares = stretch.smoothed / stretch.frames
            below, above = float(shares[:index].sum()), float(shares[: index + 1].sum())
            for edge in (position, position + 1):
                upper.append(f"{edge * step:.1f},{_AREA * (1 - above):.1f}")
                lower.append(f"{edge * step:.1f},{_AREA * (1 - below):.1f}")
        shapes.append(f"M{' '.join(upper)} {' '.join(reversed(lower))}Z")
    return f'<path fill="{COLORS[label]}" d="{"".join(shapes)}"/>'


def _ribbon(labels: Sequence[str], step: float, top: float, kind: str) -> str:
    shapes = []
    start = 0
    for position in range(1, len(labels) + 1):
        if position < len(labels) and labels[position] == labels[start]:
            continue
        if labels[start]:
            shapes.append(
                f'<rect x="{start * step:.1f}" y="{top}" width="{(position - start) * step:.1f}" '
                f'height="{_RIBBON}" fill="{COLORS.get(labels[start], "none")}">'
                f"<title>{kind}: {escape(labels[start])}</title></rect>"
            )
        start = position
    return f'<g class="{kind}">{"".join(shapes)}</g>'


def _runs(present: Sequence[bool]) -> list[tuple[int, int]]:
    """Return (start, end) of every run of present stretches."""
    runs, start = [], None
    for position, is_there in enumerate([*present, False]):
        if is_there and start is None:
            start = position
        elif not is_there and start is not None:
            runs.append((start, position))
            start = None
    return runs


def _commonest(counts: Any) -> str:
    return str(counts.most_common(1)[0][0]) if counts else ""


def overview_chart(bins: Sequence[OverviewBin]) -> str:
    """Return frames answered, dropped and missing over the time of the recording."""
    height, step = 90, WIDTH / len(bins)
    tallest = max((b.answered + b.dropped + b.missing for b in bins), default=0) or 1
    layers: dict[str, list[str]] = {"answered": [], "dropped": [], "missing": []}
    for position, entry in enumerate(bins):
        base = float(height)
        for kind, shapes in layers.items():
            tall = height * getattr(entry, kind) / tallest
            if tall > 0:
                x = position * step
                shapes.append(f"M{x:.2f} {base:.1f}h{step:.2f}v{-tall:.1f}h{-step:.2f}Z")
            base -= tall
    paths = "".join(f'<path class="{kind}" d="{"".join(d)}"/>' for kind, d in layers.items())
    return (
        f'<svg class="overview" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" '
        f'role="img" aria-label="frames over time">{paths}</svg>'
    )


def reliability_chart(bins: Sequence[dict[str, Any]]) -> str:
    """Return accuracy over confidence, with the number of answers in each bin."""
    side, foot = 260, 50
    width = side / len(bins)
    most = max(entry["count"] for entry in bins) or 1
    shapes = [f'<rect class="ground" width="{side}" height="{side}"/>']
    for index, entry in enumerate(bins):
        if not entry["count"]:
            continue
        x, tall = index * width, side * entry["accuracy"]
        words = (
            f"confidence {entry['confidence']:.3f}, accuracy {entry['accuracy']:.3f}, "
            f"{entry['count']} answers"
        )
        shapes.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{side - tall:.1f}" width="{width - 2:.1f}" '
            f'height="{tall:.1f}"><title>{words}</title></rect>'
            f'<circle class="dot" cx="{side * entry["confidence"]:.1f}" cy="{side - tall:.1f}" '
            f'r="3"><title>{words}</title></circle>'
        )
        share = foot * entry["count"] / most
        shapes.append(
            f'<rect class="count" x="{x + 1:.1f}" y="{side + 8}" width="{width - 2:.1f}" '
            f'height="{share:.1f}"><title>{words}</title></rect>'
        )
    shapes.append(f'<line class="diagonal" x1="0" y1="{side}" x2="{side}" y2="0"/>')
    return (
        f'<svg class="reliability" viewBox="-34 -6 {side + 44} {side + foot + 34}" role="img" '
        f'aria-label="reliability diagram">{"".join(shapes)}{_square_axes(side, foot)}</svg>'
    )


def _square_axes(side: int, foot: int) -> str:
    marks = []
    for tenth in (0, 5, 10):
        at = side * tenth / 10
        text = f"{tenth / 10:g}"
        marks.append(f'<text x="-6" y="{side - at + 4:.0f}" text-anchor="end">{text}</text>')
        marks.append(
            f'<text x="{at:.0f}" y="{side + foot + 22}" text-anchor="middle">{text}</text>'
        )
    return "".join(marks)


def latency_chart(bars: Sequence[tuple[float, int]], marks: dict[str, float | None]) -> str:
    """Return a histogram over the logarithm of the time, with the percentiles marked.

    Args:
        bars: (mean value [ms], count) of narrow bins, rising.
        marks: Percentiles to draw, by name [ms].
    """
    width, height, columns = 300, 70, 60
    positive = [(value, count) for value, count in bars if value > 0]
    if not positive:
        return '<p class="none">not measured</p>'
    low = math.log10(positive[0][0]) - 0.03
    high = max(math.log10(positive[-1][0]), low + 0.06) + 0.03
    heights = [0] * columns
    for value, count in positive:
        heights[min(int((math.log10(value) - low) / (high - low) * columns), columns - 1)] += count
    tallest = max(heights)
    step = width / columns
    shapes = "".join(
        f'<rect class="bar" x="{i * step:.1f}" y="{height - height * h / tallest:.1f}" '
        f'width="{step - 0.6:.1f}" height="{height * h / tallest:.1f}"/>'
        for i, h in enumerate(heights)
        if h
    )
    for name, mark in marks.items():
        if mark and mark > 0:
            x = (math.log10(mark) - low) / (high - low) * width
            shapes += (
                f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}">'
                f"<title>{name}: {mark:.3f} ms</title></line>"
            )
    ends = (
        f'<text x="0" y="{height + 14}">{10**low:.3g} ms</text>'
        f'<text x="{width}" y="{height + 14}" text-anchor="end">{10**high:.3g} ms</text>'
    )
    return (
        f'<svg class="latency" viewBox="0 0 {width} {height + 18}" role="img" '
        f'aria-label="histogram">{shapes}{ends}</svg>'
    )
