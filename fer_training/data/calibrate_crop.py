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

"""Measure where YuNet sees box and landmarks in FER2013 crops, and print the crop template.

    python -m fer_training.data.calibrate_crop fer2013.npz yunet_s_dynamic.onnx

Every n-th image of Training is enlarged to several sizes and set into a plain grey picture, since
a crop that fills the picture would be boxed differently from a face in a scene. The template holds
the medians over faces found with confidence, made symmetric about the vertical axis.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.alignment import FER2013_TEMPLATE
from fer_ros.perception.detection import DetectorSettings, YuNetDetector
from fer_ros.perception.model_metadata import CropTemplate
from fer_ros.perception.types import Image
from fer_training.data.folders import open_npz

SIZES = (64, 96, 128, 192, 256)
"""Sides the 48x48 images are enlarged to [pixels]."""

CANVAS = 640
_MIRRORED = [1, 0, 2, 4, 3]


def measure(images: NDArray[np.uint8], detector: YuNetDetector) -> NDArray[np.float64]:
    """Detect the faces of enlarged crops.

    Args:
        images: Shape (N, 48, 48).
        detector: Sees the picture of :data:`CANVAS` pixels in full size.

    Returns:
        Shape (M, 7, 2): middle of the box, its (width, height), and the five landmarks, in crop
        sides, one row per image and size where a face was found.
    """
    rows = []
    for size in SIZES:
        corner = (CANVAS - size) // 2
        for image in images:
            scene = np.full((CANVAS, CANVAS), int(image.mean()), np.uint8)
            inset = scene[corner : corner + size, corner : corner + size]
            inset[:] = cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
            rows.extend(_detect(scene, detector, corner, size))
    return np.array(rows)


def _detect(
    scene: Image, detector: YuNetDetector, corner: int, size: int
) -> list[NDArray[np.float64]]:
    faces = detector.detect(scene)
    if not faces or faces[0].landmarks is None:
        return []
    box = faces[0].box
    points = np.vstack([box.center, (box.width, box.height), faces[0].landmarks])
    points[[0, 2, 3, 4, 5, 6]] -= corner - 0.5  # the crop's upper left rim
    return [points / size]


def template(rows: NDArray[np.float64]) -> CropTemplate:
    """Return the medians of :func:`measure`'s rows, made symmetric, rounded to 0.001."""
    landmarks = np.median(rows[:, 2:], axis=0)
    mirrored = landmarks[_MIRRORED] * (-1, 1) + (1, 0)
    landmarks = ((landmarks + mirrored) / 2).round(3)
    side = float(np.median(np.sqrt(rows[:, 1].prod(axis=1))))
    center_y = float(np.median(rows[:, 0, 1]))
    points = tuple((float(x), float(y)) for x, y in landmarks)
    return CropTemplate(points, (0.5, round(center_y, 3)), round(side, 3))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the template and the spread it hides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("fer2013", type=Path, help="npz with arrays images and usage (0 Training)")
    parser.add_argument("yunet", type=Path, help="YuNet with a dynamic input")
    parser.add_argument("--every", type=int, default=20, help="use every n-th image (default 20)")
    options = parser.parse_args(arguments)
    with open_npz(options.fer2013) as data:
        images = data["images"][data["usage"] == 0][:: options.every]
    detector = YuNetDetector(
        options.yunet, DetectorSettings(threshold=0.8, detection_size=CANVAS, max_faces=1)
    )
    rows = measure(images, detector)
    spread = np.subtract(*np.percentile(rows, [84, 16], axis=0)) / 2
    print(f"{len(rows)} faces found in {len(images)} images at {len(SIZES)} sizes")
    print(f"template {template(rows)}")
    print(f"in use   {FER2013_TEMPLATE}")
    print(
        f"half the range of 16 to 84 %, box middle and size, landmarks: {spread.round(3).tolist()}"
    )


if __name__ == "__main__":
    main()
