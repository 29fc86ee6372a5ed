"""One pass over a recording: every frame answered, written down and counted."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fer_ros import __version__
from fer_ros.node.engine import CameraImage, Drop, FrameEngine
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import Frame, FrameResult
from fer_ros.replay.judge.cameras import ANSWERED, CameraRecord, GapFinder, Recording
from fer_ros.replay.judge.evaluation import Evaluation, Mistake
from fer_ros.replay.judge.histogram import Histogram
from fer_ros.replay.judge.latency import Latency
from fer_ros.replay.judge.timeline import Timeline
from fer_ros.replay.judge.tracks import Tracks
from fer_ros.replay.read.answers import Answers, PipelineAnswers, RecordedAnswers
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.read.schedule import Answered, Arrival, Dropped, every_frame, latest_frame
from fer_ros.replay.read.source import first_stamp, image_topics, read_label_topics
from fer_ros.replay.request import LATEST, RECORDED, Job
from fer_ros.replay.write import output
from fer_ros.replay.write.output import Outputs
from fer_ros.replay.write.status import PREFIX, DiagnosticClock, camera_statuses
from fer_ros.transport import messages
from fer_ros.transport.bag import BagReader

SCHEMA = 1
"""Version of the layout of metrics.json."""

Progress = Callable[[int, int, float], None]
"""Called with frames done, frames in all, and seconds of the recording done."""


class Session:
    """The state of one replay."""

    def __init__(self, job: Job, reader: BagReader, folder: Path, progress: Progress) -> None:
        """Read the labels and load what answers the frames.

        Args:
            job: What to do.
            reader: The recording.
            folder: Where results go.
            progress: Told of every frame.

        Raises:
            ReplayError: Topics, labels or recorded answers cannot be used.
            BagError: The recording cannot be read.
            ModelError: A network or detector file cannot be used.
        """
        self._job, self._reader, self._folder = job, reader, folder
        self._progress = progress
        self._settings = job.settings()
        self._topics = image_topics(reader, job.topics)
        self._origin_ns = first_stamp(reader, self._topics)
        labels = LabelSet()
        self._labels_damaged = read_label_topics(reader, job.label_topics, labels)
        for path in job.label_files:
            labels.add_file(path, self._origin_ns)
        self._answers: Answers
        if job.mode == RECORDED:
            assert job.answers is not None
            self._answers = RecordedAnswers(job.answers, list(self._topics))
        else:
            self._answers = PipelineAnswers(self._settings)
        self._engine = FrameEngine(self._answers.process, self._settings.max_image_pixels)
        classes = self._answers.origin.labels
        self._evaluation = Evaluation(labels, classes, job.with_crops)
        self._recording = Recording(self._topics)
        self.timeline = Timeline(classes)
        self._latency = Latency()
        self._age = Histogram()
        self._clock = DiagnosticClock(self._settings.diagnostics_period)
        self._tracks = Tracks(lambda track: self._outputs.track(track))
        self._read = 0
        self._total = reader.count(self._topics)

    def go(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Replay; return metrics and latency."""
        start = time.perf_counter()
        self._outputs = Outputs(self._folder, list(self._topics), self._job.annotated)
        try:
            for step in self._schedule():
                if isinstance(step, Dropped):
                    self._drop(step.arrival, step.cause)
                else:
                    self._answer(step)
            self._tracks.finish()
            self._outputs.close()
        except BaseException:
            self._outputs.abort()
            raise
        wall = time.perf_counter() - start
        gaps = self._second_pass()
        return self._metrics(gaps), self._latency.as_json(wall, self._recorded_seconds())

    def empty_results(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return metrics and latency as they are before the first frame."""
        return self._metrics({}), Latency().as_json(1.0, 1.0)

    @property
    def worst_mistakes(self) -> list[Mistake]:
        """The worst mistakes, with pictures where they were asked for."""
        return self._evaluation.worst_mistakes

    def _schedule(self) -> Iterator[Answered | Dropped]:
        if self._job.mode == LATEST:
            return latest_frame(self._arrivals(), self._job.worker_ms, self._settings.max_age)
        return every_frame(self._arrivals())

    def _arrivals(self) -> Iterator[Arrival]:
        """Read the images; those whose bytes are no image message are counted and left out."""
        first_ns: int | None = None
        for index, message in enumerate(self._reader.messages(self._topics)):
            camera = self._recording.cameras[message.topic]
            first_ns = message.time_ns if first_ns is None else first_ns
            self._read = index + 1
            self._progress(self._read, self._total, (message.time_ns - first_ns) / 1e9)
            image = self._engine.read(
                message.topic, message.data, self._topics[message.topic], message.time_ns
            )
            if isinstance(image, Drop):
                self._outputs.unreadable(index, message.topic, message.time_ns, image.reason)
                camera.statuses[image.cause] += 1
                camera.note_error(image.reason)
                continue
            camera.note_stamp(image.received.stamp_ns)
            stamp = image.received.stamp_ns or message.time_ns
            yield Arrival(index, message.topic, stamp, message.time_ns, image.received)

    def _drop(self, arrival: Arrival, cause: str, reason: str = "") -> None:
        camera = self._recording.cameras[arrival.topic]
        camera.statuses[cause] += 1
        if reason:
            camera.note_error(reason)
        self._outputs.dropped(arrival, cause, reason)

    def _answer(self, step: Answered) -> None:
        images = [CameraImage(a.topic, a.received, a.recorded_ns) for a in step.batch]
        for arrival, outcome in zip(step.batch, self._engine.answer(images)):
            if isinstance(outcome, Drop):
                self._note_format(arrival, outcome.frame)
                self._drop(arrival, outcome.cause, outcome.reason)
                continue
            result, age_ms = outcome
            self._note_format(arrival, result.frame)
            if step.finish_ns is not None:
                age_ms = (step.finish_ns - arrival.time_ns) / 1e6
            self._take_in(arrival, result, age_ms)

    def _note_format(self, arrival: Arrival, frame: Frame | None) -> None:
        if frame is not None:
            camera = self._recording.cameras[arrival.topic]
            height, width = frame.image.shape[:2]
            camera.sizes[f"{width}x{height}"] += 1
            camera.encodings[_encoding(arrival)] += 1

    def _take_in(self, arrival: Arrival, result: FrameResult, age_ms: float) -> None:
        start = time.perf_counter()
        message = messages.emotion_array(result, self._answers.origin, age_ms)
        if self._job.mode != RECORDED:
            result.times.publish = milliseconds_since(start)
        self._latency.add(result.times)
        if math.isfinite(age_ms):
            self._age.add(age_ms)
        matches = self._evaluation.add(result, arrival.time_ns)
        self._tracks.add(result, arrival.time_ns)
        self._recording.cameras[arrival.topic].statuses[ANSWERED] += 1
        self._outputs.answered(arrival, result, matches, message)
        if self._clock.due(arrival.time_ns):
            statuses = [*camera_statuses(self._recording), *self._answers.statuses(PREFIX)]
            self._outputs.diagnostics(arrival.time_ns, statuses)

    def _second_pass(self) -> dict[str, GapFinder]:
        """Read the results once more for what needs the whole: gaps and the timeline."""
        gaps = {
            topic: GapFinder(camera.period_ms)
            for topic, camera in self._recording.cameras.items()
            if camera.period_ms
        }
        self.timeline.choose(self._folder / output.TRACKS)
        self.timeline.span(*self._time_range(), self._read)
        with (self._folder / output.RESULTS).open(encoding="utf-8") as lines:
            for text in lines:
                line = json.loads(text)
                finder, stamp = gaps.get(line["topic"]), line["stamp_ns"]
                missing = finder.add(stamp) if finder and stamp else 0
                self.timeline.add(line, missing)
        return gaps

    def _time_range(self) -> tuple[int, int]:
        cameras: list[CameraRecord] = [
            c for c in self._recording.cameras.values() if c.first_ns is not None
        ]
        if not cameras:
            return self._origin_ns, self._origin_ns
        return min(c.first_ns or 0 for c in cameras), max(c.newest_ns for c in cameras)

    def _recorded_seconds(self) -> float:
        first, last = self._time_range()
        return max(last - first, 0) / 1e9

    def _metrics(self, gaps: dict[str, GapFinder]) -> dict[str, Any]:
        evaluation = self._evaluation
        return {
            "schema": SCHEMA,
            **evaluation.headline(),
            "run": {
                "bag": self._job.bag.name,
                "fer_ros": __version__,
                "mode": self._job.mode,
                "worker_ms": self._job.worker_ms if self._job.mode == LATEST else None,
                **self._answers.facts(),
                "parameters": {key: _plain(value) for key, value in self._job.parameters.items()},
            },
            "recording": {
                **self._recording.totals(),
                "promised": self._total,
                "seconds": self._recorded_seconds(),
                "warnings": self._reader.warnings,
                "cameras": {
                    topic: camera.summary(gaps.get(topic))
                    for topic, camera in self._recording.cameras.items()
                },
            },
            "age_ms": self._age.summary(),
            "tracks": self._tracks.summary(),
            "evaluation": {**evaluation.details(), "label_messages_damaged": self._labels_damaged},
            "worst_mistakes": [
                {
                    "truth": m.truth, "answer": m.answer, "confidence": m.confidence,
                    "topic": m.topic, "stamp_ns": m.stamp_ns, "track_id": m.track_id,
                }
                for m in evaluation.worst_mistakes
            ],
        }  # fmt: skip


def _encoding(arrival: Arrival) -> str:
    message = arrival.received.message
    return str(message.format if arrival.received.compressed else message.encoding)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
