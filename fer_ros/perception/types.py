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

"""The data that flows through the pipeline: plain dataclasses with numpy arrays inside.

Pixel coordinates are those of the source image, x to the right and y downwards, with the
centre of the first pixel at (0, 0). Times named ``*_ns`` are integer nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An image: uint8, shape (height, width, 3) in BGR order or (height, width) in grey."""

LANDMARK_NAMES = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Order of the five landmarks; right and left are the person's own."""


@dataclass(frozen=True, slots=True)
class Box:
    """A face's bounding box [pixels]; may reach beyond the image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the box (x, y)."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        """Area [pixels squared]."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union with another box [0..1]."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if not (across > 0 and down > 0):  # as with NaN
            return 0.0
        overlap = across * down
        union = self.area + other.area - overlap
        return overlap / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face."""

    box: Box
    score: float
    """Confidence of the detector [0..1]."""
    landmarks: NDArray[np.float32] | None = None
    """Shape (5, 2), (x, y) in the order of :data:`LANDMARK_NAMES`, or None when not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded camera image."""

    image: Image = field(repr=False)
    stamp_ns: int
    """Stamp of the source image; 0 when it carries none."""
    frame_id: str = ""
    topic: str = ""
    """Where the image came from; tracks are kept apart by it."""
    received_ns: int = 0
    """Node clock when the image arrived."""
    decode_ms: float = 0.0
    time_ns: int = 0
    """When the image belongs in time; 0: at its stamp, and without one at its arrival."""
    rotation: int = 0
    """How far the image must be turned clockwise to be upright, 0, 90, 180 or 270 [degrees]; what
    is found in it is given in its own pixels all the same."""

    @property
    def moment_ns(self) -> int:
        """When the image belongs in time [ns], for tracks and smoothing."""
        return self.time_ns or self.stamp_ns or self.received_ns


@dataclass(frozen=True, slots=True, eq=False)
class FaceEmotion:
    """One face of one frame with its track and expression."""

    face: Face
    track_id: str
    probabilities: NDArray[np.float32]
    """Of one frame alone, shape (labels,), sum 1."""
    smoothed: NDArray[np.float32]
    """The same after `class_balance` or `baseline`, smoothed over the track, sum 1."""
    label: str
    confidence: float
    """Smoothed probability of the label, or of the best class when the label is uncertain."""
    quality: float = 1.0
    """Expected accuracy relative to a good face's [0..1]; see `fer_ros.perception.quality`."""
    prediction_age_ms: float = 0.0
    """How much older than the frame the probabilities are [ms]; 0 where they are of this frame."""
    data: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Values of further heads of the network, by the head's name; as old as the probabilities."""


@dataclass(slots=True)
class StageTimes:
    """Cost of each stage of one frame [ms, steady clock]."""

    decode: float = 0.0
    detect: float = 0.0
    align: float = 0.0
    classify: float = 0.0
    track: float = 0.0
    publish: float = 0.0


STAGES = ("decode", "detect", "align", "classify", "track", "publish")
"""Names of the stages in :class:`StageTimes`, in order."""


@dataclass(slots=True, eq=False)
class FrameResult:
    """Everything found in one frame."""

    frame: Frame
    faces: list[FaceEmotion]
    times: StageTimes = field(default_factory=StageTimes)


@dataclass(frozen=True)
class Origin:
    """Networks and detector that made a result; part of every EmotionArray."""

    labels: tuple[str, ...]
    model_id: str
    model_digest: str
    detector: str
