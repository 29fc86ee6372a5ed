"""Who answers the frames of a replay: the pipeline, or a live node whose answers were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from fer_ros.node.assembly import assemble
from fer_ros.node.diagnostics import detector_status, model_status
from fer_ros.node.engine import Drop
from fer_ros.node.parameters import Settings
from fer_ros.perception.types import STAGES, Frame, FrameResult, Origin, StageTimes
from fer_ros.replay.errors import ReplayError
from fer_ros.transport import messages
from fer_ros.transport.bag import BagReader
from fer_ros.transport.codec import DecodeError, decode, type_hash
from fer_ros.transport.messages import EMOTION_ARRAY, Status


class Answers(Protocol):
    """A source of answers."""

    origin: Origin
    """Who gives them."""

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Answer images of several cameras.

        Returns:
            For each the result and its measured age at publish [ms] (NaN when there was no clock
            to measure it with), or why there is none.
        """

    def facts(self) -> dict[str, Any]:
        """Return what results say about it, ready for JSON."""

    def statuses(self, prefix: str) -> list[Status]:
        """Return its lines of diagnostics."""


class PipelineAnswers:
    """The node's own pipeline."""

    def __init__(self, settings: Settings) -> None:
        """Load networks and detector.

        Raises:
            ModelError: A file cannot be used.
        """
        self._assembly = assemble(settings)
        self.origin = self._assembly.origin

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Find faces and expressions."""
        return [(result, float("nan")) for result in self._assembly.pipeline.process(frames)]

    def facts(self) -> dict[str, Any]:
        """Return network and detector."""
        return {
            **_origin_facts(self.origin),
            "detector_fell_back": bool(self._assembly.choice.warning),
        }

    def statuses(self, prefix: str) -> list[Status]:
        """Return the state of the networks and of the detector."""
        return [model_status(prefix, self._assembly), detector_status(prefix, self._assembly)]


class RecordedAnswers:
    """EmotionArrays that a live node published while the recording was played.

    They are held in memory, some hundred bytes for each face.
    """

    def __init__(self, path: Path, cameras: Sequence[str]) -> None:
        """Read all answers.

        Args:
            path: A recording of the node's topic, by ``ros2 bag record``.
            cameras: Image topics of the recording that was played.

        Raises:
            BagError: It cannot be read.
            ReplayError: It holds no answers, or none about these cameras.
        """
        reader = BagReader(path)
        topics = [topic for topic in reader.topics if topic.type_name == EMOTION_ARRAY]
        for topic in topics:
            if topic.type_hash and topic.type_hash != type_hash(EMOTION_ARRAY):
                raise ReplayError(
                    f"{path}: {topic.name} was recorded with another definition of {EMOTION_ARRAY}"
                )
        self._data: dict[tuple[str, int], bytes] = {}
        self._repeated = self._damaged = self._used = 0
        first: Any = None
        for message in reader.messages([topic.name for topic in topics]):
            try:
                array = decode(message.data, EMOTION_ARRAY)
            except DecodeError:
                self._damaged += 1
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
            raise ReplayError(f"{path} holds no {EMOTION_ARRAY}; did the node see the cameras?")
        self._names = self._camera_names(path, cameras)
        self.origin = Origin(
            tuple(first.labels), first.model_id, first.model_digest, first.detector
        )

    def process(self, frames: Sequence[Frame]) -> list[tuple[FrameResult, float] | Drop]:
        """Look the answers up by camera and stamp."""
        return [self._look_up(frame) for frame in frames]

    def facts(self) -> dict[str, Any]:
        """Return network and detector, and what became of the answers."""
        return {
            **_origin_facts(self.origin),
            "detector_fell_back": False,
            "answers": {
                "used": self._used,
                "unmatched": len(self._data) - self._used,
                "repeated": self._repeated,
                "damaged": self._damaged,
            },
        }

    def statuses(self, prefix: str) -> list[Status]:  # noqa: ARG002
        """Return nothing: the live node has said it itself."""
        return []

    def _look_up(self, frame: Frame) -> tuple[FrameResult, float] | Drop:
        data = self._data.get((self._names.get(frame.topic, frame.topic), frame.stamp_ns))
        if data is None:
            return Drop("unanswered", frame=frame)
        self._used += 1
        array = decode(data, EMOTION_ARRAY)
        times = StageTimes(**{stage: float(getattr(array, f"{stage}_ms")) for stage in STAGES})
        return FrameResult(frame, messages.read_faces(array), times), float(array.age_ms)

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


def _origin_facts(origin: Origin) -> dict[str, Any]:
    return {
        "model_id": origin.model_id,
        "model_sha256": origin.model_digest,
        "detector": origin.detector,
        "classes": list(origin.labels),
    }
