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

"""From decoded frames to tracked expressions: detect, associate, align, predict, filter.

Frames of several cameras go through together: each is searched for faces on its own, then the
faces of all are classified in one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_ros.perception.alignment import crop_for
from fer_ros.perception.association import Track, Tracker
from fer_ros.perception.classification import EmotionClassifier, Predictions
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.filtering import ExpressionFilter, Prediction, SmoothingSettings
from fer_ros.perception.orientation import rotate, turned_back
from fer_ros.perception.quality import quality_of
from fer_ros.perception.schedule import PredictionSchedule
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import Face, FaceEmotion, Frame, FrameResult, Image, StageTimes


@dataclass(frozen=True)
class PipelineSettings:
    """What may change between two calls."""

    smoothing: SmoothingSettings
    track_timeout: float
    """[s]"""
    detection_budget: float = 1.0
    """Cost of the search for faces in a frame, in passes over the whole image; see `Searcher`."""
    expression_rate: float = 0.0
    """Predictions of a face a second; 0: one in every frame [Hz]."""


class _Camera:
    """What is kept of one camera from frame to frame."""

    def __init__(self, detector: FaceDetector, new_track_id: Callable[[], str]) -> None:
        self.searcher = Searcher(detector)
        self.tracker = Tracker(new_track_id, ExpressionFilter)
        self.schedule = PredictionSchedule()


@dataclass(slots=True, eq=False)
class _Tracked:
    """One face of a frame on its way through the pipeline."""

    frame: Frame
    image: Image
    """The frame's image, upright."""
    face: Face
    track: Track[ExpressionFilter]
    wanted: bool
    """Whether it is classified in this frame."""


class Pipeline:
    """Detector, networks and the tracks of every camera. Not thread-safe: one worker owns it."""

    def __init__(
        self,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        settings: PipelineSettings,
        new_track_id: Callable[[], str],
    ) -> None:
        """Put the parts together.

        Args:
            detector: Finds faces.
            classifier: Reads their expressions.
            settings: May be replaced between two calls.
            new_track_id: Source of track ids, unique for the life of the node.
        """
        self.detector = detector
        self.classifier = classifier
        self.settings = settings
        self._cameras: dict[str, _Camera] = {}
        self._new_id = new_track_id

    def process(self, frames: Sequence[Frame]) -> list[FrameResult]:
        """Find the faces of one frame from each of several cameras and their expressions.

        Args:
            frames: At most one per topic.

        Returns:
            One result per frame, in their order, with the cost of each stage. Alignment and
            classification are those of the whole batch, tracking is association and filtering.

        Raises:
            ValueError: Two frames are of one topic.
        """
        if len({frame.topic for frame in frames}) < len(frames):
            raise ValueError("two frames of one topic in a call; process them one after the other")
        results = [FrameResult(frame, [], StageTimes(decode=frame.decode_ms)) for frame in frames]
        whole_passes = 0
        tracked: list[list[_Tracked]] = []
        for result in results:
            camera = self._camera(result.frame.topic)
            tracked.append(self._find(camera, result, whole_passes))
            whole_passes += camera.searcher.searched_whole
        wanted = [entry for faces in tracked for entry in faces if entry.wanted]

        start = time.perf_counter()
        crops = [self._crops(wanted, index) for index in range(len(self.classifier.networks))]
        qualities = [
            quality_of(entry.face, crop, entry.image.shape[1], entry.image.shape[0])
            for entry, crop in zip(wanted, crops[0])
        ]
        align_ms, start = milliseconds_since(start), time.perf_counter()
        predictions = self.classifier.predict(crops)
        classify_ms, start = milliseconds_since(start), time.perf_counter()
        self._filter(wanted, predictions, qualities)
        for result, faces in zip(results, tracked):
            result.faces = [_emotion(entry) for entry in faces]
        filter_ms = milliseconds_since(start)
        for result in results:
            result.times.align, result.times.classify = align_ms, classify_ms
            result.times.track += filter_ms
        return results

    def reset(self) -> None:
        """Close all tracks; ids are not used again."""
        self._cameras.clear()

    def filter_of(self, track_id: str) -> ExpressionFilter | None:
        """Return the filter of an open track, e.g. to hand its baseline on; None without such."""
        tracks = (track for camera in self._cameras.values() for track in camera.tracker.tracks)
        return next((track.state for track in tracks if track.track_id == track_id), None)

    def _camera(self, topic: str) -> _Camera:
        if topic not in self._cameras:
            self._cameras[topic] = _Camera(self.detector, self._new_id)
        return self._cameras[topic]

    def _find(self, camera: _Camera, result: FrameResult, whole_passes: int) -> list[_Tracked]:
        """Detect the faces of a frame and associate them with tracks."""
        start = time.perf_counter()
        frame, settings, moment_ns = result.frame, self.settings, result.frame.moment_ns
        image = rotate(frame.image, frame.rotation)
        faces = camera.searcher.find(
            image,
            settings.detection_budget,
            camera.tracker.expected(moment_ns),
            moment_ns,
            whole_passes,
        )
        result.times.detect, start = milliseconds_since(start), time.perf_counter()
        tracks = camera.tracker.update(faces, moment_ns, settings.track_timeout)
        filters = [track.state for track in tracks]
        wanted = camera.schedule.choose(filters, moment_ns, settings.expression_rate)
        result.times.track = milliseconds_since(start)
        return [
            _Tracked(frame, image, face, track, now)
            for face, track, now in zip(faces, tracks, wanted)
        ]

    def _crops(self, entries: Sequence[_Tracked], index: int) -> list[Image]:
        """Return the crops of faces for one of the networks."""
        about = self.classifier.networks[index].metadata
        return [crop_for(entry.image, entry.face, about.crop, about.input) for entry in entries]

    def _filter(
        self, entries: Sequence[_Tracked], found: Predictions, qualities: Sequence[float]
    ) -> None:
        """Give each face's prediction to the filter of its track."""
        for index, (entry, quality) in enumerate(zip(entries, qualities)):
            data = {name: values[index] for name, values in found.data.items()}
            prediction = Prediction(
                found.probabilities[index], quality, entry.frame.moment_ns, data
            )
            entry.track.state.update(prediction, self.classifier.labels, self.settings.smoothing)


def _emotion(entry: _Tracked) -> FaceEmotion:
    """Return a face with what its track shows, in the pixels of the image as it came."""
    frame, filtered = entry.frame, entry.track.state
    last, shown, face = filtered.last, filtered.expression, entry.face
    assert last is not None
    assert shown is not None
    if frame.rotation:
        height, width = frame.image.shape[:2]
        face = turned_back(face, frame.rotation, width, height)
    age_ns = 0 if entry.wanted else max(frame.moment_ns - last.time_ns, 0)
    return FaceEmotion(
        face=face,
        track_id=entry.track.track_id,
        probabilities=last.probabilities,
        smoothed=shown.smoothed,
        label=shown.label,
        confidence=shown.confidence,
        quality=last.quality,
        prediction_age_ms=age_ns / 1e6,
        data=last.data,
    )
