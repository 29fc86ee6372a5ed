"""What several replays say together: one summary, one verdict, one page of links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from fer_ros.replay.judge import scores
from fer_ros.replay.parallel import Finished
from fer_ros.replay.write import junit, output

SUMMARY, INDEX = "summary.json", "index.html"

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Replays</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 900px; margin: 30px auto;
padding: 0 20px; }} td, th {{ text-align: left; padding: 4px 16px 4px 0; }}</style></head>
<body><h1>Replays</h1><p>{summary}</p><table>
<tr><th>recording</th><th>verdict</th><th>accuracy</th><th>frames</th></tr>{rows}</table>
</body></html>
"""


def write(folder: Path, finished: Sequence[Finished]) -> dict[str, Any]:
    """Write ``summary.json``, ``junit.xml`` and ``index.html`` over finished replays.

    Args:
        folder: Their common output folder.
        finished: What became of the jobs.

    Returns:
        The content of ``summary.json``.
    """
    rows, metrics, verdicts, errors = [], [], {}, {}
    for entry in finished:
        name = entry.job.out.name
        row: dict[str, Any] = {"recording": name, "error": entry.error or None, "passed": None}
        if entry.outcome is None:
            errors[name] = entry.error
        else:
            own = _read(entry.job.out / output.METRICS)
            verdicts[name] = _read(entry.job.out / output.VERDICT)
            metrics.append(own)
            row |= {"passed": entry.outcome.passed, "frames": own["recording"]["frames"]}
            row["accuracy"] = own["accuracy"]
        rows.append(row)
    summary = {"recordings": rows, "pooled": _pooled(metrics)}
    folder.mkdir(parents=True, exist_ok=True)
    output.write_json(folder / SUMMARY, summary)
    (folder / output.JUNIT).write_text(junit.render(verdicts, errors), encoding="utf-8")
    (folder / INDEX).write_text(_page(rows), encoding="utf-8")
    return summary


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _pooled(metrics: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the scores over the frames of all replays that know the same classes."""
    classes = {tuple(own["run"]["classes"]) for own in metrics}
    if len(classes) != 1:
        return None
    matrix = sum(np.array(own["evaluation"]["frame"]["confusion"], np.int64) for own in metrics)
    return scores.summary(np.asarray(matrix), classes.pop())


def _page(rows: Sequence[dict[str, Any]]) -> str:
    words = {True: "passed", False: "failed", None: "no criteria"}
    lines = []
    for row in rows:
        name = escape(row["recording"])
        if row["error"]:
            lines.append(f"<tr><td>{name}</td><td colspan=3>{escape(row['error'])}</td></tr>")
            continue
        link = f'<a href="{quote(row["recording"])}/{output.REPORT}">{name}</a>'
        accuracy = "n/a" if row["accuracy"] is None else f"{row['accuracy']:.3f}"
        lines.append(
            f"<tr><td>{link}</td><td>{words[row['passed']]}</td><td>{accuracy}</td>"
            f"<td>{row['frames']}</td></tr>"
        )
    failed = sum(bool(row["error"]) for row in rows)
    summary = f"{len(rows) - failed} of {len(rows)} recordings were replayed."
    return _PAGE.format(summary=summary, rows="".join(lines))
