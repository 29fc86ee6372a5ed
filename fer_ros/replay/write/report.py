"""The report of a replay: one HTML file that needs nothing else.

Every number on the page that stands in ``metrics.json``, ``latency.json`` or ``verdict.json``
carries its path in an attribute ``data-metric``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import cv2

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.replay.judge.criteria import lookup
from fer_ros.replay.judge.evaluation import Mistake
from fer_ros.replay.judge.timeline import Timeline, TrackCourse
from fer_ros.replay.write import charts

_CARDS = (
    ("balanced_accuracy", "balanced accuracy", "share"),
    ("accuracy", "accuracy", "share"),
    ("macro_f1", "macro F1", "number"),
    ("ece", "calibration error (ECE)", "number"),
    ("detection_rate", "faces detected", "share"),
    ("track_switches_per_min", "track switches / min", "number"),
    ("label_flicker_per_min", "label flicker / min", "number"),
    ("time_to_correct_s", "time to first correct", "seconds"),
    ("recording.frames", "frames", "count"),
    ("recording.answered", "answered", "count"),
    ("tracks.count", "tracks", "count"),
    ("latency_ms.total.p99", "pipeline p99", "ms"),
)

_FORMATS = {
    "share": lambda v: f"{100 * v:.1f} %",
    "number": lambda v: f"{v:.3f}",
    "seconds": lambda v: f"{v:.2f} s",
    "count": lambda v: f"{v:,.0f}",
    "ms": lambda v: f"{v:.2f} ms",
}


def render(
    metrics: Mapping[str, Any],
    latency: Mapping[str, Any],
    verdict: Mapping[str, Any],
    timeline: Timeline,
    mistakes: Sequence[Mistake],
) -> str:
    """Return the page.

    Args:
        metrics: As in ``metrics.json``.
        latency: As in ``latency.json``.
        verdict: As in ``verdict.json``.
        timeline: Filled with the results.
        mistakes: The worst ones; their pictures, where there are any, are embedded.
    """
    run = metrics["run"]
    results = {**metrics, "latency_ms": latency["latency_ms"]}
    sections = [
        _verdict(verdict),
        _cards(results),
        _criteria(verdict),
        _baseline(verdict),
        _classes(metrics),
        _calibration(metrics),
        _tracks(timeline),
        _latency(latency),
        _recording(metrics, timeline),
        _mistakes(mistakes),
        _facts(metrics, latency),
    ]
    template = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(f"Replay of {run['bag']}"),
        subtitle=escape(_subtitle(metrics)),
        patterns=charts.PATTERNS,
        body="\n".join(section for section in sections if section),
        data=_script_data(timeline),
    )


def _subtitle(metrics: Mapping[str, Any]) -> str:
    run, seconds = metrics["run"], metrics["recording"]["seconds"]
    mode = {"recorded": "answers of a live node"}.get(run["mode"], "every frame")
    if run["worker_ms"] is not None:
        mode = f"the newest frame, simulated with {run['worker_ms']:g} ms per frame"
    return f"{seconds:.1f} s recorded · {run['model_id']} · {run['detector']} · {mode}"


def _shown(results: Mapping[str, Any], path: str, kind: str) -> str:
    """Return a number with its path, so that it can be found again."""
    value = lookup(results, path)
    if value is None:
        return f'<span class="none" data-metric="{escape(path)}" data-value="">n/a</span>'
    text = _FORMATS[kind](value)
    return f'<span data-metric="{escape(path)}" data-value="{value!r}">{text}</span>'


def _verdict(verdict: Mapping[str, Any]) -> str:
    kind = {True: "passed", False: "failed", None: ""}[verdict["passed"]]
    word = {True: "Passed", False: "Failed", None: "No verdict"}[verdict["passed"]]
    return (
        f'<section class="verdict {kind}" id="verdict"><b>{word}</b> · '
        f"{escape(verdict['summary'])}</section>"
    )


def _cards(results: Mapping[str, Any]) -> str:
    cards = "".join(
        f'<div class="card"><span>{escape(title)}</span><b>{_shown(results, path, kind)}</b></div>'
        for path, title, kind in _CARDS
    )
    return f'<div class="cards">{cards}</div>'


def _criteria(verdict: Mapping[str, Any]) -> str:
    rows = []
    for check in verdict["criteria"]:
        mark = '<span class="good">holds</span>' if check["passed"] else (
            f'<span class="bad">does not hold</span> {escape(check["reason"])}'
        )  # fmt: skip
        value = "n/a" if check["value"] is None else f"{check['value']:.5g}"
        rows.append([escape(check["metric"]), escape(check["condition"]), value, mark])
    return _section("Criteria", _table(["measure", "asked", "#found", ""], rows)) if rows else ""


def _baseline(verdict: Mapping[str, Any]) -> str:
    compared = verdict["baseline"]
    if not compared:
        return ""
    rows = []
    for name, row in compared["metrics"].items():
        meaning = row["meaning"]
        kind = {"really better": "good", "really worse": "bad"}.get(meaning, "none")
        numbers = [_plain(row[key]) for key in ("baseline", "value", "difference")]
        interval = "n/a" if row["low"] is None else f"{row['low']:+.4f} … {row['high']:+.4f}"
        rows.append([escape(name), *numbers, interval, f'<span class="{kind}">{meaning}</span>'])
    head = ["measure", "#baseline", "#now", "#difference", "#95 % interval", ""]
    drawn = "the same spans in both" if compared["paired"] else "each replay's own spans"
    note = (
        f"Against {escape(compared['bag'])} with {escape(compared['model_id'])}. Intervals by "
        f"bootstrap over labelled spans ({drawn}), not over frames, which resemble each other."
    )
    return _section("Compared with the baseline", _table(head, rows) + _note(note))


def _tracks(timeline: Timeline) -> str:
    if not timeline.tracks:
        return _section("Tracks", '<p class="none">No face was found in this recording.</p>')
    parts = [charts.legend([*timeline.classes, UNCERTAIN])]
    for number, course in enumerate(timeline.tracks):
        summary = course.summary
        start = (summary["start_ns"] - timeline.start_ns) / 1e9
        seconds = (summary["end_ns"] - summary["start_ns"]) / 1e9
        parts.append(
            f'<div class="trackhead"><span><b>{escape(summary["track_id"])}</b> '
            f"{escape(summary['topic'])}</span><span>+{start:.2f} s, {seconds:.2f} s long, "
            f"{summary['frames']} frames, {summary['label_changes']} label changes</span></div>"
        )
        parts.append(charts.track_chart(course, timeline.classes, number))
    note = "Areas: smoothed probabilities. Ribbons: published label, and below it the truth."
    if timeline.tracks_left_out:
        note += f" {timeline.tracks_left_out} more, none longer, are in tracks.jsonl only."
    return _section("Tracks", "".join(parts) + _note(note))


def _classes(metrics: Mapping[str, Any]) -> str:
    evaluation, classes = metrics["evaluation"], metrics["run"]["classes"]
    if not evaluation["frame"]["count"]:
        counts = evaluation["labels"]
        told = "No labels were given." if not counts["spans"] else "No label met a found face."
        return _section("Against the labels", f'<p class="none">{told}</p>' + _matching(metrics))
    rows = []
    for label in classes:
        path = f"evaluation.frame.per_class.{label}"
        row = [escape(label), _shown(metrics, f"{path}.support", "count")]
        row += [_shown(metrics, f"{path}.{key}", "share") for key in ("recall", "precision", "f1")]
        rows.append(row)
    per_class = _table(["class", "#frames", "#recall", "#precision", "#F1"], rows)
    levels = _table(["", "#answers", "#accuracy", "#balanced", "#macro F1", "#named"], [
        [title, *(_shown(metrics, f"evaluation.{key}.{m}", k) for m, k in _LEVEL_COLUMNS)]
        for key, title in _LEVELS
    ])  # fmt: skip
    body = (
        f'<div class="two"><div><h3>Confusion, published label per frame</h3>'
        f"{_confusion(evaluation['frame']['confusion'], classes)}</div>"
        f"<div><h3>Per class</h3>{per_class}</div></div><h3>Per frame and per span</h3>{levels}"
    )
    return _section("Against the labels", body + _matching(metrics))


_LEVELS = (
    ("frame", "frame, published label"),
    ("frame_single", "frame, without smoothing"),
    ("interval_majority", "span, majority of labels"),
    ("interval_mean", "span, mean of probabilities"),
)
_LEVEL_COLUMNS = (
    ("count", "count"),
    ("accuracy", "share"),
    ("balanced_accuracy", "share"),
    ("macro_f1", "number"),
    ("coverage", "share"),
)


def _matching(metrics: Mapping[str, Any]) -> str:
    counts = metrics["evaluation"]["labels"]
    words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items())
    return _note(f"Labels: {words}.")


def _confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (*classes, UNCERTAIN))
    rows = []
    for name, row in zip(classes, matrix):
        total = sum(row) or 1
        cells = "".join(
            f'<td style="background: rgba(var(--heat), {0.85 * count / total:.3f})" '
            f'title="{100 * count / total:.1f} % of {sum(row)}">{count}</td>'
            for count in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f'<table class="matrix"><tr><th>true \\ answer</th>{head}</tr>{"".join(rows)}</table>'


def _calibration(metrics: Mapping[str, Any]) -> str:
    calibration = metrics["evaluation"]["calibration"]
    if calibration["ece"] is None:
        return ""
    chart = charts.reliability_chart(calibration["bins"])
    text = (
        "<p>Bars: how often an answer of that confidence is right. Points on the dashed line mean "
        "that stated probabilities can be taken at their word.</p>"
        f"<p>Expected calibration error {_shown(metrics, 'ece', 'number')}</p>"
    )
    return _section("Calibration", f'<div class="two">{chart}<div class="words">{text}</div></div>')


def _latency(latency: Mapping[str, Any]) -> str:
    rows, histograms = [], []
    for stage, values in latency["latency_ms"].items():
        path = f"latency_ms.{stage}"
        keys = ("mean", "p50", "p90", "p95", "p99", "max")
        rows.append([escape(stage), *(_shown(latency, f"{path}.{key}", "ms") for key in keys)])
        if values["max"]:
            marks = {key: values[key] for key in ("p50", "p95", "p99")}
            chart = charts.latency_chart(latency["histogram_ms"][stage], marks)
            histograms.append(f"<div><h3>{escape(stage)}</h3>{chart}</div>")
    head = ["stage", "#mean", "#p50", "#p90", "#p95", "#p99", "#max"]
    note = (
        "Measured during this run; lines mark p50, p95 and p99. The only numbers here that change "
        "from run to run."
    )
    body = _table(head, rows) + _note(note) + f'<div class="stages">{"".join(histograms)}</div>'
    return _section("Latency", body)


def _recording(metrics: Mapping[str, Any], timeline: Timeline) -> str:
    rows, gaps, problems = [], [], list(metrics["recording"]["warnings"])
    for topic, camera in metrics["recording"]["cameras"].items():
        dropped = camera["frames"] - camera["answered"]
        rate = "n/a" if camera["rate_hz"] is None else f"{camera['rate_hz']:.2f}"
        rows.append([
            escape(topic), str(camera["frames"]), str(dropped), str(camera["missing_frames"]),
            rate, _plain(camera["jitter_ms"]["p99"]), escape(", ".join(camera["sizes"])),
            ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in camera["stamps"].items() if v),
        ])  # fmt: skip
        problems += [f"{topic}: {why} ({count} times)" for why, count in camera["errors"].items()]
        for gap in camera["gaps"][:5]:
            after = (gap["after_ns"] - timeline.start_ns) / 1e9
            gaps.append([escape(topic), f"+{after:.3f} s", f"{gap['ms']:.1f}"])
    head = ["camera", "#frames", "#dropped", "#missing", "#Hz", "#jitter p99 ms", "size", "stamps"]
    body = charts.overview_chart(timeline.overview) + _note(
        "Over time: answered (blue), dropped (red), missing by their stamps (grey)."
    )
    body += "<h3>Cameras</h3>" + _table(head, rows)
    if gaps:
        body += "<h3>Longest gaps</h3>" + _table(["camera", "#after", "#ms"], gaps)
    if problems:
        body += (
            "<h3>Problems</h3><ul>" + "".join(f"<li>{escape(p)}</li>" for p in problems) + "</ul>"
        )
    return _section("Recording", body)


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return ""
    if not any(mistake.crop is not None for mistake in mistakes):
        rows = [
            [escape(m.truth), escape(m.answer), f"{m.confidence:.3f}", m.track_id, str(m.stamp_ns)]
            for m in mistakes
        ]
        head = ["truth", "answer", "#confidence", "track", "#stamp [ns]"]
        return _section("Worst mistakes", _table(head, rows) + _note("Pictures: --with-crops."))
    figures = "".join(_figure(mistake) for mistake in mistakes)
    return _section("Worst mistakes", f'<div class="mistakes">{figures}</div>')


def _figure(mistake: Mistake) -> str:
    picture = ""
    if mistake.crop is not None:
        small = cv2.resize(mistake.crop, (132, 132), interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
        coded = base64.b64encode(jpeg.tobytes()).decode()
        picture = f'<img alt="face" src="data:image/jpeg;base64,{coded}">'
    return (
        f"<figure>{picture}<b>{escape(mistake.truth)}</b> → {escape(mistake.answer)} "
        f"{mistake.confidence:.2f}<br>{escape(mistake.track_id)}</figure>"
    )


def _facts(metrics: Mapping[str, Any], latency: Mapping[str, Any]) -> str:
    run, machine = metrics["run"], latency["machine"]
    speed = latency["times_real_time"]
    facts = {
        "network": f"{run['model_id']}, sha256 {run['model_sha256']}",
        "detector": run["detector"] + (" (fall-back)" if run["detector_fell_back"] else ""),
        "parameters": json.dumps(run["parameters"]) if run["parameters"] else "defaults",
        "replayed": f"in {latency['wall_s']:.1f} s, {speed:.1f} times real time" if speed else "",
        "machine": ", ".join(f"{key} {value}" for key, value in machine.items()),
        "fer_ros": run["fer_ros"],
    }
    rows = [[escape(key), escape(value)] for key, value in facts.items()]
    return _section("This run", _table(["", ""], rows))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of ready HTML cells; a heading that starts with # is of numbers."""
    kinds = [' class="n"' if title.startswith("#") else "" for title in head]
    titles = "".join(f"<th{k}>{escape(t.lstrip('#'))}</th>" for k, t in zip(kinds, head))
    lines = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row))}</tr>"
        for row in rows
    )
    return f"<table><tr>{titles}</tr>{lines}</table>"


def _script_data(timeline: Timeline) -> str:
    """Return what the page's script shows under the pointer, as JSON that HTML cannot end."""
    tracks = [_script_track(course, timeline) for course in timeline.tracks]
    text = json.dumps({"classes": timeline.classes, "tracks": tracks}, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _script_track(course: TrackCourse, timeline: Timeline) -> dict[str, Any]:
    summary = course.summary
    bins: list[dict[str, Any] | None] = []
    for stretch in course.bins:
        if not stretch.frames:
            bins.append(None)
            continue
        entry: dict[str, Any] = {
            "label": stretch.labels.most_common(1)[0][0],
            "p": [round(float(p), 3) for p in stretch.smoothed / stretch.frames],
        }
        if stretch.truths:
            entry["truth"] = stretch.truths.most_common(1)[0][0]
        bins.append(entry)
    return {
        "start_s": (summary["start_ns"] - timeline.start_ns) / 1e9,
        "seconds": (summary["end_ns"] - summary["start_ns"]) / 1e9,
        "bins": bins,
    }
