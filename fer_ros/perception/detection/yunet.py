"""YuNet (Wu, Peng, Yu 2023, doi:10.1007/s11633-023-1423-y) run directly on ONNX Runtime.

Takes the dynamic export of libfacedetection.train and the static one of the OpenCV zoo. The
anchor-free outputs at strides 8, 16 and 32 are decoded here, so that neither OpenCV's engine nor
its fixed input size stands between the camera image and the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection.base import DetectorError, DetectorSettings, check_image, shrink
from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import ProviderReport, create_session
from fer_ros.perception.types import Box, Face, Image

_STRIDES = (8, 16, 32)
_OUTPUTS = tuple(f"{kind}_{s}" for kind in ("cls", "obj", "bbox", "kps") for s in _STRIDES)
_WIDTHS = (1, 1, 4, 10)
_NMS_IOU = 0.3
_KEPT_INPUTS = 4

SMALLEST_FACE = 20
"""Mean side of the smallest face that is found reliably [network pixels].

Share of 124 faces of photos found with a score of 0.6: 0.26 at 10 pixels, 0.48 at 12, 0.77 at 16,
0.89 at 20, 0.94 at 24. Enlarging helps: faces of 16 pixels go from 0.75 to 0.90 at 1.25 times.
"""

LARGEST_INPUT = 640
"""Longest side of the scaled image above which a second, small one is searched too [pixels].

Heads that fill 60 to 90 % of a picture were all found with a score of 0.6 up to 640 network
pixels, 0.83 of them at 800, and none at 1400.
"""

_SECOND_SIZE = 320
_LARGEST_UPSCALE = 2.0
_LARGEST_SIDE = 4096

_FOREIGN = "is no YuNet face detector"
_REMEDY = "fetch it with `fer-ros models fetch`"


class YuNetDetector:
    """Face detector with five landmarks; one run of the network per image, two on large inputs."""

    name = "yunet"

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
            providers: Short names as :func:`fer_ros.perception.inference.create_session` takes
                them.
            threads: Threads inside one run.

        Raises:
            DetectorError: The file is missing, damaged, or another network.
        """
        self.settings = settings
        self.path = path
        self.providers: ProviderReport | None
        try:
            self._session, self.providers = create_session(path, providers, threads)
        except ModelError as error:
            raise DetectorError(f"{error}; {_REMEDY}") from error
        self._fixed = self._check_tensors()
        self._inputs: dict[tuple[int, int], _Buffers] = {}
        self._check_run()

    def detect(self, image: Image) -> list[Face]:
        """Return the faces of an image; see :class:`fer_ros.perception.detection.FaceDetector`."""
        check_image(image)
        height, width = image.shape[:2]
        scale = self._scale(width, height)
        candidates = self._search(image, scale)
        if max(width, height) * scale > LARGEST_INPUT and not self._fixed:
            second = self._search(image, _SECOND_SIZE / max(width, height))
            candidates = np.concatenate([candidates, second])
        return _faces(_suppress(candidates, self.settings.max_faces))

    def _scale(self, width: int, height: int) -> float:
        """Network pixels per pixel of an image of a size."""
        if self._fixed:
            scale = min(self._fixed[1] / width, self._fixed[0] / height)
        elif self.settings.detection_size:
            scale = self.settings.detection_size / max(width, height)
        else:
            scale = min(SMALLEST_FACE / self.settings.min_face, _LARGEST_SIDE / max(width, height))
        return min(scale, _LARGEST_UPSCALE)

    def _search(self, image: Image, scale: float) -> NDArray[np.float32]:
        """Run the network on the scaled image; return candidates in source pixels."""
        height, width = image.shape[:2]
        inner_height, inner_width = _scaled(height, scale), _scaled(width, scale)
        padded = self._fixed or (_padded(inner_height), _padded(inner_width))
        buffers = self._input(padded)
        buffers.fill(image, inner_width, inner_height)
        enlarged = np.array([width / inner_width, height / inner_height], np.float32)
        buffers.run()
        return self._decode(buffers, enlarged)

    def _input(self, size: tuple[int, int]) -> _Buffers:
        """Return the buffers for an input of (height, width), sides multiples of 32."""
        if size not in self._inputs:
            if len(self._inputs) == _KEPT_INPUTS:
                self._inputs.clear()
            self._inputs[size] = _Buffers(self._session, *size)
        return self._inputs[size]

    def run_network(self, planes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the twelve raw outputs for an input of shape (1, 3, height, width), as copies."""
        outputs: list[NDArray[np.float32]] = self._session.run(_OUTPUTS, {"input": planes})
        return outputs

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return height and width of the network's input for an image of a size."""
        scale = self._scale(width, height)
        return self._fixed or (_padded(_scaled(height, scale)), _padded(_scaled(width, scale)))

    def _decode(self, cells: _Buffers, enlarged: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the twelve outputs into rows (x, y, width, height, 5 * (x, y), score).

        Source pixels, `enlarged` times those of the network (x, y); only rows that reach the
        threshold. Score is the geometric mean of class and objectness, as in the authors' and
        OpenCV's decoders.
        """
        cls, obj, bbox, kps = cells.outputs
        product = (cls * obj)[:, 0]
        hits = (product >= self.settings.threshold**2).nonzero()[0]
        found = np.empty((hits.size, 15), np.float32)
        if hits.size == 0:
            return found
        found[:, :4] = bbox[hits]
        found[:, 4:14] = kps[hits]
        found[:, 14] = np.sqrt(np.minimum(product[hits], 1.0))
        points = found[:, :14].reshape(-1, 7, 2)
        step = cells.strides[hits] * enlarged
        size = np.exp(np.minimum(points[:, 1], 10.0)) * step
        points += cells.corners[hits, None]
        points *= step[:, None]
        points -= np.float32(0.5)  # pixel centres at whole numbers
        points[:, 0] -= size / 2
        points[:, 1] = size
        finite = np.isfinite(found)
        return found if finite.all() else found[finite.all(axis=1)]

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
        grids = [_cell_corners(height // s, width // s) for s in _STRIDES]
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
        self._bind("input", self.planes, self._binding.bind_input)
        names = iter(_OUTPUTS)
        for output in self.outputs:
            # The network writes the levels one after the other, so that none need be joined.
            for level in np.split(output, np.cumsum(counts)[:-1]):
                self._bind(next(names), level[None], self._binding.bind_output)

    def run(self) -> None:
        """Run the network from the planes into the outputs."""
        self._session.run_with_iobinding(self._binding)

    @staticmethod
    def _bind(name: str, array: NDArray[np.float32], bind: Callable[..., None]) -> None:
        bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

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
        cv2.split(self._canvas, list(self._channels))
        self.planes[0] = self._channels


def _scaled(side: int, scale: float) -> int:
    return max(round(side * scale), 1)


def _padded(side: int) -> int:
    return -(-side // 32) * 32


def _cell_corners(rows: int, columns: int) -> NDArray[np.float32]:
    """Return (column, row) of every cell in row order, shape (rows * columns, 2)."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _suppress(candidates: NDArray[np.float32], limit: int) -> NDArray[np.float32]:
    """Non-maximum suppression; the most confident rows first, at most `limit`."""
    if len(candidates) == 0:
        return candidates
    boxes, scores = candidates[:, :4].tolist(), candidates[:, 14].tolist()
    kept = np.ravel(cv2.dnn.NMSBoxes(boxes, scores, 0.0, _NMS_IOU))[:limit]
    return np.asarray(candidates[kept], np.float32)


def _faces(rows: NDArray[np.float32]) -> list[Face]:
    points = rows[:, :14].reshape(-1, 7, 2)
    return [
        Face(Box(*numbers), score, landmarks)
        for numbers, score, landmarks in zip(
            points[:, :2].reshape(-1, 4).tolist(), rows[:, 14].tolist(), points[:, 2:], strict=True
        )
    ]
