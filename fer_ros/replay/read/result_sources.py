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

"""Sources of a replay's results: the pipeline, or recorded results of a live node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fer_ros.node.parameters import Settings
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.types import STAGES, Frame, FrameResult, Origin, StageTimes
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.results import RecordedCounts
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.engine import Drop
from fer_ros.runtime.status import detector_status, model_status
from fer_ros.transport import messages
from fer_ros.transport.bag import BagMessage, BagReader, Cut
from fer_ros.transport.codec import DecodeError, decode, type_hash
from fer_ros.transport.messages import EMOTION_ARRAY, Status
from fer_ros.transport.result_messages import decode_result, read_faces

_ROUNDED = 1e-3
"""How far rounding may carry a probability outside 0..1."""


class ResultSource(Protocol):
    """A source of results."""

    origin: Origin
    """Networks and detector that made them."""

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Return the results of images of several cameras.

        Returns:
            For each the result and its measured age at publish [ms] (NaN when there was no clock
            to measure it with), or why there is none.
        """

    def counts(self) -> RecordedCounts | None:
        """Return counts of the recorded results; None where there are none."""

    @property
    def cuts(self) -> Sequence[Cut]:
        """Where files that they were read from end too early."""

    def warnings(self) -> list[str]:
        """Return warnings about the results."""

    def statuses(self, prefix: str) -> list[Status]:
        """Return its lines of diagnostics."""


class PipelineResults:
    """The node's own pipeline."""

    def __init__(self, settings: Settings) -> None:
        """Load networks and detector.

        Raises:
            ModelError: A file cannot be used.
        """
        self._assembly = assemble(settings)
        self.origin = self._assembly.origin
        self.cuts: Sequence[Cut] = ()

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Find faces and expressions."""
        return [(result, float("nan")) for result in self._assembly.pipeline.process(frames)]

    def counts(self) -> None:
        """Return nothing: every result is used."""

    def warnings(self) -> list[str]:
        """Return nothing: what the parameters name was loaded."""
        return []

    def statuses(self, prefix: str) -> list[Status]:
        """Return the state of the networks and of the detector."""
        return [model_status(prefix, self._assembly), detector_status(prefix, self._assembly)]


class RecordedResults:
    """EmotionArrays that a live node published while the recording was played.

    They are held in memory, some hundred bytes for each face.
    """

    def __init__(self, path: Path, cameras: Sequence[str]) -> None:
        """Read all results.

        Args:
            path: A recording of the node's topic, by ``ros2 bag record``.
            cameras: Image topics of the recording that was played.

        Raises:
            BagError: It cannot be read.
            ReplayError: It holds no results, or none of these cameras.
        """
        reader = self._reader = BagReader(path)
        self.cuts: Sequence[Cut] = reader.cuts
        topics = [topic for topic in reader.topics if topic.type_name == EMOTION_ARRAY]
        for topic in topics:
            if topic.type_hash and topic.type_hash != type_hash(EMOTION_ARRAY):
                raise ReplayError(
                    f"{path}: {topic.name} was recorded with another definition of {EMOTION_ARRAY}"
                )
        self._data: dict[tuple[str, int], bytes] = {}
        self._repeated = self._damaged = self._used = 0
        self._problem = ""
        first: Any = None
        for message in reader.messages([topic.name for topic in topics]):
            array = self._decode(message)
            if array is None:
                continue
            first = first or array
            if array.labels != first.labels:
                raise ReplayError(
                    f"{path}: the classes change midway; record one network at a time"
                )
            key = (array.source_topic, messages.time_ns(array.header.stamp))
            self._repeated += key in self._data
            self._data.setdefault(key, message.data)
        if first is None:
            why = f": {self._problem}" if self._damaged else "; did the node see the cameras?"
            raise ReplayError(f"{path} holds no {EMOTION_ARRAY} that can be used{why}")
        self._names = self._camera_names(path, cameras)
        self.origin = Origin(
            tuple(first.labels), first.model_id, first.model_digest, first.detector
        )

    def _decode(self, message: BagMessage) -> Any | None:
        """Return the message, or None, counted, where it is malformed."""
        try:
            array = decode_result(message.data)
            problem = _problem(array)
        except DecodeError as error:
            problem = str(error)
        if not problem:
            return array
        self._damaged += 1
        self._problem = self._problem or one_line(problem)
        return None

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Look the results up by camera and stamp."""
        return [self._look_up(frame) for frame in frames]

    def counts(self) -> RecordedCounts:
        """Return counts of the results."""
        unmatched = len(self._data) - self._used
        return RecordedCounts(self._used, unmatched, self._repeated, self._damaged)

    def warnings(self) -> list[str]:
        """Return warnings about unused results."""
        counts = self.counts()
        found = [f"the recorded results: {warning}" for warning in self._reader.warnings]
        if counts.damaged:
            found.append(
                f"{counts.damaged} recorded results are malformed and were left out: "
                f"{self._problem}"
            )
        if counts.unmatched:
            found.append(f"{counts.unmatched} recorded results belong to no image of the recording")
        return found

    def statuses(self, prefix: str) -> list[Status]:  # noqa: ARG002
        """Return nothing: the live node has published its own."""
        return []

    def _look_up(self, frame: Frame) -> tuple[FrameResult, float] | Drop:
        data = self._data.get((self._names.get(frame.topic, frame.topic), frame.stamp_ns))
        if data is None:
            return Drop("unanswered", frame=frame)
        self._used += 1
        array = decode(data, EMOTION_ARRAY)
        times = StageTimes(**{stage: float(getattr(array, f"{stage}_ms")) for stage in STAGES})
        return FrameResult(frame, read_faces(array), times), float(array.age_ms)

    def _camera_names(self, path: Path, cameras: Sequence[str]) -> dict[str, str]:
        """Return other names of cameras; a single camera may have been remapped while played."""
        sources = {source for source, _ in self._data}
        if sources & set(cameras):
            return {}
        if len(sources) == len(cameras) == 1:
            return {cameras[0]: sources.pop()}
        raise ReplayError(
            f"{path} is about {', '.join(sorted(sources))}, not about {', '.join(cameras)}"
        )


def _problem(array: Any) -> str:
    """Return why an EmotionArray cannot be scored; empty where it can."""
    labels = list(array.labels)
    if not labels or len(set(labels)) < len(labels):
        return f"{len(labels)} classes, which must be one or more different ones"
    return next(filter(None, (_face_problem(face, labels) for face in array.faces)), "")


def _face_problem(face: Any, labels: Sequence[str]) -> str:
    if face.label not in labels and face.label != UNCERTAIN:
        return f"the label {shown(face.label)!r} is none of its own classes"
    for name in ("probabilities", "smoothed_probabilities"):
        values = np.asarray(getattr(face, name), np.float64)
        if values.size != len(labels):
            return f"{values.size} {name} of {len(labels)} classes"
        if not np.isfinite(values).all() or values.min() < -_ROUNDED or values.max() > 1 + _ROUNDED:
            return f"{name} outside 0..1"
    sure = (face.confidence, face.detection_confidence, face.quality)
    if not all(math.isfinite(value) for value in sure):
        return "a confidence that is no number"
    return ""
