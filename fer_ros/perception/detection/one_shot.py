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

"""Base of single-shot, anchor-free detectors: candidates in every cell of a few grids."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection.base import (
    BaseDetector,
    DetectorError,
    DetectorSettings,
    check_image,
)
from fer_ros.perception.detection.candidates import Candidates
from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import create_session
from fer_ros.perception.types import Image

_LARGEST_UPSCALE = 2.0
_LARGEST_SIDE = 4096
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


class OneShotDetector(BaseDetector):
    """Scales an image and runs a network once, twice on large inputs."""

    largest_input = 640
    """Longest side of the scaled image above which a second, small one is searched too [pixels].

    YuNet found all heads that fill 60 to 90 % of a picture with a score of 0.6 up to 640 network
    pixels, 0.83 of them at 800, and none at 1400.
    """
    second_size = 320
    """Longest side of that one [pixels]."""

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
        super().__init__(settings)
        self.path = path
        try:
            self._session, self.providers = create_session(path, providers, threads)
        except ModelError as error:
            raise DetectorError(f"{error}; {remedy}") from error
        self._fixed: tuple[int, int] | None = None
        self._inputs: dict[tuple[int, int], Any] = {}

    def candidates(self, image: Image, least: float, scale: float | None = None) -> Candidates:
        """See :meth:`fer_ros.perception.detection.FaceDetector.candidates`."""
        check_image(image)
        image = self._prepared(image)
        height, width = image.shape[:2]
        if scale is not None:
            return self._search(image, scale, least)
        scale = self.scale(width, height)
        found = self._search(image, scale, least)
        if max(width, height) * scale > self.largest_input and not self._fixed:
            second = self._search(image, self.second_size / max(width, height), least)
            found = np.concatenate([found, second])
        return found

    def _prepared(self, image: Image) -> Image:
        """Return the image as every pass over it takes it."""
        return image

    def input_size(self, width: int, height: int, scale: float) -> tuple[int, int]:
        """Return height and width of the network's input for an image of a size at a scale."""
        return self._fixed or (padded(scaled(height, scale)), padded(scaled(width, scale)))

    def cost(self, width: int, height: int, scale: float) -> float:
        """See :meth:`fer_ros.perception.detection.FaceDetector.cost`."""
        rows, columns = self.input_size(width, height, scale)
        return float(rows * columns)

    def bare_run(self, width: int, height: int) -> Callable[[], object]:
        """Return a call that does nothing but run the network, for an image of a size."""
        scale = self.scale(width, height)
        buffers = self._input(self.input_size(width, height, scale))
        noise = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
        buffers.fill(noise, scaled(width, scale), scaled(height, scale))
        run: Callable[[], object] = buffers.run
        return run

    def scale(self, width: int, height: int) -> float:
        """See :meth:`fer_ros.perception.detection.FaceDetector.scale`."""
        if self._fixed:
            scale = min(self._fixed[1] / width, self._fixed[0] / height)
        elif self.settings.detection_size:
            scale = self.settings.detection_size / max(width, height)
        else:
            needed = self.smallest_face / self.settings.min_face
            scale = min(needed, _LARGEST_SIDE / max(width, height))
        return min(scale, _LARGEST_UPSCALE)

    def _search(self, image: Image, scale: float, least: float) -> Candidates:
        """Run the network on the scaled image once."""
        height, width = image.shape[:2]
        inner_height, inner_width = scaled(height, scale), scaled(width, scale)
        size = self.input_size(width, height, scale)
        if self.providers is not None and self.providers.compiles:
            size = self._kept_size(size)
        buffers = self._input(size)
        buffers.fill(image, inner_width, inner_height)
        buffers.run()
        enlarged = np.array([width / inner_width, height / inner_height], np.float32)
        rows = self._decode(buffers, enlarged, least)
        finite = np.isfinite(rows)
        if not finite.all():
            rows = rows[finite.all(axis=1)]
        if len(rows) > _MOST_CANDIDATES:
            rows = rows[np.argsort(-rows[:, 14], kind="stable")[:_MOST_CANDIDATES]]
        return rows

    def _kept_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the least input so far that holds one of (height, width), else that itself.

        Providers that compile for each size then do it for the whole images of each camera, and
        not for every window of the search.
        """
        holding = [kept for kept in self._inputs if kept[0] >= size[0] and kept[1] >= size[1]]
        return min(holding, key=math.prod, default=size)

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
    def _decode(self, buffers: Any, enlarged: NDArray[np.float32], least: float) -> Candidates:
        """Return the cells of at least a confidence, `enlarged` times network pixels (x, y)."""


def candidates_of(
    cells: NDArray[np.float32],
    strides: NDArray[np.float32],
    predicted: NDArray[np.float32],
    scores: NDArray[np.float32],
    enlarged: NDArray[np.float32],
) -> Candidates:
    """Turn predictions relative to their cells into candidates.

    Args:
        cells: (N, 2) column and row that a middle or landmark of 0 means.
        strides: (N, 1) network pixels per cell.
        predicted: (N, 14) middle, logarithm of the size, landmarks, in cells.
        scores: (N,)
        enlarged: Source pixels per network pixel (x, y).
    """
    found = np.empty((len(predicted), 15), np.float32)
    found[:, :14] = predicted
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
