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

"""The report of a replay: one HTML file that needs nothing else.

Every number on the page that is in ``metrics.json``, ``latency.json`` or ``verdict.json``
carries its path in an attribute ``data-metric``. Figures that depend on labels show how many, with
an interval, and are greyed where that is too few.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.reading.moments import Pictures
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.judge.basis import Needed, basis
from fer_ros.replay.judge.timeline import ShownTrack, Timeline
from fer_ros.replay.results import Interval, LatencyRecord, Metrics, RestsOn
from fer_ros.replay.verdicts import (
    DOES_NOT_HOLD,
    FAILED,
    HOLDS,
    INCOMPLETE,
    NOT_ENOUGH,
    PASSED,
    Check,
    HistoryRow,
    Verdict,
)
from fer_ros.replay.write import charts, compared, page, people, sections, summary_charts
from fer_ros.replay.write.page import Figure, Marked, formatted

_CARDS = (
    ("balanced_accuracy", "balanced accuracy", "share"),
    ("accuracy", "accuracy", "share"),
    ("macro_f1", "macro F1", "number"),
    ("ece", "calibration error (ECE)", "number"),
    ("detection_rate", "faces detected", "share"),
    ("track_switches_per_min", "track switches / min", "number"),
    ("label_flicker_per_min", "label flicker / min", "number"),
    ("time_to_correct_s", "time to first correct", "seconds"),
    ("recording.frames", "images", "count"),
    ("recording.answered", "answered", "count"),
    ("tracks.count", "tracks", "count"),
    ("latency_ms.total.p99", "pipeline p99", "ms"),
)

WORDS = {
    PASSED: ("Passed", "passed"),
    FAILED: ("Failed", "failed"),
    NOT_ENOUGH: ("Not enough labels", "doubt"),
    INCOMPLETE: ("Incomplete recording", "doubt"),
}
"""Word and kind of each result; others are "No verdict"."""


@dataclass(frozen=True)
class Card:
    """One of the figures at the top."""

    title: str
    figure: Figure
    lines: list[str]
    doubt: str
    """Why it is not to be believed; empty where it is."""


def interval_text(interval: Interval, kind: str = "share") -> str:
    """Return an interval in words; empty where there is none."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{formatted(interval.low, kind)} … {formatted(interval.high, kind)}"


def rests_text(rests: RestsOn) -> str:
    """Return the labels behind the metrics as text."""
    return f"{basis_text(rests.spans, rests.classes)}, {rests.frames} faces"


def basis_text(spans: int, classes: int | None) -> str:
    """Return numbers of spans and classes in words."""
    words = f"{spans} span{'' if spans == 1 else 's'}"
    return words if classes is None else f"{words} of {classes} class{'' if classes == 1 else 'es'}"


def render(
    metrics: Metrics,
    latency: LatencyRecord,
    verdict: Verdict,
    timeline: Timeline,
    mistakes: Sequence[sections.Pictured],
    history: Sequence[HistoryRow],
    moments: Mapping[str, Pictures],
) -> str:
    """Return the page.

    Args:
        metrics: As in ``metrics.json``.
        latency: As in ``latency.json``.
        verdict: As in ``verdict.json``.
        timeline: Filled with the results.
        mistakes: The worst ones; their pictures, where there are any, are embedded.
        history: Earlier runs into the same folder, and this one.
        moments: Pictures of people's surest moments by camera, where they were asked for.
    """
    results = {**vars(metrics), "latency_ms": latency.latency_ms}
    origin = timeline.start_ns
    numbers = {t.line.track_id: n for n, t in enumerate(timeline.tracks, 1)}
    labels = [*timeline.classes, UNCERTAIN]
    marks = [(m.time_ns, f"{shown(m.row.truth)} → {shown(m.row.answer)}") for m in mistakes]
    overview = charts.overview_chart(
        timeline.overview, timeline.tracks, marks, timeline.classes, (origin, timeline.end_ns)
    )
    context = {
        "title": f"Replay of {metrics.run.bag}",
        "subtitle": _subtitle(metrics),
        "verdict": _verdict(verdict, metrics),
        "warnings": metrics.recording.warnings,
        "cards": _cards(results, metrics),
        "unlabelled": not metrics.evaluation.labels.spans,
        **people.section(metrics.people, moments, timeline.classes, numbers),
        "criteria": [_criterion(check) for check in verdict.criteria],
        "width": charts.WIDTH,
        "area": charts.AREA,
        "overview": overview,
        "overview_height": charts.OVERVIEW,
        "lanes_height": 9 * len(overview.lanes) + 6,
        "first_image": _moment(origin),
        "colors": charts.legend(labels, timeline.classes),
        "rests_on": "The figures rest on "
        f"{rests_text(metrics.evaluation.rests_on)}; frames of one span resemble each other, so "
        "intervals are drawn over spans.",
        "mistakes": [sections.mistake(m, origin, numbers) for m in mistakes],
        "pictures": any(m.picture for m in mistakes),
        "many_cameras": len(metrics.recording.cameras) > 1,
        "baseline": compared.section(verdict.baseline) if verdict.baseline else None,
        "tracks": [_track(track, timeline) for track in timeline.tracks],
        "tracks_left_out": timeline.tracks_left_out,
        "history": _history(history),
        "facts": _facts(metrics, latency),
        "data": _script_data(timeline),
        **sections.against_labels(metrics, results),
        **sections.calibration(metrics, results),
        **sections.latency(latency, results),
        **sections.recording(metrics, origin),
    }
    return page.render("report.html", "report.js", contents=_contents(context), **context)


def _contents(context: Mapping[str, Any]) -> list[tuple[str, str]]:
    sections_there = (
        ("people", "People", context["people"]),
        ("warnings", "Read this first", context["warnings"]),
        ("criteria", "Criteria", context["criteria"]),
        ("time", "Over time", True),
        ("labels", "Against the labels", not context["unlabelled"]),
        ("mistakes", "Worst mistakes", context["mistakes"]),
        ("calibration", "Calibration", context["calibration"]),
        ("baseline", "Baseline", context["baseline"]),
        ("tracks", "Tracks", True),
        ("latency", "Latency", True),
        ("recording", "Recording", True),
        ("history", "Earlier runs", context["history"]),
        ("run", "This run", True),
    )
    return [(name, title) for name, title, there in sections_there if there]


def _subtitle(metrics: Metrics) -> str:
    run, seconds = metrics.run, metrics.recording.seconds
    mode = {"recorded": "results of a live node"}.get(run.mode, "every image")
    if run.worker_ms is not None:
        mode = f"the newest image, simulated with {run.worker_ms:g} ms for each"
    return f"{seconds:.1f} s recorded · {shown(run.model_id)} · {shown(run.detector)} · {mode}"


def _moment(time_ns: int) -> str:
    """Return a time as a date, or as seconds where the clock did not count from 1970."""
    if time_ns < 10**18:  # 2001
        return f"{time_ns / 1e9:.3f} s"
    when = datetime.fromtimestamp(time_ns // 10**9, timezone.utc)
    return f"{when:%Y-%m-%d %H:%M:%S}.{time_ns // 10**6 % 1000:03} UTC"


def _verdict(verdict: Verdict, metrics: Metrics) -> dict[str, str]:
    word, kind = WORDS.get(verdict.result, ("No verdict", ""))
    rests = metrics.evaluation.rests_on
    based = f"Figures about expressions rest on {rests_text(rests)}."
    if not rests.spans:
        based = "Nothing was compared with labels."
    return {"word": word, "kind": kind, "summary": one_line(verdict.summary), "basis": based}


def _cards(results: Mapping[str, Any], metrics: Metrics) -> list[Card]:
    spans, needed = metrics.evaluation.spans, Needed()
    intervals = vars(metrics.evaluation.intervals)
    cards = []
    for path, title, kind in _CARDS:
        figure = page.lookup(results, path, kind)
        rests = basis(path, spans)
        if rests and not metrics.evaluation.labels.spans:
            continue
        lines = []
        if path in intervals:
            text = interval_text(intervals[path], kind)
            lines += [f"95 %: {text}"] if text else []
        if rests and figure.value is not None:
            lines.append(f"on {basis_text(rests.spans, rests.classes)}")
        doubt = "not enough labels" if rests and needed.lacking(rests) else ""
        cards.append(Card(title, figure, lines, doubt))
    return cards


def _criterion(check: Check) -> list[Any]:
    kind = {HOLDS: "good", DOES_NOT_HOLD: "bad"}.get(check.result, "doubt")
    value = "n/a" if check.value is None else f"{check.value:.5g}"
    rests = "" if check.spans is None else basis_text(check.spans, check.classes)
    words = f"{check.result}: {check.reason}" if check.reason else check.result
    condition = check.condition.replace(" ", "\N{NO-BREAK SPACE}")
    return [check.metric, condition, value, rests, Marked(words, kind)]


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _track(track: ShownTrack, timeline: Timeline) -> dict[str, Any]:
    line = track.line
    start = (line.start_ns - timeline.start_ns) / 1e9
    seconds = (line.end_ns - line.start_ns) / 1e9
    return {
        "name": shown(line.track_id),
        "topic": shown(line.topic),
        "words": f"+{start:.2f} s, {seconds:.2f} s long, {line.frames} images, "
        f"{line.label_changes} label changes",
        "chart": charts.track_chart(track, timeline.classes, timeline.start_ns),
    }


def _history(rows: Sequence[HistoryRow]) -> dict[str, Any] | None:
    if len(rows) < 2:
        return None
    table = []
    for row in reversed(rows[-12:]):
        word, kind = WORDS.get(row.result, ("no verdict", "none"))
        kind = {"passed": "good", "failed": "bad"}.get(kind, kind)
        table.append([
            row.finished, shown(row.model_id), formatted(row.balanced_accuracy, "share"),
            interval_text(row.balanced_interval), formatted(row.detection_rate, "share"),
            _plain(row.latency_p50_ms), Marked(word, kind),
        ])  # fmt: skip
    return {"points": summary_charts.history_chart(rows), "rows": table}


def _facts(metrics: Metrics, latency: LatencyRecord) -> list[list[str]]:
    run, machine, speed = metrics.run, latency.machine, latency.times_real_time
    replayed = f"in {latency.wall_s:.1f} s, {speed:.1f} times real time" if speed else ""
    facts = {
        "network": f"{shown(run.model_id)}, sha256 {shown(run.model_sha256)}",
        "detector": shown(run.detector),
        "parameters": json.dumps(run.parameters) if run.parameters else "defaults",
        "replayed": replayed,
        "machine": ", ".join(f"{key} {value}" for key, value in vars(machine).items()),
        "fer_ros": run.fer_ros,
    }
    return [[key, value] for key, value in facts.items()]


def _script_data(timeline: Timeline) -> dict[str, Any]:
    """Return what the page's script shows under the pointer."""
    tracks = [_script_track(track, timeline.start_ns) for track in timeline.tracks]
    return {"classes": timeline.classes, "tracks": tracks}


def _script_track(track: ShownTrack, origin_ns: int) -> dict[str, Any]:
    start, end = charts.track_span(track)
    bins = []
    for begin, finish, stretch in charts.stretch_times(track):
        entry = {
            "from": (begin - origin_ns) / 1e9,
            "to": (finish - origin_ns) / 1e9,
            "label": stretch.label,
            "p": [round(float(p), 3) for p in stretch.smoothed / stretch.frames],
        }
        if stretch.truth:
            entry["truth"] = stretch.truth
        bins.append(entry)
    return {"start_s": (start - origin_ns) / 1e9, "seconds": (end - start) / 1e9, "bins": bins}
