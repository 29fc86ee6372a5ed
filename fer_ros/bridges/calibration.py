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

"""Calibrations of cameras (``sensor_msgs/CameraInfo``), and the images that each is for.

A CameraInfo describes the whole sensor as it was calibrated; ``roi`` and ``binning`` define the
part of it that an image shows. What does not fit together is refused: a wrong scale gives a wrong
distance.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.head_pose import Camera
from fer_ros.perception.strings import shortened
from fer_ros.transport.image_topics import camera_of

_DISTORTION_SIZES = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8, 12, 14),
    "none": (0,),
    "": (0,),
}
"""Known models, and how many coefficients they have."""

_NARROWEST, _WIDEST = 100.0, 0.1
"""Focal lengths that a pinhole camera can have, in widths of its image."""

_ROUNDING = 1.5
"""By how much sizes may differ from what they should be [pixels]."""

_MOST_KEPT = 8
"""Calibrations of a camera that are kept: the newest ones that differ."""


class CalibrationError(ValueError):
    """A CameraInfo cannot be used, or not for these images; the message says why."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of one camera's images, from a CameraInfo."""

    camera: Camera
    """Of the whole sensor, without binning."""
    size: tuple[int, int]
    """Width and height of the whole sensor [pixels]."""
    region: tuple[int, int, int, int]
    """Left, top, width and height of the part that images show [pixels of the whole sensor]."""
    binning: tuple[int, int]
    """Pixels of the sensor a pixel of an image, across and down; at least 1."""
    frame_id: str
    """Of the camera's optical frame; empty: not given."""

    def same(self, other: Calibration) -> bool:
        """Whether another one is equal."""
        mine, theirs = (
            (*each.camera.matrix.flat, *each.camera.distortion) for each in (self, other)
        )
        return (mine, self.size, self.region, self.binning, self.frame_id) == (
            theirs, other.size, other.region, other.binning, other.frame_id
        )  # fmt: skip

    def for_image(self, width: int, height: int, frame_id: str = "") -> Camera:
        """Return the camera of images of a size.

        Images may have been scaled as a whole after the calibration; a part that is cut out must be
        named by ``roi``.

        Args:
            width: Of the image [pixels].
            height: Of the image [pixels].
            frame_id: In its header.

        Raises:
            CalibrationError: The calibration is not for such images.
        """
        if frame_id and self.frame_id and frame_id != self.frame_id:
            raise CalibrationError(
                f"it is for the frame {shortened(self.frame_id)!r}, the images are in "
                f"{shortened(frame_id)!r}"
            )
        left, top, region_width, region_height = self.region
        across, down = self.binning
        full = region_width / across, region_height / down
        scale = width / full[0]
        rounding = _ROUNDING * max(1.0, scale)
        if abs(height - full[1] * scale) > rounding * max(1.0, full[1] / full[0]):
            raise CalibrationError(
                f"it is for images of {self._words()}, not of {width}x{height}; a part of an image "
                "must be named by roi"
            )
        partial = self.region != (0, 0, *self.size) or self.binning != (1, 1)
        if partial and width > full[0] + _ROUNDING:
            raise CalibrationError(
                f"it is for images of {self._words()}, which are smaller than {width}x{height}"
            )
        matrix = self.camera.matrix.copy()
        matrix[0, 2] -= left
        matrix[1, 2] -= top
        # Pixels are numbered by their middles: the first one of a binned image lies between those
        # that it was made of.
        for axis, factor in ((0, width / region_width), (1, height / region_height)):
            matrix[axis, axis] *= factor
            matrix[axis, 2] = (matrix[axis, 2] + 0.5) * factor - 0.5
        return Camera(matrix, self.camera.distortion)

    def _words(self) -> str:
        width, height = (round(self.region[2 + axis] / self.binning[axis], 1) for axis in (0, 1))
        return f"{width:g}x{height:g}"


class Calibrations:
    """The calibrations of one camera by the times from which they hold."""

    def __init__(self) -> None:
        """Start without any."""
        self._kept: deque[tuple[int, Calibration]] = deque(maxlen=_MOST_KEPT)

    def add(self, calibration: Calibration, stamp_ns: int) -> None:
        """Take in a calibration that holds from a stamp on [ns]; 0: it has none."""
        if not self._kept or not self._kept[-1][1].same(calibration):
            self._kept.append((stamp_ns, calibration))

    def at(self, stamp_ns: int) -> Calibration | None:
        """Return the one of an image's stamp [ns]; the newest where all are later; None: none."""
        earlier = [each for since, each in self._kept if since <= stamp_ns]
        if earlier:
            return earlier[-1]
        return self._kept[-1][1] if self._kept else None


def is_rectified(image_topic: str) -> bool:
    """Whether a topic's images are rectified, by a word in the last part of its name."""
    last = camera_of(image_topic).rpartition("/")[2]
    return not {"rect", "rectified"}.isdisjoint(re.split(r"[^a-z]+", last.lower()))


def read_calibration(info: Any, rectified: bool) -> Calibration:
    """Read a CameraInfo; of rectified images P counts, and there is no distortion.

    Raises:
        CalibrationError: The camera is not calibrated, or its values are invalid or unsupported.
    """
    size = int(info.width), int(info.height)
    if not all(size):
        raise CalibrationError("it does not say the size of the images that it is for")
    matrix = np.array(info.p if rectified else info.k, np.float64)
    matrix = matrix.reshape(3, 4)[:, :3].copy() if rectified else matrix.reshape(3, 3)
    _check_matrix(matrix, size[0], "P" if rectified else "K")
    distortion = np.zeros(0) if rectified else _distortion(info)
    return Calibration(
        camera=Camera(matrix, distortion),
        size=size,
        region=_region(info.roi, size),
        binning=(max(int(info.binning_x), 1), max(int(info.binning_y), 1)),
        frame_id=str(info.header.frame_id),
    )


def _check_matrix(matrix: NDArray[np.float64], width: int, name: str) -> None:
    if not np.isfinite(matrix).all():
        raise CalibrationError(f"its {name} holds values that are no numbers")
    focal = matrix[0, 0], matrix[1, 1]
    if not (focal[0] > 0 and focal[1] > 0):
        raise CalibrationError(f"the camera is not calibrated (the focal length in {name} is 0)")
    if matrix[1, 0] or any(matrix[2] != (0, 0, 1)) or abs(matrix[0, 1]) > 1e-3 * focal[0]:
        raise CalibrationError(f"its {name} is none of a pinhole camera")
    for each in focal:
        if not _WIDEST * width <= each <= _NARROWEST * width:
            raise CalibrationError(
                f"a focal length of {each:g} pixels is none of images {width} pixels wide"
            )


def _distortion(info: Any) -> NDArray[np.float64]:
    model, values = str(info.distortion_model), np.array(info.d, np.float64)
    sizes = _DISTORTION_SIZES.get(model)
    if sizes is None:
        raise CalibrationError(
            f"the distortion model {shortened(model)!r} is not known; use the rectified image"
        )
    if not np.isfinite(values).all():
        raise CalibrationError("its D holds values that are no numbers")
    if model in ("", "none") and not values.any():
        return np.zeros(0)
    if len(values) not in sizes:
        what = f"the distortion model {model!r} has not" if model else "no distortion model has"
        raise CalibrationError(f"{what} {len(values)} coefficients")
    return values


def _region(roi: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, width, height = (
        int(value) for value in (roi.x_offset, roi.y_offset, roi.width, roi.height)
    )
    if not (left or top or width or height):
        return 0, 0, *size
    if not (width and height) or left + width > size[0] or top + height > size[1]:
        raise CalibrationError(
            f"its roi, {width}x{height} at ({left}, {top}), is no part of {size[0]}x{size[1]}"
        )
    return left, top, width, height
