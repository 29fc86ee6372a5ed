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

"""Valence and arousal, derived from the probabilities of expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fer_ros.perception.emotions import (
    ANGRY,
    CONTEMPT,
    DISGUST,
    FEAR,
    HAPPY,
    NEUTRAL,
    SAD,
    SURPRISE,
)

COORDINATES = {
    ANGRY: (-0.51, 0.59),
    DISGUST: (-0.60, 0.35),
    FEAR: (-0.64, 0.60),
    HAPPY: (0.81, 0.51),
    SAD: (-0.63, -0.27),
    SURPRISE: (0.40, 0.67),
    CONTEMPT: (-0.23, 0.31),
    NEUTRAL: (0.0, 0.0),
}
"""Mean pleasure and arousal that people gave to the words angry, disgusted, fearful, happy, sad,
surprised and contempt [-1..1]: Russell and Mehrabian, Evidence for a three-factor theory of
emotions, Journal of Research in Personality 11 (1977). Neutral is the origin of their scales."""


@dataclass(frozen=True)
class Affect:
    """A point of the circumplex."""

    valence: float
    """Unpleasant to pleasant [-1..1]."""
    arousal: float
    """Calm to excited [-1..1]."""


def expected_affect(labels: Sequence[str], probabilities: ArrayLike) -> Affect:
    """Return the expected coordinates under class probabilities.

    Args:
        labels: Class names; those without coordinates are left out, and the rest counts as all.
        probabilities: In their order.
    """
    known = [(COORDINATES[name], p) for name, p in zip(labels, np.asarray(probabilities, float))
             if name in COORDINATES]  # fmt: skip
    total = sum(p for _, p in known)
    if not total > 0:
        return Affect(0.0, 0.0)
    valence, arousal = (
        float(np.clip(sum(place[axis] * p for place, p in known) / total, -1, 1)) for axis in (0, 1)
    )
    return Affect(valence, arousal)
