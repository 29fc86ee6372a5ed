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

"""Make the averaged faces of the demo: one mean face per class of FER2013 Training.

    python -m fer_training.data.average_faces fer2013.npz yunet_s_dynamic.onnx out.png

Rows on which FER+ voters clearly agree with the FER2013 label are enlarged, brought onto common
landmarks and averaged. Each face of the result is the mean over dozens (disgust) to hundreds of
people; nobody can be recognised in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.detection import DetectorSettings, YuNetDetector
from fer_ros.perception.emotions import FER2013, FERPLUS, mapping
from fer_training.data.fer2013 import load

SIDE = 160
"""Side of an averaged face [pixels]."""

LANDMARKS = np.array([(0.34, 0.40), (0.66, 0.40), (0.5, 0.58), (0.37, 0.75), (0.63, 0.75)])
"""Where the five landmarks of every face are brought to, in sides of the picture."""

ROWS = 400
"""At most so many faces of a class; more do not change the mean visibly."""

VOTES = 7
"""Votes of ten that must agree with the label; five for disgust and fear, which are rare."""

_ENLARGED, _MARGIN = 256, 32
_TARGET = (LANDMARKS * SIDE).astype(np.float32)


def agreed_rows(labels: NDArray[np.integer], votes: NDArray[np.uint8], emotion: int) -> list[int]:
    """Return the rows of a class that the FER+ voters confirm, in a fixed random order.

    Args:
        labels: FER2013 codes, shape (N,).
        votes: FER+ votes, shape (N, 8 or more).
        emotion: FER2013 code of the class.
    """
    column = mapping(FER2013, FERPLUS)[emotion]
    needed = 5 if FER2013[emotion] in ("disgust", "fear") else VOTES
    rows = np.flatnonzero((labels == emotion) & (votes[:, column] >= needed))
    return list(np.random.default_rng(emotion).permutation(rows)[:ROWS])


def average(images: Sequence[NDArray[np.uint8]], detector: YuNetDetector) -> NDArray[np.uint8]:
    """Return the mean of faces brought onto common landmarks, shape (SIDE, SIDE).

    Raises:
        ValueError: The detector finds no face in any of the images.
    """
    total, count = np.zeros((SIDE, SIDE)), 0
    for image in images:
        enlarged = cv2.resize(image, (_ENLARGED, _ENLARGED), interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(
            enlarged, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE
        )
        faces = detector.detect(np.asarray(framed, np.uint8))
        if not faces or faces[0].landmarks is None:
            continue
        placed, _ = cv2.estimateAffinePartial2D(faces[0].landmarks, _TARGET, method=cv2.LMEDS)
        if placed is None:
            continue
        face = cv2.warpAffine(framed, placed, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        total += (face - face.mean()) / (face.std() + 1e-6)
        count += 1
    if count == 0:
        raise ValueError("no face was found in any of the images")
    normal = (total - total.mean()) / total.std()
    return np.asarray(np.clip(normal * 50 + 118, 0, 255), np.uint8)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the seven faces side by side as a PNG."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="FER2013 with FER+ votes")
    parser.add_argument("yunet", type=Path, help="a YuNet ONNX file")
    parser.add_argument("out", type=Path, help="the picture to write")
    args = parser.parse_args(argv)
    data = load(args.data)
    if data.usage is None or data.votes is None:
        parser.error(f"{args.data} must have both the official split and FER+ votes")
    training = data.select(np.flatnonzero(data.usage == "Training"))
    votes = data.votes[data.usage == "Training"]
    detector = YuNetDetector(args.yunet, DetectorSettings(threshold=0.8))
    faces = []
    for emotion, name in enumerate(FER2013):
        rows = agreed_rows(training.labels, votes, emotion)
        faces.append(average([training.images[row] for row in rows], detector))
        print(f"{name}: {len(rows)} images")
    if not cv2.imwrite(str(args.out), np.hstack(faces), [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        parser.error(f"cannot write {args.out}")


if __name__ == "__main__":
    main()
