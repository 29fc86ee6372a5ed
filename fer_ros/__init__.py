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

"""Facial expressions from camera images, on ROS 2 and without it.

The names below are the public interface (docs/api.md); everything else may change. Each is loaded
when it is first used, so that ``import fer_ros`` alone brings neither OpenCV nor ONNX Runtime.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # what typing calls so; loading that takes longer than the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from fer_ros.perception.association import Track, Tracker, track_ids
    from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork
    from fer_ros.perception.compressed import decode_compressed
    from fer_ros.perception.detection import (
        DetectorSettings,
        FaceDetector,
        FerFaceDetector,
        HaarDetector,
        YuNetDetector,
        create_detector,
    )
    from fer_ros.perception.errors import ModelError
    from fer_ros.perception.filtering import ExpressionFilter, SmoothingSettings
    from fer_ros.perception.images import ImageError, decode_raw
    from fer_ros.perception.pipeline import Pipeline, PipelineSettings
    from fer_ros.perception.types import Box, Face, FaceEmotion, Frame, FrameResult, Image
    from fer_ros.reading.errors import ReadError
    from fer_ros.reading.reader import Reader, read, read_video
    from fer_ros.reading.result import Reading
    from fer_ros.reading.schema import FaceRecord
    from fer_ros.runtime.assembly import Assembly, assemble
    from fer_ros.runtime.parameter_rows import ParameterError
    from fer_ros.runtime.settings import PerceptionSettings
    from fer_ros.sources.errors import CameraError
    from fer_ros.sources.files import open_source
    from fer_ros.sources.pictures import read_picture

__version__ = "0.1.0"

_HOMES = {
    "perception.classification": ("EmotionClassifier", "EmotionNetwork"),
    "perception.compressed": ("decode_compressed",),
    "perception.detection": (
        "DetectorSettings", "FaceDetector", "FerFaceDetector", "HaarDetector", "YuNetDetector",
        "create_detector",
    ),
    "perception.filtering": ("ExpressionFilter", "SmoothingSettings"),
    "perception.errors": ("ModelError",),
    "perception.images": ("ImageError", "decode_raw"),
    "perception.pipeline": ("Pipeline", "PipelineSettings"),
    "perception.association": ("Track", "Tracker", "track_ids"),
    "perception.types": ("Box", "Face", "FaceEmotion", "Frame", "FrameResult", "Image"),
    "reading.errors": ("ReadError",),
    "reading.reader": ("Reader", "read", "read_video"),
    "reading.result": ("Reading",),
    "reading.schema": ("FaceRecord",),
    "sources.errors": ("CameraError",),
    "sources.files": ("open_source",),
    "sources.pictures": ("read_picture",),
    "runtime.assembly": ("Assembly", "assemble"),
    "runtime.parameter_rows": ("ParameterError",),
    "runtime.settings": ("PerceptionSettings",),
}  # fmt: skip
"""Where each public name lives."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Assembly",
    "Box",
    "CameraError",
    "DetectorSettings",
    "EmotionClassifier",
    "EmotionNetwork",
    "ExpressionFilter",
    "Face",
    "FaceDetector",
    "FaceEmotion",
    "FaceRecord",
    "FerFaceDetector",
    "Frame",
    "FrameResult",
    "HaarDetector",
    "Image",
    "ImageError",
    "ModelError",
    "ParameterError",
    "PerceptionSettings",
    "Pipeline",
    "PipelineSettings",
    "ReadError",
    "Reader",
    "Reading",
    "SmoothingSettings",
    "Track",
    "Tracker",
    "YuNetDetector",
    "assemble",
    "create_detector",
    "decode_compressed",
    "decode_raw",
    "open_source",
    "read",
    "read_picture",
    "read_video",
    "track_ids",
]


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """Name the public interface."""
    return [*__all__, "__version__"]
