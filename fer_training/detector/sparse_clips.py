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

"""Comparison of sparse search and a rate of expressions with a whole pass over each image.

Every clip goes through the node's pipeline twice: with a whole pass and a classification in every
image, the reference, and with the setting that is measured.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.types import FaceEmotion, Frame
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings
from fer_training.data.base import DatasetError
from fer_training.detector.clips import Follower, clip_files, frames

_SAME = 0.3
"""Least overlap of two boxes of one face."""

_SEARCHED = 60
"""Images after a label change in which the same label is looked for in the other run."""


@dataclass(frozen=True)
class Kept:
    """One setting on one clip, against a whole pass and a classification in every image."""

    clip: str
    budget: float
    rate: float
    """Predictions of a face a second; 0: every image [Hz]."""
    faces: int
    """Face frames of the reference."""
    detect: float
    """Processor time of detection and association, the reference's is 1."""
    cost: float
    """Processor time of the pipeline, the reference's is 1."""
    kept: float
    """Share of the face frames found."""
    overlap: float
    """Mean intersection over union with their boxes."""
    invented: int
    """Tracks none of whose frames has a face of the reference."""
    delays: tuple[int, ...]
    """Images by which each label change of the reference comes later, less than 0: earlier."""
    missed_changes: int
    """Label changes of the reference that never come."""
    changes: int
    """Label changes of the tracks."""
    reference_changes: int


@dataclass(frozen=True)
class _Run:
    """Faces of every image of a clip, and what they cost."""

    faces: list[list[FaceEmotion]]
    detect_ms: float
    total_ms: float


def measure(
    folder: Path,
    budgets: Sequence[float],
    rates: Sequence[float],
    base: PerceptionSettings,
    rounds: int = 3,
) -> Iterator[Kept]:
    """Yield a row for every clip, budget and rate.

    Args:
        folder: Folder of clips.
        budgets: Values of `detection_budget`.
        rates: Values of `expression_rate` [Hz].
        base: The other settings.
        rounds: Runs of each kind, one after the other in turns; times are those of the fastest.

    Raises:
        DatasetError: There is no clip that OpenCV can read.
    """
    settings = [(budget, rate) for budget in budgets for rate in rates]
    there = False
    for path in clip_files(folder):
        shown = list(frames(path, 1))
        there = there or bool(shown)
        reference: list[_Run] = []
        others: dict[tuple[float, float], list[_Run]] = {each: [] for each in settings}
        for _ in range(rounds if shown else 0):
            reference.append(_run(shown, base.with_values({"detection_budget": 1.0})))
            for budget, rate in settings:
                values = {"detection_budget": budget, "expression_rate": rate}
                others[budget, rate].append(_run(shown, base.with_values(values)))
        for (budget, rate), runs in others.items():
            if runs:
                yield _compare(path.name, budget, rate, reference, runs)
    if not there:
        raise DatasetError(f"{folder} holds no clip that OpenCV can read")


def _run(shown: Iterable[tuple[NDArray[np.uint8], int]], settings: PerceptionSettings) -> _Run:
    pipeline = assemble(settings).pipeline
    follower = Follower(pipeline.detector, settings.detection_budget)
    faces, start = [], time.process_time()
    for image, time_ns in shown:
        (result,) = pipeline.process([Frame(image, stamp_ns=time_ns + 1)])
        faces.append(result.faces)
    whole, start = time.process_time() - start, time.process_time()
    for image, time_ns in shown:
        follower.faces(image, time_ns + 1)
    return _Run(faces, (time.process_time() - start) * 1e3, whole * 1e3)


def _compare(
    clip: str, budget: float, rate: float, reference: Sequence[_Run], runs: Sequence[_Run]
) -> Kept:
    before, after = reference[0].faces, runs[0].faces
    overlaps: list[float] = []
    partner: list[dict[str, str]] = []
    met: set[str] = set()
    for ours, theirs in zip(before, after):
        pairs = {}
        for face in ours:
            best = max(theirs, key=lambda other: other.face.box.iou(face.face.box), default=None)
            overlap = best.face.box.iou(face.face.box) if best else 0.0
            overlaps.append(overlap)
            if best is not None and overlap >= _SAME:
                pairs[face.track_id] = best.track_id
                met.add(best.track_id)
        partner.append(pairs)
    found = [overlap for overlap in overlaps if overlap >= _SAME]
    delays, missed = _delays(before, after, partner)
    tracks = {face.track_id for faces in after for face in faces}
    return Kept(
        clip=clip,
        budget=budget,
        rate=rate,
        faces=len(overlaps),
        detect=min(r.detect_ms for r in runs) / min(r.detect_ms for r in reference),
        cost=min(r.total_ms for r in runs) / min(r.total_ms for r in reference),
        kept=len(found) / len(overlaps) if overlaps else 1.0,
        overlap=float(np.mean(found)) if found else 1.0,
        invented=len(tracks - met),
        delays=tuple(delays),
        missed_changes=missed,
        changes=sum(map(len, _changes(after).values())),
        reference_changes=sum(map(len, _changes(before).values())),
    )


def _changes(faces: Sequence[Sequence[FaceEmotion]]) -> dict[str, list[tuple[int, str]]]:
    """Return the label changes of every track: image and new label."""
    labels: dict[str, str] = {}
    found: dict[str, list[tuple[int, str]]] = {}
    for number, shown in enumerate(faces):
        for face in shown:
            if labels.get(face.track_id, face.label) != face.label:
                found.setdefault(face.track_id, []).append((number, face.label))
            labels[face.track_id] = face.label
    return found


def _delays(
    before: Sequence[Sequence[FaceEmotion]],
    after: Sequence[Sequence[FaceEmotion]],
    partner: Sequence[dict[str, str]],
) -> tuple[list[int], int]:
    """Return by how many images label changes come later, and how many never come."""
    others = _changes(after)
    delays, missed = [], 0
    for track, changes in _changes(before).items():
        for number, label in changes:
            other = partner[number].get(track, "")
            there = [
                n - number
                for n, new in others.get(other, ())
                if new == label and abs(n - number) <= _SEARCHED
            ]
            if there:
                delays.append(min(there, key=abs))
            else:
                missed += 1
    return delays, missed


def markdown(rows: Sequence[Kept]) -> str:
    """Return a table of all clips together for every setting, then one of every clip."""
    lines = [
        "| budget | rate [Hz] | detection | pipeline | kept | least in a clip | overlap | invented "
        "| label delay, median (90 %) | changes, before and after |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for budget, rate in Counter((row.budget, row.rate) for row in rows):
        own = [row for row in rows if (row.budget, row.rate) == (budget, rate)]
        faces = np.array([row.faces for row in own], np.float64)
        kept = np.array([row.kept for row in own])
        overlap = np.array([row.overlap for row in own])
        delays = np.array([delay for row in own for delay in row.delays] or [0])
        late = f"{np.median(delays):.0f} ({np.percentile(np.abs(delays), 90):.0f})"
        lines.append(
            f"| {budget:g} | {rate:g} | {np.mean([row.detect for row in own]):.2f} | "
            f"{np.mean([row.cost for row in own]):.2f} | {kept @ faces / faces.sum():.3f} | "
            f"{kept.min():.2f} | {(overlap @ (kept * faces)) / (kept @ faces):.2f} | "
            f"{sum(row.invented for row in own)} | {late}, {sum(r.missed_changes for r in own)} "
            f"never | {sum(r.reference_changes for r in own)}, {sum(r.changes for r in own)} |"
        )
    lines += [
        "",
        "| clip | budget | rate [Hz] | faces | detection | pipeline | kept | overlap | invented |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.clip} | {row.budget:g} | {row.rate:g} | {row.faces} | {row.detect:.2f} | "
        f"{row.cost:.2f} | {row.kept:.3f} | {row.overlap:.2f} | {row.invented} |"
        for row in rows
    ]
    return "\n".join(lines)
