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

"""Sections of the report: tables and charts of the results."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.types import Image
from fer_ros.replay.display_text import shown
from fer_ros.replay.judge.evaluation import Mistake
from fer_ros.replay.results import EvaluationRecord, LatencyRecord, Metrics, MistakeRow
from fer_ros.replay.write import summary_charts
from fer_ros.replay.write.page import lookup

_SIDE = 132
"""Of the picture of a mistake [pixels]."""

_LEVELS = (
    ("frame", "frame, published label"),
    ("frame_single", "frame, networks alone"),
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


@dataclass(frozen=True)
class Pictured:
    """A mistake, with its picture where pictures were asked for."""

    row: MistakeRow
    time_ns: int
    """When it was made."""
    picture: str
    """JPEG in base64; empty without one."""

    @classmethod
    def of(cls, found: Mistake) -> Pictured:
        """Return a mistake for the page."""
        time_ns = found.moment.time_ns
        return cls(found.row(), time_ns, "" if found.crop is None else jpeg_text(found.crop))


def jpeg_text(picture: Image, side: int = _SIDE) -> str:
    """Return a picture as a small square JPEG in base64."""
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return base64.b64encode(jpeg.tobytes()).decode()


def mistake(found: Pictured, origin_ns: int, tracks: Mapping[str, int]) -> dict[str, Any]:
    """Return a mistake with its time after the first image."""
    row = found.row
    return {
        "truth": shown(row.truth),
        "answer": shown(row.answer),
        "confidence": row.confidence,
        "when": f"+{(found.time_ns - origin_ns) / 1e9:.2f} s",
        "stamp_ns": row.stamp_ns,
        "topic": shown(row.topic),
        "track_id": shown(row.track_id),
        "track": tracks.get(row.track_id),
        "picture": found.picture,
    }


def against_labels(metrics: Metrics, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return confusion, classes and levels; classes without frames stay out."""
    evaluation, classes = metrics.evaluation, metrics.run.classes
    counts = evaluation.labels
    there = {key: value for key, value in vars(counts).items() if value}
    words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in there.items())
    spans = dict.fromkeys(classes, 0)
    for span in evaluation.spans:
        spans[span.label] += span.detected > 0
    seen = [name for name in classes if evaluation.frame.per_class[name].support]
    return {
        "evaluation": evaluation,
        "nothing_scored": "No label met a found face.",
        "label_counts": words,
        "matrix": _matrix(evaluation, classes),
        "per_class": [
            [
                shown(name),
                str(spans[name]),
                lookup(results, f"evaluation.frame.per_class.{name}.support", "count"),
                *(
                    lookup(results, f"evaluation.frame.per_class.{name}.{key}", "share")
                    for key in ("recall", "precision", "f1")
                ),
            ]
            for name in seen
        ],
        "levels": [
            [title, *(lookup(results, f"evaluation.{key}.{m}", k) for m, k in _LEVEL_COLUMNS)]
            for key, title in _LEVELS
        ],
    }


def _matrix(evaluation: EvaluationRecord, classes: Sequence[str]) -> dict[str, Any]:
    counts = np.array(evaluation.frame.confusion, np.int64)
    rows = [index for index in range(len(classes)) if counts[index].any()]
    columns = [c for c in range(len(classes) + 1) if counts[:, c].any() or c in rows]
    names = [*map(shown, classes), UNCERTAIN]
    table = []
    for index in rows:
        total = int(counts[index].sum())
        cells = [
            {
                "count": int(counts[index, column]),
                "heat": round(10 * counts[index, column] / total),
                "right": index == column,
                "words": f"{100 * counts[index, column] / total:.1f} % of {total}",
            }
            for column in columns
        ]
        table.append({"name": names[index], "cells": cells})
    return {
        "columns": [names[column] for column in columns],
        "rows": table,
        "unseen": [names[i] for i in range(len(classes)) if i not in rows],
    }


def calibration(metrics: Metrics, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reliability diagram; none without predictions for labelled faces."""
    record = metrics.evaluation.calibration
    return {
        "calibration": summary_charts.calibration_chart(record.bins)
        if record.ece is not None
        else [],
        "ece": lookup(results, "ece", "number"),
    }


def latency(record: LatencyRecord, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stages' times."""
    keys = ("mean", "p50", "p90", "p95", "p99", "max")
    rows = [
        [stage, *(lookup(results, f"latency_ms.{stage}.{key}", "ms") for key in keys)]
        for stage in record.latency_ms
    ]
    stages = [
        {"name": stage, "chart": chart}
        for stage, summary in record.latency_ms.items()
        if (chart := summary_charts.latency_chart(record.histogram_ms[stage], summary))
    ]
    return {"latency": rows, "stages": stages}


def recording(metrics: Metrics, origin_ns: int) -> dict[str, Any]:
    """Return how the cameras were recorded."""
    rows, gaps, problems = [], [], []
    for topic, camera in metrics.recording.cameras.items():
        name = shown(topic)
        jitter = camera.jitter_ms.p99
        rows.append([
            name, str(camera.frames), str(camera.frames - camera.answered),
            str(camera.missing_frames),
            "n/a" if camera.rate_hz is None else f"{camera.rate_hz:.2f}",
            "n/a" if jitter is None else f"{jitter:.4f}",
            ", ".join([*camera.sizes][:5]),
            ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in vars(camera.stamps).items() if v),
        ])  # fmt: skip
        problems += [f"{name}: {why} ({count} times)" for why, count in camera.errors.items()]
        for gap in camera.gaps[:5]:
            gaps.append([name, f"+{(gap.after_ns - origin_ns) / 1e9:.3f} s", f"{gap.ms:.1f}"])
    return {"cameras": rows, "gaps": gaps, "problems": problems}
