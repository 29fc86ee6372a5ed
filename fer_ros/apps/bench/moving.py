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

"""Scenes with realistic motion: faces walk to and fro, nod and change their expression.

A still picture flatters a search that follows faces. Needs nothing but the scene, so
that ``tools/compare_revisions.py`` can show the same pictures to an earlier revision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from fer_ros.perception.types import Image
from fer_ros.sources.scene import Actor, Scene

RATE = 30.0
"""Images a second."""

_COUNT = 45
"""Pictures, shown forwards and backwards in turn: a walk of 1.5 s and back."""

_WALK = 0.55
"""Amplitude of a walk, in sides of the face; its fastest is about one side a second."""

_PERIOD = 3.5
"""Of a walk [s]; a nod takes half of it."""


_EXPRESSIONS = ("happy", "neutral", "surprise", "angry")


def walking_scene(width: int, height: int, faces: int, side: float) -> Scene:
    """Return a scene whose faces walk by half their side and nod by a sixth of it.

    Args:
        width: Of the images [pixels].
        height: Of the images [pixels].
        faces: How many, on a grid.
        side: Of the picture of a face [pixels]; less where they would meet.
    """
    columns = max(math.ceil(math.sqrt(faces * width / height)), 1)
    rows = max(math.ceil(faces / columns), 1)
    cell = (width / columns, height / rows)
    side = min(side, cell[0] / (1 + 2 * _WALK), cell[1] / (1 + 0.6 * _WALK))
    actors = [
        Actor(
            (index % columns + 0.5) * cell[0],
            (index // columns + 0.5) * cell[1],
            side,
            (*_EXPRESSIONS[index % 4 :], *_EXPRESSIONS[: index % 4]),
            hold=0.9,
            sway=_WALK * side,
            period=_PERIOD + 0.3 * (index % 5),
        )
        for index in range(faces)
    ]
    return Scene(width, height, tuple(actors))


def pictures(scene: Scene) -> Iterator[Image]:
    """Yield the pictures of a scene without end, :data:`RATE` a second."""
    rendered = [scene.render(index / RATE)[0] for index in range(_COUNT)]
    while True:
        yield from rendered
        yield from rendered[-2:0:-1]
