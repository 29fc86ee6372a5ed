"""Score fusion of two or more trained systems (Umer et al. 2022), measured offline.

The node fuses the same way at run time (parameters ``models`` and ``fusion``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ros.classification import fuse
from fer_training.metrics import align_columns
from fer_training.predictors import Predictor


@dataclass
class FusedPredictor:
    """Several predictors behind the face of one."""

    members: Sequence[Predictor]
    rule: str
    """``sum`` or ``product``."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the first member; the others must know them too."""
        return self.members[0].labels

    @property
    def name(self) -> str:
        """Names of all members and the rule."""
        return f"{self.rule}({', '.join(member.name for member in self.members)})"

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return fused probabilities, shape (N, labels)."""
        scores = [
            align_columns(member.probabilities(images), member.labels, self.labels)
            for member in self.members
        ]
        return fuse(scores, self.rule)
