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

"""From parameters to a running pipeline: finds the files, loads networks and detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from fer_ros.perception import model_store
from fer_ros.perception.association import track_ids
from fer_ros.perception.baseline import BaselineSettings
from fer_ros.perception.classification import EmotionClassifier
from fer_ros.perception.detection import (
    DetectorChoice,
    DetectorSettings,
    FaceDetector,
    create_detector,
)
from fer_ros.perception.errors import ModelError
from fer_ros.perception.filtering import SmoothingSettings
from fer_ros.perception.pipeline import Pipeline, PipelineSettings
from fer_ros.perception.types import Origin
from fer_ros.runtime.settings import PerceptionSettings


@dataclass(frozen=True)
class Assembly:
    """A pipeline and what it was made of."""

    pipeline: Pipeline
    classifier: EmotionClassifier
    choice: DetectorChoice
    """The face detector, and how it came to be chosen."""
    remark: str = ""
    """What a user should know about the detector's file; mostly nothing."""

    @property
    def detector(self) -> FaceDetector:
        """The face detector."""
        return self.choice.detector

    @property
    def origin(self) -> Origin:
        """Networks and detector, as every result names them."""
        return Origin(
            labels=self.classifier.labels,
            model_id=self.classifier.model_id,
            model_digest=self.classifier.model_digest,
            detector=self.detector.name,
        )

    def apply(self, settings: PerceptionSettings) -> None:
        """Take over the dynamic parameters while the pipeline runs."""
        self.detector.settings = _detector_settings(settings)
        self.pipeline.settings = _pipeline_settings(settings, self.classifier)


def assemble(
    settings: PerceptionSettings, new_track_id: Callable[[], str] | None = None
) -> Assembly:
    """Load everything that the parameters name.

    OpenCV gets as many threads as the networks, for the whole process.

    Args:
        settings: The parameters.
        new_track_id: Source of track ids; face_1, face_2, … where none is given.

    Raises:
        ModelError: A network or detector file is missing, damaged or foreign.
    """
    cv2.setNumThreads(settings.intra_op_threads or -1)  # -1: one per core
    classifier = EmotionClassifier.from_files(
        [locate_model(name) for name in settings.models],
        fusion=settings.fusion,
        providers=settings.providers,
        threads=settings.intra_op_threads,
        mirror=settings.mirror,
    )
    choice = create_detector(
        settings.detector,
        _detector_settings(settings),
        model_path=settings.detector_model,
        providers=settings.providers,
        threads=settings.intra_op_threads,
    )
    limits = _pipeline_settings(settings, classifier)
    pipeline = Pipeline(choice.detector, classifier, limits, new_track_id or track_ids())
    yunet = choice.detector.name == "yunet"
    remark = model_store.unpublished(settings.detector_model) if yunet else ""
    return Assembly(pipeline, classifier, choice, remark)


def _detector_settings(settings: PerceptionSettings) -> DetectorSettings:
    return DetectorSettings(
        threshold=settings.detection_threshold,
        tracked_threshold=settings.tracked_threshold,
        min_face=settings.min_face_size,
        detection_size=settings.detection_size,
        max_faces=settings.max_faces,
    )


def _pipeline_settings(
    settings: PerceptionSettings, classifier: EmotionClassifier
) -> PipelineSettings:
    asked = settings.uncertain_threshold
    return PipelineSettings(
        smoothing=SmoothingSettings(
            time_constant=settings.smoothing_time,
            hysteresis=settings.hysteresis,
            threshold=classifier.uncertain_threshold if asked < 0 else asked,
            baseline=BaselineSettings.parse(settings.baseline),
            prior_weights=classifier.prior_weights(settings.class_balance),
        ),
        track_timeout=settings.track_timeout,
        detection_budget=settings.detection_budget,
        expression_rate=settings.expression_rate,
    )


def locate_model(name: str) -> Path:
    """Return the file of a shipped network, or of a path.

    Raises:
        ModelError: There is no such file, or a shipped one has been altered.
    """
    shipped = model_store.shipped_models()
    if name in shipped:
        model_store.check_shipped(shipped[name])
        return shipped[name]
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # a home folder that is not there
        raise ModelError(f"{name}: {error}") from error
    if not path.is_file():
        raise ModelError(
            f"no emotion network {name!r}: it is neither a file nor one of the shipped "
            f"{', '.join(sorted(shipped))} (see fer-ros models list)"
        )
    return path
