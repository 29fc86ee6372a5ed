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

"""The comparison of detectors as one record and one page of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import DetectorSettings, YuNetDetector
from fer_training.data.base import DatasetError
from fer_training.data.folders import open_npz
from fer_training.detector import compare, crops, expressions, landmarks
from fer_training.detector.labelled_photos import dimmed, load
from fer_training.detector.vga_scenes import Scene, scenes
from fer_training.records import provenance

SCENES = ((32, 0.0), (48, 0.0), (96, 0.0), (160, 0.0), (96, 30.0), (96, 45.0))
"""Side of the FER2013 crops in VGA scenes [pixels] and their tilt [degrees]."""
LANDMARK_SCENES = ((96, 0.0), (160, 0.0), (160, 30.0))
"""The same for the landmarks' error."""


@dataclass(frozen=True)
class Request:
    """What is compared on what."""

    detectors: tuple[str, ...]
    photos: Path
    fer2013: Path | None = None
    emotions: Path | None = None
    faces: int = 400
    threshold: float = 0.7
    points: Path | None = None
    """npz with eyes, nose and mouth by people."""
    teacher: Path | None = None
    """YuNet file, whose landmarks in the enlarged crops are compared with."""
    light: float = 1.0
    """What the photos are multiplied with; less than 1 adds a sensor's noise."""


@dataclass(frozen=True)
class ExpressionRow:
    """One detector on one size of FER2013 faces in scenes; shares in 0..1."""

    name: str
    size: int
    """Side of the crops [pixels]."""
    right: float
    right_of_found: float
    direct: float
    loss: float
    tilt: float = 0.0


@dataclass(frozen=True)
class LandmarkRow:
    """Landmarks of one detector against people's or the teacher's."""

    name: str
    against: str
    faces: int
    median: float
    """In eye distances, as the next."""
    p90: float


@dataclass
class Comparison:
    """What ``fer-train detector compare --json`` writes."""

    photos: str
    """File of the photos."""
    count: int
    faces: int
    empty: int
    """Photos without faces."""
    threshold: float
    versions: dict[str, str]
    cost: dict[str, float]
    """By detector, in times the first one's."""
    on_photos: list[compare.PhotoFigures]
    false_on_empty: dict[str, int]
    light: float = 1.0
    """Share of the photos' own that they are shown with."""
    on_scenes: list[compare.SceneFigures] = field(default_factory=list)
    expressions: list[ExpressionRow] = field(default_factory=list)
    landmarks: list[LandmarkRow] = field(default_factory=list)


def run(request: Request) -> Comparison:
    """Measure everything asked for.

    Raises:
        DatasetError: A file lacks what is needed.
        DetectorError: A detector cannot be made.
    """
    contestants = [compare.contestant(name) for name in request.detectors]
    photos = list(load(request.photos))
    if request.light != 1.0:
        photos = [dimmed(photo, request.light, seed) for seed, photo in enumerate(photos)]
    empty = [photo.image for photo in photos if len(photo.boxes) == 0]
    spent = compare.cost(contestants, photos[0].image)
    on_photos = compare.on_photos(contestants, photos, request.threshold)
    record = Comparison(
        photos=request.photos.name,
        count=len(photos),
        faces=int(sum(photo.counts.sum() for photo in photos)),
        empty=len(empty),
        threshold=request.threshold,
        light=request.light,
        versions=provenance.versions(),
        cost={each.name: float(c / spent[0]) for each, c in zip(contestants, spent)},
        on_photos=on_photos,
        false_on_empty=compare.false_on_empty(contestants, empty, request.threshold),
    )
    if request.fer2013:
        if not empty:
            raise DatasetError(f"{request.photos} has no photo without faces to put faces into")
        for size, tilt in SCENES:
            shown, labels = _scenes(request, empty, size, tilt)
            record.on_scenes += compare.on_scenes(contestants, shown, size, tilt, request.threshold)
            if request.emotions and tilt == 0:
                network = EmotionNetwork(request.emotions)
                for each in contestants:
                    share = expressions.measure(
                        each.make(request.threshold), network, shown, labels
                    )
                    record.expressions.append(ExpressionRow(each.name, size, **asdict(share)))
    record.landmarks = _landmarks(request, contestants, empty)
    return record


def _landmarks(
    request: Request, contestants: Sequence[compare.Contestant], empty: Sequence[NDArray[np.uint8]]
) -> list[LandmarkRow]:
    """Return the landmark errors against people and against the teacher."""
    rows: list[LandmarkRow] = []

    def add(name: str, against: str, error: landmarks.LandmarkError | None) -> None:
        if error is not None:
            rows.append(LandmarkRow(name, against, **asdict(error)))

    if request.points:
        for each in contestants:
            finder = each.make(request.threshold)
            add(each.name, "people", landmarks.against_people(finder, request.points))
    if request.teacher and request.fer2013:
        settings = DetectorSettings(threshold=0.6, detection_size=224)
        seen = crops.measure(
            request.fer2013, YuNetDetector(request.teacher, settings), usage=1, keep_all=True
        )
        for size, tilt in LANDMARK_SCENES:
            shown, _ = _scenes(request, empty, size, tilt)
            for each in contestants:
                finder = each.make(request.threshold)
                error = landmarks.against_teacher(finder, shown, seen.points)
                add(each.name, f"teacher, {size} px, {tilt:g}°", error)
    return rows


def _scenes(
    request: Request, empty: Sequence[NDArray[np.uint8]], size: int, tilt: float
) -> tuple[list[Scene], NDArray[np.int64]]:
    if request.fer2013 is None:
        return [], np.zeros(0, np.int64)
    with open_npz(request.fer2013) as data:
        part = data["usage"] == 1
        images, labels = data["images"][part], data["emotion"][part].astype(np.int64)
    rows = np.random.default_rng(0).permutation(len(images))[: request.faces]
    grey = [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8) for image in empty]
    return list(scenes(images, [int(row) for row in rows], grey, size, tilt)), labels


def markdown(record: Comparison) -> str:
    """Return the record as tables."""
    names = list(record.cost)
    lines = [
        f"{record.count} photos of {record.photos}, {record.faces} faces, "
        f"{record.empty} photos without; threshold {record.threshold}; "
        f"faces of {compare.SMALLEST:g} pixels and more."
        + (f" In {record.light:g} times their light." if record.light != 1.0 else ""),
        "",
        "| | cost, VGA | recall | false faces a photo | recall at 0.1 | at 0.01 | false on empty |",
        "|---|---|---|---|---|---|---|",
    ]
    for own in record.on_photos:
        name = own.name
        lines.append(
            f"| {name} | {record.cost[name]:.2f} | {own.recall:.3f} | "
            f"{own.false_a_photo:.3f} | {own.at_tenth:.3f} | {own.at_hundredth:.3f} | "
            f"{record.false_on_empty[name]} |"
        )
    bands = list(record.on_photos[0].bands)
    counts = record.on_photos[0].bands
    lines += ["", "Recall by the face's side [pixels] (faces):", ""]
    lines += ["| | " + " | ".join(f"{b} ({counts[b][0]})" for b in bands) + " |"]
    lines += ["|---" * (len(bands) + 1) + "|"]
    for own in record.on_photos:
        lines.append(
            f"| {own.name} | " + " | ".join(f"{own.bands[b][1]:.2f}" for b in bands) + " |"
        )
    kinds = record.on_photos[0].kinds
    if kinds:
        lines += ["", "Recall at 0.1 false faces a photo by kind (faces):", ""]
        lines += ["| | " + " | ".join(f"{kind} ({kinds[kind][0]})" for kind in kinds) + " |"]
        lines += ["|---" * (len(kinds) + 1) + "|"]
        for own in record.on_photos:
            cells = (f"{own.kinds[kind][1]:.3f}" for kind in kinds)
            lines.append(f"| {own.name} | " + " | ".join(cells) + " |")
    if record.on_scenes:
        lines += ["", "FER2013 PublicTest faces found in VGA scenes, by side and tilt:", ""]
        lines += _by_scene(names, record.on_scenes, "found")
    if record.expressions:
        lines += ["", "The same, expression predicted right, found or not:", ""]
        lines += _by_scene(names, record.expressions, "right")
        lines += ["", "Expression right among the faces found, minus that of the bare crops:", ""]
        lines += _by_scene(names, record.expressions, "loss")
    if record.landmarks:
        lines += [
            "",
            "| landmark error, median, of the eye distance | against | error | faces |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {own.name} | {own.against} | {own.median:.3f} | {own.faces} |"
            for own in record.landmarks
        ]
    return "\n".join(lines)


def _by_scene(
    names: Sequence[str], entries: Sequence[compare.SceneFigures | ExpressionRow], key: str
) -> list[str]:
    kinds = sorted({(e.tilt, e.size) for e in entries})
    heads = [f"{size}" + (f" at {tilt:g}°" if tilt else "") for tilt, size in kinds]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in names:
        cells = [
            f"{getattr(e, key):.2f}"
            for kind in kinds
            for e in entries
            if e.name == name and (e.tilt, e.size) == kind
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines
