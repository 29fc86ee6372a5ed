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

"""Detectors on clips: missed faces of a reference with durations, and false tracks.

The detector that is measured works as in the node: tracks hold on to less confident faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.files import listed
from fer_ros.perception.association import Tracker, track_ids
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.types import Box, Face
from fer_training.data.base import DatasetError
from fer_training.detector.compare import Contestant
from fer_training.detector.matching import hits

_SUFFIXES = (".mkv", ".mp4", ".avi", ".webm")
_SAME = 0.3
_TIMEOUT = 1.0
"""Of tracks, as the node's default [s]."""


class Follower:
    """A detector and the tracks of one clip."""

    def __init__(self, detector: FaceDetector, budget: float = 1.0) -> None:
        """Start before the first frame; the budget is the search's, in whole passes."""
        self._searcher, self._budget = Searcher(detector), budget
        self._tracker: Tracker[None] = Tracker(track_ids(), lambda: None)

    def faces(self, frame: NDArray[np.uint8], stamp_ns: int) -> list[Face]:
        """Return the faces of the next frame."""
        expected = self._tracker.expected(stamp_ns)
        faces = self._searcher.find(frame, self._budget, expected, stamp_ns)
        self._tracker.update(faces, stamp_ns, _TIMEOUT)
        return faces


@dataclass
class Chain:
    """Boxes of one face in successive frames."""

    box: Box
    frame: int
    """The last one."""
    matched: list[bool]
    """For each of its frames, whether the other detector has a face there."""


@dataclass(frozen=True)
class Clip:
    """One detector on one clip."""

    clip: str
    frames: int
    faces: int
    """Face frames of the reference."""
    found: float
    """Share of them found."""
    lost_runs: int
    """Times that a face kept by the reference is lost for more than three frames in a row."""
    longest_lost: int
    false_runs: int
    """Faces for over two frames in a row where the reference, at half its threshold, has none."""
    longest_false: int


def measure(reference: Contestant, other: Contestant, folder: Path, step: int = 1) -> list[Clip]:
    """Compare a detector with a reference on every clip of a folder.

    Args:
        reference: Detector whose faces count, at 0.7.
        other: Detector measured, at 0.7.
        folder: Folder of clips.
        step: Take every n-th frame.

    Raises:
        DatasetError: There is no clip that OpenCV can read.
    """
    files = clip_files(folder)
    results = []
    finders, measured = (reference.make(0.7), reference.make(0.35)), other.make(0.7)
    for path in files:
        follower = Follower(measured)
        seen = [
            [
                *(_boxes(finder.detect(frame)) for finder in finders),
                _boxes(follower.faces(frame, stamp_ns)),
            ]
            for frame, stamp_ns in frames(path, step)
        ]
        if seen:
            results.append(_compare(path.name, seen))
    if not results:
        raise DatasetError(f"{folder} holds no clip that OpenCV can read ({', '.join(_SUFFIXES)})")
    return results


def _compare(name: str, seen: Sequence[Sequence[Sequence[Box]]]) -> Clip:
    kept = _chains([(sure, own) for sure, _, own in seen])
    made_up = _chains([(own, [*sure, *unsure]) for sure, unsure, own in seen])
    lost = [run for chain in kept for run in _runs(chain.matched, False)]
    false = [run for chain in made_up for run in _runs(chain.matched, False)]
    frames = [hit for chain in kept for hit in chain.matched]
    return Clip(
        name,
        len(seen),
        len(frames),
        float(np.mean(frames)) if frames else 1.0,
        sum(run > 3 for run in lost),
        max(lost, default=0),
        sum(run > 2 for run in false),
        max(false, default=0),
    )


def clip_files(folder: Path) -> list[Path]:
    """Return the clips of a folder, by name."""
    return [path for path in listed(folder) if path.suffix.lower() in _SUFFIXES]


def frames(path: Path, step: int) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Return every n-th frame and its time [ns]."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    index = 0
    while True:
        there, frame = capture.read()
        if not there:
            break
        if index % step == 0:
            yield np.asarray(frame, np.uint8), round(index / rate * 1e9)
        index += 1
    capture.release()


def _boxes(faces: Sequence[Face]) -> list[Box]:
    return [face.box for face in faces]


def _chains(frames: Sequence[tuple[Sequence[Box], Sequence[Box]]]) -> list[Chain]:
    """Join the first boxes of each frame over time; note which have a partner among the second."""
    chains: list[Chain] = []
    for number, (boxes, others) in enumerate(frames):
        partners = np.asarray(hits(_array(boxes), _array(others)).any(axis=1), np.bool_).tolist()
        free = [chain for chain in chains if chain.frame == number - 1]
        for box, matched in zip(boxes, partners, strict=True):
            near = max(free, key=lambda chain: chain.box.iou(box), default=None)
            if near is not None and near.box.iou(box) >= _SAME:
                free.remove(near)
                near.box, near.frame = box, number
                near.matched.append(bool(matched))
            else:
                chains.append(Chain(box, number, [bool(matched)]))
    return chains


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array([(b.x, b.y, b.width, b.height) for b in boxes], np.float64).reshape(-1, 4)


def _runs(values: Sequence[bool], wanted: bool) -> list[int]:
    """Return the lengths of the runs of a value."""
    lengths, current = [], 0
    for value in [*values, not wanted]:
        if value == wanted:
            current += 1
        elif current:
            lengths.append(current)
            current = 0
    return lengths


def markdown(reference: str, other: str, clips: Sequence[Clip]) -> str:
    """Return the clips as a table."""
    lines = [
        f"{other} against {reference}:",
        "",
        "| clip | frames | face frames | found | lost for over 3 frames | longest | made up for "
        "over 2 frames | longest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in clips:
        lines.append(
            f"| {one.clip} | {one.frames} | {one.faces} | {one.found:.2f} | {one.lost_runs} | "
            f"{one.longest_lost} | {one.false_runs} | {one.longest_false} |"
        )
    return "\n".join(lines)
