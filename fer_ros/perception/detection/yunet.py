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

"""YuNet (Wu, Peng, Yu 2023, doi:10.1007/s11633-023-1423-y) run directly on ONNX Runtime.

Takes the dynamic export of libfacedetection.train and the static one of the OpenCV zoo. The
anchor-free outputs at strides 8, 16 and 32 are decoded here, so that neither OpenCV's engine nor
its fixed input size is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import one_shot
from fer_ros.perception.detection.base import DetectorError, DetectorSettings, shrink
from fer_ros.perception.detection.candidates import Candidates
from fer_ros.perception.exposure import brighten
from fer_ros.perception.types import Image

_STRIDES = (8, 16, 32)
_OUTPUTS = tuple(f"{kind}_{s}" for kind in ("cls", "obj", "bbox", "kps") for s in _STRIDES)
_WIDTHS = (1, 1, 4, 10)

SMALLEST_FACE = 20
"""Mean side of the smallest face that is found reliably [network pixels].

Share of 124 faces of photos found with a score of 0.6: 0.26 at 10 pixels, 0.48 at 12, 0.77 at 16,
0.89 at 20, 0.94 at 24. Enlarging helps: faces of 16 pixels go from 0.75 to 0.90 at 1.25 times.
"""

_FOREIGN = "is no YuNet face detector"
_REMEDY = "fetch it with `fer-ros models fetch`"


class YuNetDetector(one_shot.OneShotDetector):
    """Face detector with five landmarks; one run of the network per image, two on large inputs."""

    name = "yunet"
    smallest_face = float(SMALLEST_FACE)

    def __init__(
        self,
        path: Path,
        settings: DetectorSettings,
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
    ) -> None:
        """Load a YuNet file and run it once.

        Args:
            path: The ONNX file, with a dynamic or a fixed input size.
            settings: Threshold, sizes and limits.
            providers: As :func:`fer_ros.perception.inference.create_session` takes.
            threads: Threads inside one run.

        Raises:
            DetectorError: The file is missing, damaged, or another network.
        """
        super().__init__(path, settings, providers, threads, _REMEDY)
        self._fixed = self._check_tensors()
        self._check_run()

    def run_network(self, planes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the twelve raw outputs for an input of shape (1, 3, height, width), as copies."""
        outputs: list[NDArray[np.float32]] = self._session.run(_OUTPUTS, {"input": planes})
        return outputs

    def _make_buffers(self, height: int, width: int) -> _Buffers:
        return _Buffers(self._session, height, width)

    def _decode(self, buffers: _Buffers, enlarged: NDArray[np.float32], least: float) -> Candidates:
        """Return the cells that reach the threshold.

        Score is the geometric mean of class and objectness, as in the authors' and OpenCV's
        decoders.
        """
        cls, obj, bbox, kps = buffers.outputs
        product = (cls * obj)[:, 0]
        hits = (product >= least**2).nonzero()[0]
        predicted = np.concatenate([bbox[hits], kps[hits]], axis=1)
        scores = np.sqrt(np.minimum(product[hits], 1.0))
        return one_shot.candidates_of(
            buffers.corners[hits], buffers.strides[hits], predicted, scores, enlarged
        )

    def _check_tensors(self) -> tuple[int, int] | None:
        """Compare names and shapes with YuNet's; return the fixed (height, width), if any."""
        inputs = self._session.get_inputs()
        names = {node.name for node in self._session.get_outputs()}
        if [node.name for node in inputs] != ["input"] or not names.issuperset(_OUTPUTS):
            raise DetectorError(
                f"{self.path} {_FOREIGN}: it lacks the input 'input' or outputs such as 'cls_8', "
                f"'obj_16' and 'kps_32'; {_REMEDY}"
            )
        shape = inputs[0].shape
        if len(shape) != 4 or shape[1] != 3 or inputs[0].type != "tensor(float)":
            raise DetectorError(
                f"{self.path} {_FOREIGN}: its input is {inputs[0].type} {shape} and not float "
                f"(batch, 3, height, width); {_REMEDY}"
            )
        sides = shape[2:]
        if not all(isinstance(side, int) for side in sides):
            return None
        if any(side < 32 or side % 32 for side in sides):
            raise DetectorError(
                f"{self.path} {_FOREIGN}: the sides of its input, {sides}, are no multiples of 32"
            )
        return sides[0], sides[1]

    def _check_run(self) -> None:
        """Run once on black and compare the shapes of the outputs; warms the session up too."""
        buffers = self._input(self._fixed or (32, 32))
        try:
            outputs = self.run_network(buffers.planes)
        except Exception as error:  # ONNX Runtime's exception classes differ between versions
            raise DetectorError(f"{self.path} does not run: {error}; {_REMEDY}") from error
        for index, output in enumerate(outputs):
            stride = _STRIDES[index % len(_STRIDES)]
            columns = _WIDTHS[index // len(_STRIDES)]
            expected = (1, int((buffers.strides == stride).sum()), columns)
            if output.shape != expected:
                raise DetectorError(
                    f"{self.path} {_FOREIGN}: output {_OUTPUTS[index]!r} has shape "
                    f"{output.shape}, not {expected}; {_REMEDY}"
                )


class _Buffers:
    """Input and outputs for one size of the network's input, used again for every image."""

    def __init__(self, session: Any, height: int, width: int) -> None:
        self.planes = np.zeros((1, 3, height, width), np.float32)
        grids = [one_shot.cell_corners(height // s, width // s) for s in _STRIDES]
        self.corners = np.concatenate(grids)
        """Column and row of every cell of all levels, shape (cells, 2)."""
        counts = [len(grid) for grid in grids]
        self.strides = np.repeat(np.array(_STRIDES, np.float32), counts)[:, None]
        """Network pixels per cell, shape (cells, 1)."""
        self._canvas = np.zeros((height, width, 3), np.uint8)
        self._channels = np.zeros((3, height, width), np.uint8)
        self._filled = (0, 0)
        self.outputs = [np.zeros((sum(counts), width), np.float32) for width in _WIDTHS]
        """Class, objectness, box and landmarks of every cell, shape (cells, 1, 1, 4 and 10)."""
        self._session, self._binding = session, session.io_binding()
        one_shot.bind(self._binding.bind_input, "input", self.planes)
        names = iter(_OUTPUTS)
        for output in self.outputs:
            # The network writes the levels one after the other, so that none need be joined.
            for level in np.split(output, np.cumsum(counts)[:-1]):
                one_shot.bind(self._binding.bind_output, next(names), level[None])

    def run(self) -> None:
        """Run the network from the planes into the outputs."""
        self._session.run_with_iobinding(self._binding)

    def fill(self, image: Image, width: int, height: int) -> None:
        """Put an image, scaled to a size that fits, into the top left; black elsewhere."""
        if self._filled != (height, width):
            self._canvas[:] = 0
            self._filled = (height, width)
        place = self._canvas[:height, :width]
        if image.ndim == 3:
            shrink(image, width, height, into=place)
        else:
            place[:] = shrink(image, width, height)[:, :, None]
        brighten(place)
        cv2.split(self._canvas, list(self._channels))
        self.planes[0] = self._channels
