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

"""The protocol of face detectors, their settings, and helpers that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from fer_ros.perception.detection.candidates import Candidates, faces_of, suppress
from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import ProviderReport
from fer_ros.perception.types import Box, Face, Image

THRESHOLDS = (0.05, 1.0)
"""Least and largest ``threshold`` of a detector."""

FACE_SIZES = (10, 2000)
"""Least and largest ``min_face`` [source pixels]."""

DETECTION_SIZES = (32, 4096)
"""Least and largest ``detection_size`` that is not 0 [pixels]."""

FACE_COUNTS = (1, 1000)
"""Least and largest ``max_faces``."""


class DetectorError(ModelError):
    """A detector cannot be made; the message gives the reason and a remedy."""


@dataclass(frozen=True)
class DetectorSettings:
    """Settings that all detectors share.

    Raises:
        ValueError: A value is outside its range; the message names it.
    """

    threshold: float = 0.7
    """Least confidence of a face [0..1]."""
    tracked_threshold: float = 0.4
    """Least confidence of a face where a track of some detections expects one; only as far as it
    lies below `threshold` [0..1]."""
    min_face: int = 14
    """Side (square root of the box's area) of the smallest face that begins a track, and that is
    kept with less confidence than `threshold` [source pixels]. Where `detection_size` is 0 the
    scale of the image follows from it."""
    detection_size: int = 640
    """Longest side of the image the detector works on [pixels]; 0 chooses it from `min_face`."""
    max_faces: int = 32
    """Faces kept in one image, the most confident ones."""

    def __post_init__(self) -> None:
        _check("threshold", self.threshold, THRESHOLDS)
        _check("tracked_threshold", self.tracked_threshold, THRESHOLDS)
        _check("min_face", self.min_face, FACE_SIZES)
        if self.detection_size != 0:
            _check("detection_size", self.detection_size, DETECTION_SIZES, "0 (automatic) or ")
        _check("max_faces", self.max_faces, FACE_COUNTS)


def _check(name: str, value: float, bounds: tuple[float, float], besides: str = "") -> None:
    if not bounds[0] <= value <= bounds[1]:  # false for NaN as well
        raise ValueError(f"{name} must be {besides}{bounds[0]:g}..{bounds[1]:g}, not {value}")


class FaceDetector(Protocol):
    """Finds faces in one image at a time; not safe for use from several threads at once.

    :class:`BaseDetector` supplies ``detect`` for those that have the rest.
    """

    name: str
    """Short name for logs and diagnostics, e.g. ``yunet``."""
    settings: DetectorSettings
    """May be replaced between two calls."""
    providers: ProviderReport | None
    """What its network runs on; None where it has none."""
    smallest_face: float
    """Mean side of the smallest face that is found reliably [pixels after scaling]."""

    def scale(self, width: int, height: int) -> float:
        """Return the scale at which a whole image of a size is searched: pixels per image pixel."""
        ...

    def cost(self, width: int, height: int, scale: float) -> float:
        """Return what a pass over an image of a size at a scale costs [pixels after scaling]."""
        ...

    def candidates(self, image: Image, least: float, scale: float | None = None) -> Candidates:
        """Return what one pass finds, overlapping candidates included.

        Args:
            image: uint8, (height, width, 3) BGR or (height, width) grey, rows of any stride.
            least: Least confidence of a candidate [0..1].
            scale: Pixels per image pixel; None: that of :meth:`scale`.

        Raises:
            ValueError: The array is no such image.
        """
        ...

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an image, the most confident first.

        Args:
            image: As for :meth:`candidates`.

        Returns:
            At most ``max_faces`` faces in source pixels. Boxes follow YuNet's convention,
            from the hairline to the chin, whatever the detector.

        Raises:
            ValueError: The array is no such image.
        """
        ...


@runtime_checkable
class Verifies(Protocol):
    """What a detector may have besides: a second look at what it found."""

    def verified(self, image: Image, found: Candidates, expected: Sequence[Box] = ()) -> Candidates:
        """Return candidates with their final confidence, the most confident first.

        Args:
            image: That they were found in.
            found: Of one or more passes, without overlapping ones, in pixels of the image.
            expected: Where tracks expect faces: candidates elsewhere that have little prospect
                may be left out. Empty: no track is known, all are returned.
        """
        ...


def merged(
    detector: FaceDetector,
    image: Image,
    rows: Sequence[Candidates],
    expected: Sequence[Box] = (),
) -> Candidates:
    """Return what several passes over an image found, with its final confidence, each face once.

    ``expected`` is as :meth:`Verifies.verified` takes it.
    """
    found = suppress(np.concatenate(rows)) if rows else np.empty((0, 15), np.float32)
    return detector.verified(image, found, expected) if isinstance(detector, Verifies) else found


class BaseDetector(ABC):
    """A detector's ``detect`` on top of its candidates, and the cost of a network of any size."""

    name = ""
    smallest_face = 20.0
    providers: ProviderReport | None = None

    def __init__(self, settings: DetectorSettings) -> None:
        """Take the settings."""
        self.settings = settings

    @abstractmethod
    def scale(self, width: int, height: int) -> float:
        """See :meth:`FaceDetector.scale`."""

    @abstractmethod
    def candidates(self, image: Image, least: float, scale: float | None = None) -> Candidates:
        """See :meth:`FaceDetector.candidates`."""

    def cost(self, width: int, height: int, scale: float) -> float:
        """See :meth:`FaceDetector.cost`."""
        return width * height * scale**2

    def detect(self, image: Image) -> list[Face]:
        """See :meth:`FaceDetector.detect`."""
        settings = self.settings
        found = merged(self, image, [self.candidates(image, settings.threshold)])
        found = found[found[:, 14] >= settings.threshold]
        return faces_of(found[: settings.max_faces])


def check_image(image: Image) -> None:
    """Raise ValueError unless the array is an image as `FaceDetector.detect` takes it."""
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != "uint8" or not fits or image.size == 0:
        raise ValueError(
            f"expected uint8 (height, width) or (height, width, 3), not {image.dtype} {image.shape}"
        )


def shrink(image: Image, width: int, height: int, into: Image | None = None) -> Image:
    """Scale an image without aliasing, far faster than area interpolation of the whole.

    A bilinear step that halves an image is the mean over 2x2 pixels; such steps are repeated
    until the rest is less than a halving.

    Args:
        image: (h, w) or (h, w, 3).
        width: Width wanted [pixels].
        height: Height wanted [pixels].
        into: Where the result goes, of its shape; rows of any stride.

    Returns:
        The scaled image: `into` where it is given, else the image itself if it has the size.
    """
    while image.shape[1] >= 4 * width and image.shape[0] >= 4 * height:
        image = _bilinear(image, image.shape[1] // 2, image.shape[0] // 2)
    if image.shape[1] > 2 * width and image.shape[0] > 2 * height:
        image = _bilinear(image, 2 * width, 2 * height)
    return _bilinear(image, width, height, into)


def _bilinear(image: Image, width: int, height: int, into: Image | None = None) -> Image:
    if into is None and image.shape[:2] == (height, width):
        return image
    # Not INTER_LINEAR, whose grey levels differ by one between processors.
    scaled = cv2.resize(image, (width, height), dst=into, interpolation=cv2.INTER_LINEAR_EXACT)
    return np.asarray(scaled, np.uint8)
