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

"""One pass over a recording: every frame is processed, written and counted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_ros import __version__
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import Frame, FrameResult
from fer_ros.reading.moments import Pictures, SurestFaces
from fer_ros.reading.summary import Seen, SourceSums
from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.judge.cameras import ANSWERED, Recording
from fer_ros.replay.judge.complaints import TimeRange, complaints
from fer_ros.replay.judge.evaluation import Evaluation, Mistake
from fer_ros.replay.judge.histogram import Histogram
from fer_ros.replay.judge.latency import Latency
from fer_ros.replay.judge.timeline import Timeline
from fer_ros.replay.judge.tracks import TrackRecord, Tracks
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.read.result_sources import PipelineResults, RecordedResults, ResultSource
from fer_ros.replay.read.schedule import Arrival, Batch, Dropped, every_frame, latest_frame
from fer_ros.replay.read.source import image_topics, messages_lost, read_label_topics
from fer_ros.replay.request import LATEST, RECORDED, Job
from fer_ros.replay.results import SCHEMA, LatencyRecord, Metrics, RunFacts
from fer_ros.replay.write.output import Outputs
from fer_ros.replay.write.status import PREFIX, DiagnosticClock, camera_statuses
from fer_ros.runtime.engine import Drop, FrameEngine
from fer_ros.runtime.recording_clocks import RecordingClocks, recorded_ns
from fer_ros.transport import messages
from fer_ros.transport.bag import BagMessage, BagReader

Progress = Callable[[int, int, float], None]
"""Called with frames done, frames in all, and seconds of the recording done."""


@dataclass(frozen=True)
class Played:
    """Results of one pass over a recording."""

    metrics: Metrics
    latency: LatencyRecord
    timeline: Timeline
    mistakes: list[Mistake]
    """The worst ones, with pictures where they were asked for."""
    moments: Mapping[str, Pictures]
    """Each person's surest moments by camera, where they were asked for."""


class Session:
    """The state of one replay."""

    def __init__(self, job: Job, reader: BagReader, folder: Path, progress: Progress) -> None:
        """Read the labels and load networks and detector, or recorded results.

        Label topics are read before the images, because a label may be recorded after its image;
        what else the recording holds is not touched then.

        Args:
            job: What to do.
            reader: The recording.
            folder: Where results go.
            progress: Called for every frame.

        Raises:
            ReplayError: Topics, labels or recorded results cannot be used.
            BagError: The recording cannot be read.
            ModelError: A network or detector file cannot be used.
        """
        self._job, self._reader, self._folder = job, reader, folder
        self._progress = progress
        self._settings = job.settings()
        chosen = image_topics(reader, job.topics)
        self._topics, self._choice = chosen.types, chosen.warnings
        self._labels = LabelSet()
        for path in job.label_files:
            self._labels.add_file(path)
        self._labels_damaged = read_label_topics(reader, job.label_topics, self._labels)
        self._lost = messages_lost(reader)
        self._source: ResultSource
        if job.mode == RECORDED:
            assert job.answers is not None
            self._source = RecordedResults(job.answers, list(self._topics))
        else:
            self._source = PipelineResults(self._settings)
        self._clocks = RecordingClocks()
        self._engine = FrameEngine(
            self._source.process,
            self._settings.max_image_pixels,
            rotations=self._settings.rotations(self._topics),
            clocks=self._clocks.of,
        )
        self.classes = self._source.origin.labels
        self._evaluation = Evaluation(self._labels, self.classes, job.with_crops)
        self._recording = Recording(self._topics)
        self._timeline = Timeline(self.classes)
        self._latency = Latency()
        self._age = Histogram()
        self._clock = DiagnosticClock(self._settings.diagnostics_period)
        self._tracks = Tracks(self._finish_track)
        self._people = {topic: SourceSums(topic) for topic in self._topics}
        self._moments = {topic: SurestFaces() for topic in self._topics if job.moments}
        self._images: TimeRange | None = None
        self._total = reader.count(self._topics)

    @property
    def topics(self) -> tuple[str, ...]:
        """The cameras."""
        return tuple(self._topics)

    def go(self) -> Played:
        """Replay; the recording's images are read once, and nothing that was written.

        Raises:
            ReplayError: Labels are invalid once the first image's time is known.
            BagError: The recording cannot be read to its end, or the disk is full.
        """
        start = time.perf_counter()
        self._outputs = Outputs(self._folder, self.topics, self.classes, self._job.annotated)
        try:
            for step in self._schedule():
                if isinstance(step, Dropped):
                    self._drop(step.arrival, step.cause)
                else:
                    self._process(step)
            self._tracks.finish()
            self._outputs.close()
        except BaseException:
            self._outputs.abort()
            raise
        wall = time.perf_counter() - start
        if self._images is None:
            self._labels.set_origin(0)
        metrics = self._metrics()
        latency = self._latency.record(wall, metrics.recording.seconds)
        moments = {topic: surest.pictures for topic, surest in self._moments.items()}
        mistakes = self._evaluation.worst_mistakes
        return Played(metrics, latency, self._timeline, mistakes, moments)

    def _schedule(self) -> Iterator[Batch | Dropped]:
        if self._job.mode == LATEST:
            return latest_frame(self._arrivals(), self._job.worker_ms, self._settings.max_age)
        return every_frame(self._arrivals())

    def _arrivals(self) -> Iterator[Arrival]:
        """Read the images; those whose bytes are no image message are counted and left out."""
        first_ns: int | None = None
        for index, message in enumerate(self._clocks.begin(self._reader.messages(self._topics))):
            first_ns = message.time_ns if first_ns is None else first_ns
            self._progress(index + 1, self._total, (message.time_ns - first_ns) / 1e9)
            self._clocks.meet(message)
            image = self._engine.read(
                message.topic, message.data, message.type_name, recorded_ns(message)
            )
            if isinstance(image, Drop):
                self._unreadable(index, message, image)
                continue
            moment = self._clocks.moment(image)
            self._recording.cameras[message.topic].note_stamp(
                image.received.stamp_ns, moment.time_ns, self._clocks.of[message.topic].breaks
            )
            if self._images is None:
                self._images = TimeRange(moment.time_ns, moment.time_ns)
                self._labels.set_origin(moment.time_ns)
            self._images = self._images.including(moment.time_ns)
            yield Arrival(index, image, moment, message.time_ns)

    def _unreadable(self, index: int, message: BagMessage, drop: Drop) -> None:
        camera = self._recording.cameras[message.topic]
        camera.statuses[drop.cause] += 1
        camera.note_error(drop.reason)
        now_ns = self._images.end_ns if self._images else recorded_ns(message)
        self._timeline.dropped(message.topic, now_ns)
        self._outputs.unreadable(index, message.topic, message.time_ns, one_line(drop.reason))

    def _drop(self, arrival: Arrival, cause: str, reason: str = "") -> None:
        camera = self._recording.cameras[arrival.topic]
        camera.statuses[cause] += 1
        if reason:
            camera.note_error(reason)
        self._timeline.dropped(arrival.topic, arrival.time_ns)
        self._outputs.dropped(arrival, cause, one_line(reason))

    def _finish_track(self, track: TrackRecord) -> None:
        line = track.line()
        self._timeline.finish_track(line)
        self._outputs.track(line)

    def _process(self, step: Batch) -> None:
        images = [arrival.image for arrival in step.arrivals]
        for arrival, outcome in zip(step.arrivals, self._engine.process(images)):
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
            height, width = frame.image.shape[:2]
            camera = self._recording.cameras[arrival.topic]
            camera.note_format(f"{width}x{height}", arrival.image.received.encoding)

    def _take_in(self, arrival: Arrival, result: FrameResult, age_ms: float) -> None:
        start = time.perf_counter()
        message = messages.emotion_array(result, self._source.origin, age_ms)
        if self._job.mode != RECORDED:
            result.times.publish = milliseconds_since(start)
        self._latency.add(result.times)
        if math.isfinite(age_ms):
            self._age.add(age_ms)
        matches = self._evaluation.add(result, arrival.moment)
        self._timeline.answered(result, matches.truths(), arrival.topic, arrival.time_ns)
        self._tracks.add(result, arrival.moment)
        self._note_people(arrival, result)
        self._recording.cameras[arrival.topic].statuses[ANSWERED] += 1
        self._outputs.answered(arrival, result, matches, message)
        if self._clock.due(arrival.time_ns):
            statuses = [*camera_statuses(self._recording), *self._source.statuses(PREFIX)]
            self._outputs.diagnostics(arrival.time_ns, statuses)

    def _note_people(self, arrival: Arrival, result: FrameResult) -> None:
        assert self._images is not None  # an image has arrived
        seen = [Seen.of(found, self.classes) for found in result.faces]
        time_s = (arrival.time_ns - self._images.start_ns) / 1e9
        self._people[arrival.topic].add(time_s, arrival.index, seen)
        if surest := self._moments.get(arrival.topic):
            surest.add(result.frame.image, zip(seen, (found.face.box for found in result.faces)))

    def _metrics(self) -> Metrics:
        images = self._images or TimeRange(0, 0)
        gaps = {topic: camera.find_gaps() for topic, camera in self._recording.cameras.items()}
        missing = [gap for finder in gaps.values() if finder for gap in finder.all]
        self._timeline.finish(images.start_ns, images.end_ns, missing)
        recording = self._recording.facts(
            gaps, self._total, images.seconds, self._lost, [*self._reader.cuts, *self._source.cuts]
        )
        evaluation = self._evaluation.record(self._labels_damaged)
        warnings = [
            *self._reader.warnings,
            *self._choice,
            *self._source.warnings(),
            *self._clocks.warnings(images.start_ns),
            *self._evaluation.warnings(),
            *(
                f"{topic}: {fault}, for {count} images"
                for topic in self._topics
                for fault, count in self._engine.condition(topic).faults.items()
            ),
            *complaints(
                recording, evaluation, self._labels, self.classes, self._tracks.count, images
            ),
        ]
        return Metrics(
            schema=SCHEMA,
            **vars(self._evaluation.headline()),
            run=self._run_facts(),
            recording=replace(recording, warnings=[one_line(text) for text in warnings]),
            age_ms=self._age.summary(),
            tracks=self._tracks.totals(),
            evaluation=evaluation,
            worst_mistakes=[mistake.row() for mistake in self._evaluation.worst_mistakes],
            people=[sums.summary() for sums in self._people.values()],
        )

    def _run_facts(self) -> RunFacts:
        job, origin = self._job, self._source.origin
        return RunFacts(
            bag=shown(job.bag.name),
            fer_ros=__version__,
            mode=job.mode,
            worker_ms=job.worker_ms if job.mode == LATEST else None,
            model_id=origin.model_id,
            model_sha256=origin.model_digest,
            detector=origin.detector,
            classes=list(origin.labels),
            parameters={key: _plain(value) for key, value in job.parameters.items()},
            answers=self._source.counts(),
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
