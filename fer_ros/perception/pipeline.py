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

"""From decoded frames to tracked expressions: detect, align, classify, track, smooth.

Frames of several cameras go through together: each is searched for faces on its own, then the
faces of all are classified in one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fer_ros.perception.alignment import align_all
from fer_ros.perception.classification import EmotionClassifier
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.detection.searcher import Searcher
from fer_ros.perception.orientation import rotate, turned_back
from fer_ros.perception.quality import quality_of
from fer_ros.perception.smoothing import SmoothingSettings
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.tracking import STEADY_AGE, Tracker
from fer_ros.perception.types import Face, FaceEmotion, Frame, FrameResult, Image, StageTimes


@dataclass(frozen=True)
class PipelineSettings:
    """What may change between two calls."""

    smoothing: SmoothingSettings
    track_timeout: float
    """[s]"""
    detection_budget: float = 1.0
    """Cost of the search for faces in a frame, in passes over the whole image."""


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
        self._trackers: dict[str, Tracker] = {}
        self._searchers: dict[str, Searcher] = {}
        self._new_id = new_track_id

    def process(self, frames: Sequence[Frame]) -> list[FrameResult]:
        """Find the faces of one frame from each of several cameras and their expressions.

        Args:
            frames: At most one per topic.

        Returns:
            One result per frame, in their order, with the cost of each stage. Alignment,
            classification and tracking are those of the whole batch.
        """
        results = [FrameResult(frame, [], StageTimes(decode=frame.decode_ms)) for frame in frames]
        images = [rotate(frame.image, frame.rotation) for frame in frames]
        found = [
            self._detect(frame, image, result.times)
            for frame, image, result in zip(frames, images, results)
        ]

        start = time.perf_counter()
        crops = [
            [
                crop
                for image, faces in zip(images, found)
                for crop in align_all(image, faces, network.metadata.crop, network.metadata.input)
            ]
            for network in self.classifier.networks
        ]
        qualities = self._qualities(images, found, crops[0])
        align_ms, start = milliseconds_since(start), time.perf_counter()
        probabilities = self.classifier.classify(crops)
        classify_ms, start = milliseconds_since(start), time.perf_counter()
        first = 0
        for result, faces in zip(results, found):
            frame, last = result.frame, first + len(faces)
            result.faces = self._tracker(frame.topic).update(
                faces,
                probabilities[first:last],
                frame.moment_ns,
                self.classifier.labels,
                self.settings.smoothing,
                self.settings.track_timeout,
                qualities[first:last],
            )
            result.faces = [_in_source(face, frame) for face in result.faces]
            first = last
        track_ms = milliseconds_since(start)
        for result in results:
            times = result.times
            times.align, times.classify, times.track = align_ms, classify_ms, track_ms
        return results

    def reset(self) -> None:
        """Close all tracks; ids are not used again."""
        for tracker in self._trackers.values():
            tracker.reset()
        self._searchers.clear()

    @staticmethod
    def _qualities(
        images: Sequence[Image], found: Sequence[Sequence[Face]], crops: Sequence[Image]
    ) -> list[float]:
        """Return the quality of every face, in the order of the crops."""
        pairs = [(image, face) for image, faces in zip(images, found) for face in faces]
        return [
            quality_of(face, crop, image.shape[1], image.shape[0])
            for (image, face), crop in zip(pairs, crops)
        ]

    def _detect(self, frame: Frame, image: Image, times: StageTimes) -> list[Face]:
        start = time.perf_counter()
        if frame.topic not in self._searchers:
            self._searchers[frame.topic] = Searcher(self.detector)
        tracker, moment = self._tracker(frame.topic), frame.moment_ns
        faces = self._searchers[frame.topic].find(
            image,
            self.settings.detection_budget,
            tracked=tracker.expected(moment),
            steady=tracker.expected(moment, STEADY_AGE),
        )
        times.detect = milliseconds_since(start)
        return faces

    def _tracker(self, topic: str) -> Tracker:
        if topic not in self._trackers:
            self._trackers[topic] = Tracker(self._new_id)
        return self._trackers[topic]


def _in_source(found: FaceEmotion, frame: Frame) -> FaceEmotion:
    """Return a face found in the upright image in the pixels of the image as it came."""
    if frame.rotation == 0:
        return found
    height, width = frame.image.shape[:2]
    return replace(found, face=turned_back(found.face, frame.rotation, width, height))
