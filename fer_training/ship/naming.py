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

"""The threshold of ``uncertain`` in a file: named faces shall be right, on changed crops too.

A threshold from unchanged PublicTest rows names faces of other sources too easily, because networks
are surer of them than they are right. So the rows are changed as other sources differ
(:data:`fer_training.data.degradations.SHIFTS`), and the threshold is the least one from which on
:data:`NAMED_RIGHT` of the faces named in all of them are right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_training.data.base import FaceDataset
from fer_training.data.degradations import SHIFTS
from fer_training.measure import metrics
from fer_training.measure.predictors import Predictor
from fer_training.measure.robustness import degraded
from fer_training.ship.export import ExportError
from fer_training.ship.renew import Change

NAMED_RIGHT = 0.8
"""Share of the named faces that shall be right: four of five."""
_STEPS = np.round(np.arange(0.20, 0.96, 0.01), 2)


@dataclass(frozen=True)
class Naming:
    """A threshold and what it gives, shares in 0..1."""

    threshold: float
    named: float
    """On changed crops."""
    named_right: float
    named_clean: float
    """On unchanged crops."""
    named_right_clean: float


def least_threshold(
    confidence: NDArray[np.float32], right: NDArray[np.bool_], wanted: float = NAMED_RIGHT
) -> float:
    """Return the least threshold, in steps of 0.01, from which on enough named faces are right.

    Args:
        confidence: Probability of the first class of each face, shape (N,).
        right: Whether that is the true one, shape (N,).
        wanted: Share in 0..1.

    Raises:
        ExportError: No threshold up to 0.95 does it.
    """
    for step in _STEPS:
        named = confidence >= step
        if named.any() and float(right[named].mean()) >= wanted:
            return float(step)
    raise ExportError(f"no threshold makes {100 * wanted:.0f} % of the named faces right")


def fit(predictor: Predictor, data: FaceDataset, rows: int = 400, seed: int = 0) -> Naming:
    """Fit the threshold of a network, or of joined ones.

    Args:
        predictor: The network.
        data: FER2013's PublicTest rows.
        rows: How many of them are used, drawn at random.
        seed: Of the draw and of the changes.

    Raises:
        ExportError: No threshold does it.
    """
    chosen = np.random.default_rng(seed).permutation(len(data))[:rows]
    own = data.select(np.sort(chosen))
    clean = _predicted(predictor, own, own.images)
    changed = [_predicted(predictor, own, degraded(own.images, c, seed)) for c in SHIFTS]
    confidence = np.concatenate([part[0] for part in changed])
    right = np.concatenate([part[1] for part in changed])
    threshold = least_threshold(confidence, right)
    named, named_clean = confidence >= threshold, clean[0] >= threshold
    return Naming(
        threshold,
        float(named.mean()),
        float(right[named].mean()),
        float(named_clean.mean()),
        float(clean[1][named_clean].mean()),
    )


def _predicted(
    predictor: Predictor, data: FaceDataset, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    scores = predictor.probabilities(images)
    aligned = metrics.align_columns(scores, predictor.labels, data.label_names)
    return aligned.max(1), aligned.argmax(1) == data.labels


def put(threshold: float) -> Change:
    """Return the change that gives a file a threshold; all else stays as it is."""
    return lambda _, metadata: replace(metadata, uncertain_threshold=threshold)


def note(card: Path, found: Naming) -> None:
    """Put a threshold, and what it gives, into the card of a file; without a card, nothing."""
    if not card.is_file():
        return
    sentence = (
        f"It names {100 * found.named:.0f} % of the faces of changed PublicTest rows, "
        f"{100 * found.named_right:.0f} % of them\nrightly; of unchanged ones "
        f"{100 * found.named_clean:.0f} %, {100 * found.named_right_clean:.0f} % rightly "
        "(`fer-train calibrate`)."
    )
    text = card.read_text(encoding="utf-8")
    text = re.sub(r"\nIt names .*?\(`fer-train calibrate`\)\.\n", "\n", text, flags=re.DOTALL)
    text = re.sub(
        r"(threshold of UNCERTAIN )[0-9.]+(\. )", rf"\g<1>{found.threshold:.2f}\g<2>", text
    )
    text = re.sub(
        r"(\| temperatures, threshold \| [^|]+; )[0-9.]+(, fitted)",
        rf"\g<1>{found.threshold:.2f}\g<2>",
        text,
    )
    text = re.sub(r"(\n[^\n|]*cross-fitted[^\n]*\n)", rf"\g<1>{sentence}\n", text, count=1)
    card.write_text(text, encoding="utf-8")
