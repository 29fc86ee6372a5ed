"""Is this replay really better or worse than an earlier one? Bootstrap over labelled spans.

Frames of one span are near copies of each other, so whole spans are drawn, not frames (cluster
bootstrap, Efron and Tibshirani 1993, chapter 8). Where both replays scored the same spans, the
same spans are drawn for both, which takes out what they have in common.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge import scores

DRAWS = 2000
SEED = 20130707
"""Of the draws, so that a comparison can be repeated exactly."""

FEWEST_UNITS = 8
"""With fewer spans, or blocks of frames, an interval would claim more than is known."""

_HIGHER_IS_BETTER = {
    "accuracy": True,
    "balanced_accuracy": True,
    "macro_f1": True,
    "detection_rate": True,
    "track_switches_per_min": False,
    "label_flicker_per_min": False,
    "latency_ms_total_mean": False,
}
METRICS = tuple(_HIGHER_IS_BETTER)
"""Names of what is compared."""

Weights = NDArray[np.int64]


@dataclass(frozen=True)
class _Spans:
    """The scored spans of one replay as columns."""

    keys: list[tuple[Any, ...]]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    """Shape (spans, classes + 1)."""
    frames: NDArray[np.int64]
    detected: NDArray[np.int64]
    switches: NDArray[np.int64]
    changes: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def confusion(self, weights: Weights) -> scores.Matrix:
        matrix = np.zeros((self.answers.shape[1] - 1, self.answers.shape[1]), np.int64)
        np.add.at(matrix, self.truth, self.answers * weights[:, None])
        return matrix


def load(path: Path) -> dict[str, Any]:
    """Read the ``metrics.json`` of an earlier replay, and the ``latency.json`` beside it.

    Raises:
        ReplayError: It is no such file.
    """
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(metrics["evaluation"]["spans"], list) and metrics["run"]["classes"]):
            raise ValueError("it has no spans or classes")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReplayError(f"the baseline {path} is no metrics.json of a replay: {error}") from error
    beside = path.with_name("latency.json")
    latency = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    return {"metrics": metrics, "latency": latency}


def compare(
    baseline: Mapping[str, Any], metrics: Mapping[str, Any], latency: Mapping[str, Any]
) -> dict[str, Any]:
    """Return for each of :data:`METRICS` both values, their difference and what it means.

    Raises:
        ReplayError: The two replays do not know the same classes.
    """
    old, new = baseline["metrics"], metrics
    if set(old["run"]["classes"]) != set(new["run"]["classes"]):
        raise ReplayError("the baseline's network knows other classes, so it cannot be compared")
    classes = list(new["run"]["classes"])
    spans = _columns(old, classes), _columns(new, classes)
    paired = spans[0].keys == spans[1].keys and len(set(spans[0].keys)) == len(spans[0].keys)
    rows = {name: _compare_spans(name, spans, paired) for name in _MEASURES}
    rows["latency_ms_total_mean"] = _compare_latency(baseline["latency"], latency)
    return {
        "bag": old["run"]["bag"],
        "model_id": old["run"]["model_id"],
        "paired": paired,
        "spans": [len(spans[0].keys), len(spans[1].keys)],
        "metrics": rows,
    }


def empty() -> dict[str, Any]:
    """Return what :func:`compare` returns for replays without labels, to check names with."""
    return {"metrics": {name: _row(name, None, None, None, 0) for name in METRICS}}


def _columns(metrics: Mapping[str, Any], classes: list[str]) -> _Spans:
    own = [*metrics["run"]["classes"], None]
    order = [own.index(name) for name in (*classes, None)]
    rows = [row for row in metrics["evaluation"]["spans"] if row["label"] in classes]

    def column(name: str, kind: type) -> NDArray[Any]:
        return np.array([row[name] for row in rows], kind)

    keys = ("label", "topic", "track_id", "start_ns", "end_ns", "box")
    answers = [row["answers"] for row in rows]
    return _Spans(
        keys=[tuple(str(row[key]) for key in keys) for row in rows],
        truth=np.array([classes.index(row["label"]) for row in rows], np.int64),
        answers=np.array(answers, np.int64).reshape(len(rows), len(own))[:, order],
        frames=column("frames", np.int64),
        detected=column("detected", np.int64),
        switches=column("track_switches", np.int64),
        changes=column("label_changes", np.int64),
        seconds=column("seconds", np.float64),
    )


def _share(numerator: Any, denominator: Any) -> float | None:
    return float(numerator / denominator) if denominator > 0 else None


_MEASURES: dict[str, Callable[[_Spans, Weights], float | None]] = {
    "accuracy": lambda s, w: scores.accuracy(s.confusion(w)),
    "balanced_accuracy": lambda s, w: scores.balanced_accuracy(s.confusion(w)),
    "macro_f1": lambda s, w: scores.macro_f1(s.confusion(w)),
    "detection_rate": lambda s, w: _share((s.detected * w).sum(), (s.frames * w).sum()),
    "track_switches_per_min": lambda s, w: _share(60 * (s.switches * w).sum(), s.seconds @ w),
    "label_flicker_per_min": lambda s, w: _share(60 * (s.changes * w).sum(), s.seconds @ w),
}


def _compare_spans(name: str, spans: tuple[_Spans, _Spans], paired: bool) -> dict[str, Any]:
    measure = _MEASURES[name]
    old, new = (measure(s, np.ones(len(s.keys), np.int64)) for s in spans)
    units = min(len(s.keys) for s in spans)
    if old is None or new is None or units < FEWEST_UNITS:
        return _row(name, old, new, None, units)
    random = np.random.default_rng(SEED)
    differences = []
    for _ in range(DRAWS):
        first = _draw(random, len(spans[0].keys))
        second = first if paired else _draw(random, len(spans[1].keys))
        one, other = measure(spans[0], first), measure(spans[1], second)
        if one is not None and other is not None:
            differences.append(other - one)
    return _row(name, old, new, differences, units)


def _compare_latency(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    name = "latency_ms_total_mean"
    blocks = [np.array(latency.get("block_means_ms", [])) for latency in (old, new)]
    units = min(len(block) for block in blocks)
    before, after = (float(block.mean()) if block.size else None for block in blocks)
    if before is None or after is None or units < FEWEST_UNITS:
        return _row(name, before, after, None, units)
    random = np.random.default_rng(SEED)
    draws = [random.choice(block, (DRAWS, block.size)).mean(axis=1) for block in blocks]
    return _row(name, before, after, list(draws[1] - draws[0]), units)


def _draw(random: np.random.Generator, units: int) -> Weights:
    return np.bincount(random.integers(units, size=units), minlength=units)


def _row(
    name: str, old: float | None, new: float | None, differences: list[float] | None, units: int
) -> dict[str, Any]:
    known = old is not None and new is not None
    difference = new - old if old is not None and new is not None else None
    row: dict[str, Any] = {
        "baseline": old, "value": new, "difference": difference,
        "low": None, "high": None, "units": units,
    }  # fmt: skip
    if not differences:
        row["meaning"] = "too few labelled spans to tell" if known else "not measured in both"
        return row
    row["low"], row["high"] = (float(v) for v in np.percentile(differences, (2.5, 97.5)))
    if row["low"] <= 0 <= row["high"]:
        row["meaning"] = "no difference shown"
    else:
        better = (row["low"] > 0) == _HIGHER_IS_BETTER[name]
        row["meaning"] = "really better" if better else "really worse"
    return row
