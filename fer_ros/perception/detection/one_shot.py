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

"""What detectors share that answer in every cell of a few grids in one run of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection.base import DetectorError, DetectorSettings, check_image
from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import ProviderReport, create_session
from fer_ros.perception.types import Box, Face, Image

Rows = NDArray[np.float32]
"""Candidates, (N, 15): x, y, width, height, five landmarks (x, y), score; source pixels."""

LARGEST_INPUT = 640
"""Longest side of the scaled image above which a second, small one is searched too [pixels].

YuNet found all heads that fill 60 to 90 % of a picture with a score of 0.6 up to 640 network
pixels, 0.83 of them at 800, and none at 1400.
"""

_SECOND_SIZE = 320
_LARGEST_UPSCALE = 2.0
_LARGEST_SIDE = 4096
_NMS_IOU = 0.3
_KEPT_INPUTS = 12
_MOST_CANDIDATES = 1000
"""Of one run, the most confident; a bound on what noise or a broken file can cost."""


class Buffers(Protocol):
    """Input and outputs for one size of the network's input, used again for every image."""

    def fill(self, image: Image, width: int, height: int) -> None:
        """Put an image, scaled to a size that fits, into the top left; black elsewhere."""
        ...

    def run(self) -> None:
        """Run the network from the input into the outputs."""
        ...


class OneShotDetector(ABC):
    """Scales an image, runs a network once, twice on large inputs, and merges the answers."""

    name = ""
    smallest_face = 20.0
    """Mean side of the smallest face that is found reliably [network pixels]."""

    def __init__(
        self,
        path: Path,
        settings: DetectorSettings,
        providers: Sequence[str],
        threads: int,
        remedy: str,
    ) -> None:
        """Load the file.

        Raises:
            DetectorError: It is missing or damaged.
        """
        self.settings = settings
        self.path = path
        self.providers: ProviderReport | None
        try:
            self._session, self.providers = create_session(path, providers, threads)
        except ModelError as error:
            raise DetectorError(f"{error}; {remedy}") from error
        self._fixed: tuple[int, int] | None = None
        self._inputs: dict[tuple[int, int], Any] = {}

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an image; see :class:`fer_ros.perception.detection.FaceDetector`."""
        settings = self.settings
        found = suppress(self.candidates(image, settings.threshold))
        return faces_of(found[: settings.max_faces])

    def candidates(self, image: Image, least: float) -> Rows:
        """Return what one pass over a whole image finds, overlapping answers among it.

        Raises:
            ValueError: The array is no image.
        """
        check_image(image)
        height, width = image.shape[:2]
        scale = self.scale(width, height)
        found = self.search(image, scale, least)
        if max(width, height) * scale > LARGEST_INPUT and not self._fixed:
            second = self.search(image, _SECOND_SIZE / max(width, height), least)
            found = np.concatenate([found, second])
        return found

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return height and width of the network's input for an image of a size."""
        scale = self.scale(width, height)
        return self._fixed or (padded(scaled(height, scale)), padded(scaled(width, scale)))

    def bare_run(self, width: int, height: int) -> Callable[[], object]:
        """Return a call that does nothing but run the network, for an image of a size."""
        buffers = self._input(self.input_size(width, height))
        noise = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
        scale = self.scale(width, height)
        buffers.fill(noise, scaled(width, scale), scaled(height, scale))
        run: Callable[[], object] = buffers.run
        return run

    def scale(self, width: int, height: int) -> float:
        """Network pixels per pixel of an image of a size."""
        if self._fixed:
            scale = min(self._fixed[1] / width, self._fixed[0] / height)
        elif self.settings.detection_size:
            scale = self.settings.detection_size / max(width, height)
        else:
            needed = self.smallest_face / self.settings.min_face
            scale = min(needed, _LARGEST_SIDE / max(width, height))
        return min(scale, _LARGEST_UPSCALE)

    def search(self, image: Image, scale: float, least: float) -> Rows:
        """Run the network on the scaled image; return candidates in source pixels.

        Args:
            image: Image or a part of it.
            scale: Network pixels per pixel of the image.
            least: Least confidence of a candidate [0..1].
        """
        height, width = image.shape[:2]
        inner_height, inner_width = scaled(height, scale), scaled(width, scale)
        buffers = self._input(self._fixed or (padded(inner_height), padded(inner_width)))
        buffers.fill(image, inner_width, inner_height)
        buffers.run()
        enlarged = np.array([width / inner_width, height / inner_height], np.float32)
        rows = self._decode(buffers, enlarged, least)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) > _MOST_CANDIDATES:
            rows = rows[np.argsort(-rows[:, 14], kind="stable")[:_MOST_CANDIDATES]]
        return rows

    def _input(self, size: tuple[int, int]) -> Any:
        """Return the buffers for an input of (height, width), sides multiples of 32."""
        if size not in self._inputs:
            if len(self._inputs) == _KEPT_INPUTS:
                self._inputs.clear()
            self._inputs[size] = self._make_buffers(*size)
        return self._inputs[size]

    @abstractmethod
    def _make_buffers(self, height: int, width: int) -> Any:
        """Return new :class:`Buffers` for an input of a size."""

    @abstractmethod
    def _decode(self, buffers: Any, enlarged: NDArray[np.float32], least: float) -> Rows:
        """Return the cells of at least a confidence, `enlarged` times network pixels (x, y)."""


def rows_of(
    cells: NDArray[np.float32],
    strides: NDArray[np.float32],
    answers: NDArray[np.float32],
    scores: NDArray[np.float32],
    enlarged: NDArray[np.float32],
) -> Rows:
    """Turn answers relative to their cells into candidates.

    Args:
        cells: (N, 2) column and row that a middle or landmark of 0 means.
        strides: (N, 1) network pixels per cell.
        answers: (N, 14) middle, logarithm of the size, landmarks, in cells.
        scores: (N,)
        enlarged: Source pixels per network pixel (x, y).
    """
    found = np.empty((len(answers), 15), np.float32)
    found[:, :14] = answers
    found[:, 14] = scores
    points = found[:, :14].reshape(-1, 7, 2)
    step = strides * enlarged
    size = np.exp(np.minimum(points[:, 1], 10.0)) * step
    points += cells[:, None]
    points *= step[:, None]
    points -= np.float32(0.5)  # pixel centres at whole numbers
    points[:, 0] -= size / 2
    points[:, 1] = size
    return found


def bind(binder: Callable[..., None], name: str, array: NDArray[Any]) -> None:
    """Bind an array on the CPU as a network's input or output."""
    binder(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def scaled(side: int, scale: float) -> int:
    """Return a side after scaling [pixels], at least 1."""
    return max(round(side * scale), 1)


def padded(side: int) -> int:
    """Return the next multiple of 32."""
    return -(-side // 32) * 32


def cell_corners(rows: int, columns: int) -> NDArray[np.float32]:
    """Return (column, row) of every cell in row order, shape (rows * columns, 2)."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def suppress(candidates: Rows) -> Rows:
    """Non-maximum suppression; the most confident rows first."""
    if len(candidates) == 0:
        return candidates
    boxes, scores = candidates[:, :4].tolist(), candidates[:, 14].tolist()
    kept = np.ravel(cv2.dnn.NMSBoxes(boxes, scores, 0.0, _NMS_IOU))
    return np.asarray(candidates[kept], np.float32)


def faces_of(rows: Rows) -> list[Face]:
    """Return candidates as faces, in their order."""
    points = rows[:, :14].reshape(-1, 7, 2)
    return [
        Face(Box(*numbers), score, landmarks)
        for numbers, score, landmarks in zip(
            points[:, :2].reshape(-1, 4).tolist(), rows[:, 14].tolist(), points[:, 2:], strict=True
        )
    ]
