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

"""Cost of the annotated picture: drawing and JPEG."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from fer_ros.perception import annotate
from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.timing import milliseconds_since, percentiles
from fer_ros.perception.types import Face, FaceEmotion
from fer_ros.sources.scene import Scene, crowd_scene

_WARM_UP = 5


def measure_drawing(
    sizes: Mapping[str, tuple[int, int]], faces: Sequence[int], runs: int
) -> dict[str, dict[str, float]]:
    """Time the drawing of faces and labels, and the JPEG of the result.

    Returns:
        Percentiles [ms] under ``VGA, 4 faces`` and ``VGA, JPEG``.
    """
    results = {}
    for size, (width, height) in sizes.items():
        for count in faces:
            scene = crowd_scene(width, height, count)
            image, shown = scene.render(0.0)[0], _shown(scene)
            times = []
            for _ in range(_WARM_UP + runs):
                start = time.perf_counter()
                annotate.draw(image, shown)
                times.append(milliseconds_since(start))
            results[f"{size}, {count} faces"] = percentiles(times[_WARM_UP:])
        times = []
        for _ in range(_WARM_UP + min(runs, 100)):
            start = time.perf_counter()
            encode_jpeg(image)
            times.append(milliseconds_since(start))
        results[f"{size}, JPEG"] = percentiles(times[_WARM_UP:])
    return results


def _shown(scene: Scene) -> list[FaceEmotion]:
    """Return the faces of a scene as found by a detector that makes no mistakes."""
    labels = (*FER2013, UNCERTAIN)
    flat = np.full(len(FER2013), 1 / len(FER2013), np.float32)
    return [
        FaceEmotion(
            Face(face.box, 1.0), f"face_{index}", flat, flat, labels[index % len(labels)], 0.8
        )
        for index, face in enumerate(scene.render(0.0)[1])
    ]
