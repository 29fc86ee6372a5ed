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

"""The shipped face detector: one grey channel, any size, five landmarks, on ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception import model_store
from fer_ros.perception.detection import one_shot
from fer_ros.perception.detection.base import DetectorError, DetectorSettings, shrink
from fer_ros.perception.detection.candidates import Candidates, near
from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_ros.perception.detection.verifier import LEAST_SCORE, PROMISING, USUAL_THRESHOLD, Verifier
from fer_ros.perception.exposure import brighten
from fer_ros.perception.model_metadata import MetadataError
from fer_ros.perception.onnx_file import read_properties
from fer_ros.perception.types import Box, Image

_COLUMNS = 16
"""Numbers of a cell: score before its sigmoid, middle (2), logarithm of the size (2), landmarks
(10), and the logarithm of the landmarks' expected error, which is not used here."""

_REMEDY = "leave detector_model empty for the shipped one, or export yours with fer-train detector"


class FerFaceDetector(one_shot.OneShotDetector):
    """Face detector with five landmarks, trained by ``fer-train detector``."""

    name = "fer-face"
    # No field of its training was larger than 448 pixels: in an input of 640 it loses a quarter of
    # the faces that fill more than half. The second pass adds an eighth of the first one's time.
    largest_input = 320
    second_size = 160

    def __init__(
        self,
        settings: DetectorSettings,
        path: Path | None = None,
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
        verifier: Verifier | None = None,
    ) -> None:
        """Load a file and run it once.

        Args:
            settings: Threshold, sizes and limits.
            path: The ONNX file; None: the shipped one, compared with its SHA-256.
            providers: As :func:`fer_ros.perception.inference.create_session` takes.
            threads: Threads inside one run.
            verifier: Looks again at what is found; None: the one whose file lies beside, if any.

        Raises:
            ModelError: The file is missing, damaged, altered, or another network.
        """
        shipped, path = path is None, path or model_store.shipped_detector()
        beside = model_store.verifier_of(path)
        for file in (path, beside):
            if shipped and file is not None:
                model_store.check_shipped(file)
        if verifier is None and beside is not None:
            verifier = Verifier(beside, threads)
        self._verifier = verifier
        super().__init__(path, settings, providers, threads, _REMEDY)
        try:
            self.metadata = DetectorMetadata.from_props(read_properties(path))
        except MetadataError as error:
            raise DetectorError(
                f"{path} is no face detector of the form fer-face: {error}; {_REMEDY}"
            ) from error
        self.smallest_face = self.metadata.smallest_face
        self._check_tensors()
        self._check_run()

    def candidates(self, image: Image, least: float, scale: float | None = None) -> Candidates:
        """See :meth:`fer_ros.perception.detection.FaceDetector.candidates`.

        Less confident ones are returned too where :meth:`verified` may make them more so.
        """
        if self._verifier is not None:
            least = min(least, LEAST_SCORE)
        return super().candidates(image, least, scale)

    def verified(self, image: Image, found: Candidates, expected: Sequence[Box] = ()) -> Candidates:
        """See :class:`fer_ros.perception.detection.base.Verifies`."""
        if self._verifier is None:
            return found
        if expected and self.settings.threshold >= USUAL_THRESHOLD:
            found = found[(found[:, 14] >= PROMISING) | near(found, expected)]
        return self._verifier.verified(image, found)

    def run_network(self, picture: Image) -> list[NDArray[np.float32]]:
        """Return the raw outputs of all levels for a grey picture with sides in multiples of 32."""
        outputs = [_output(stride) for stride in self.metadata.strides]
        return list(self._session.run(outputs, {"input": picture[None, None]}))

    def _prepared(self, image: Image) -> Image:
        if image.ndim == 2:
            return image
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)

    def _make_buffers(self, height: int, width: int) -> _Buffers:
        return _Buffers(self._session, height, width, self.metadata.strides)

    def _decode(self, buffers: _Buffers, enlarged: NDArray[np.float32], least: float) -> Candidates:
        least = _logit(least)
        cells, found = [], []
        for level, first in zip(buffers.flat, buffers.first, strict=True):
            hits = (level[0] >= least).nonzero()[0]
            if hits.size:
                found.append(level[:15, hits])
                cells.append(hits + first)
        if not found:
            return np.empty((0, 15), np.float32)
        values, where = np.concatenate(found, axis=1).T, np.concatenate(cells)
        scores = np.float32(1.0) / (np.float32(1.0) + np.exp(-values[:, 0]))
        return one_shot.candidates_of(
            buffers.middles[where], buffers.strides[where], values[:, 1:], scores, enlarged
        )

    def _check_tensors(self) -> None:
        """Compare names and types of the tensors with what the metadata promises."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        expected = [_output(stride) for stride in self.metadata.strides]
        shape = inputs[0].shape
        fits = [node.name for node in inputs] == ["input"] and inputs[0].type == "tensor(uint8)"
        fits = fits and len(shape) == 4 and shape[1] == 1
        if not fits or [node.name for node in outputs] != expected:
            raise DetectorError(
                f"{self.path} is no face detector of the form fer-face: its tensors are not "
                f"'input', uint8 (1, 1, height, width), and {', '.join(expected)}; {_REMEDY}"
            )

    def _check_run(self) -> None:
        """Run once on black, which warms the session up too."""
        try:
            buffers = self._input((64, 64))
            buffers.run()
        except Exception as error:  # ONNX Runtime's exception classes differ between versions
            raise DetectorError(f"{self.path} does not run: {error}; {_REMEDY}") from error


class _Buffers:
    """Input and outputs for one size of the network's input, used again for every image."""

    def __init__(self, session: Any, height: int, width: int, strides: Sequence[int]) -> None:
        self._canvas = np.zeros((1, 1, height, width), np.uint8)
        self._filled = (0, 0)
        self.outputs = [
            np.zeros((1, _COLUMNS, -(-height // s), -(-width // s)), np.float32) for s in strides
        ]
        """Of each level, (1, 16, rows, columns)."""
        self.flat = [output.reshape(_COLUMNS, -1) for output in self.outputs]
        """The same, (16, cells)."""
        counts = [level.shape[1] for level in self.flat]
        self.first = [sum(counts[:index]) for index in range(len(counts))]
        """Number of each level's first cell."""
        # The labels it learned from count from the centre of the first pixel.
        self.middles = np.concatenate(
            [
                one_shot.cell_corners(*output.shape[2:]) + np.float32(0.5 + 0.5 / stride)
                for output, stride in zip(self.outputs, strides, strict=True)
            ]
        )
        """Column and row of every cell's middle, (cells, 2)."""
        self.strides = np.repeat(np.array(strides, np.float32), counts)[:, None]
        """Network pixels per cell, (cells, 1)."""
        self._session, self._binding = session, session.io_binding()
        one_shot.bind(self._binding.bind_input, "input", self._canvas)
        for stride, output in zip(strides, self.outputs, strict=True):
            one_shot.bind(self._binding.bind_output, _output(stride), output)

    def run(self) -> None:
        """Run the network from the canvas into the outputs."""
        self._session.run_with_iobinding(self._binding)

    def fill(self, image: Image, width: int, height: int) -> None:
        """Put a grey image, scaled to a size that fits, into the top left; black elsewhere."""
        if self._filled != (height, width):
            self._canvas[:] = 0
            self._filled = (height, width)
        place = self._canvas[0, 0, :height, :width]
        shrink(image, width, height, into=place)
        brighten(place)


def _output(stride: int) -> str:
    return f"cells_{stride}"


def _logit(score: float) -> float:
    score = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(score / (1 - score))
