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


"""The report's section on a baseline: differences of the two replays and of their metrics."""

from __future__ import annotations

from typing import Any

from fer_ros.replay.display_text import shown
from fer_ros.replay.verdicts import Comparison, Differences
from fer_ros.replay.write.page import Marked, formatted

_MOST_CHANGES = 12


def section(compared: Comparison) -> dict[str, Any]:
    """Return what the template shows of the comparison in ``verdict.json``."""
    found = compared.differences
    return {
        "bag": shown(compared.bag),
        "model": shown(compared.model_id),
        "measure_heads": MEASURE_HEADS,
        "drawn": "the same spans in both" if compared.paired else "each replay's own spans",
        "rows": measures(compared),
        "remark": shown(compared.remark),
        "words": words(found) if found else [],
        "changes": change_rows(found) if found else [],
        "change_heads": change_heads(found) if found else (),
        "stretches": stretch_rows(found) if found else [],
        "stretch_heads": STRETCH_HEADS,
    }


MEASURE_HEADS = ("measure", "#baseline", "#now", "#difference", "#95 % interval", "")
"""Headings of :func:`measures`."""


def measures(compared: Comparison) -> list[list[Any]]:
    """Return a row for each measure that one of the two has."""
    rows: list[list[Any]] = []
    for name, row in compared.metrics.items():
        if row.baseline is None and row.value is None:
            continue
        kind = {"really better": "good", "really worse": "bad"}.get(row.meaning, "none")
        numbers = [
            "n/a" if v is None else f"{v:.4f}" for v in (row.baseline, row.value, row.difference)
        ]
        interval = "n/a"
        if row.low is not None and row.high is not None:
            interval = f"{row.low:+.4f} … {row.high:+.4f}"
        rows.append([name, *numbers, interval, Marked(row.meaning, kind)])
    return rows


def words(found: Differences) -> list[str]:
    """Return the sums in sentences."""
    sentences = [
        f"{found.faces} faces in {found.images} images of both"
        + (f", {_percent(found.same_label)} with the same label" if found.faces else "")
        + (f"; probabilities differ by {found.distance:.3f}" if found.distance is not None else "")
    ]
    for what, before, now in (
        ("faces", found.faces_before, found.faces_now),
        ("images", found.images_before, found.images_now),
    ):
        if before or now:
            sentences.append(f"{what} in one only: {before} before, {now} now")
    if found.labelled:
        right = (_percent(n / found.labelled) for n in (found.right_before, found.right_now))
        sentences.append(f"of {found.labelled} labelled faces {' before, '.join(right)} now right")
    return sentences


def change_heads(found: Differences) -> tuple[str, ...]:
    """Return the headings of :func:`change_rows`; those of numbers begin with ``#``."""
    heads = ("before", "now", "#faces", "#of all")
    return (*heads, "#right before", "#right now") if found.labelled else heads


def change_rows(found: Differences) -> list[list[str]]:
    """Return a row for each of the most frequent pairs of labels."""
    rows = []
    for change in found.changes[:_MOST_CHANGES]:
        row = [shown(change.before), shown(change.now), str(change.faces)]
        row.append(_percent(change.faces / found.faces))
        if found.labelled:
            row += [str(change.right_before), str(change.right_now)]
        rows.append(row)
    return rows


STRETCH_HEADS = ("track", "#at", "#for", "#images", "before", "now")
"""Headings of :func:`stretch_rows`."""


def stretch_rows(found: Differences) -> list[list[str]]:
    """Return a row for each of the longest stretches."""
    return [
        [
            shown(stretch.track_id),
            f"+{stretch.start_s:.2f}\N{NO-BREAK SPACE}s",
            f"{stretch.seconds:.2f}\N{NO-BREAK SPACE}s",
            str(stretch.frames),
            f"{shown(stretch.before)}\N{NO-BREAK SPACE}{stretch.confidence_before:.0%}",
            f"{shown(stretch.now)}\N{NO-BREAK SPACE}{stretch.confidence_now:.0%}",
        ]
        for stretch in found.longest
    ]


def _percent(share: float | None) -> str:
    return formatted(share, "share")
