"""FER+ (Barsoum et al. 2016): ten votes for each FER2013 row become labels or distributions.

As in the authors' reading, a class that got a single vote counts as got none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ros.emotions import FERPLUS

UNUSABLE = -1
"""Code of rows without a majority, or whose majority says unknown or not a face."""


def without_outliers(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the votes, shape (N, 10), float32, single ones dropped."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def majority(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the class of each row in :data:`fer_ros.emotions.FERPLUS`, or :data:`UNUSABLE`.

    A class needs more than half of the votes that remain after dropping single ones.

    Args:
        votes: Shape (N, 10), in the order of ``FERPLUS_COLUMNS``.
    """
    kept = without_outliers(votes)
    winner = kept.argmax(1)
    clear = kept.max(1) > 0.5 * kept.sum(1)
    return np.where(clear & (winner < len(FERPLUS)), winner, UNUSABLE)


def distribution(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of each of the eight classes, shape (N, 8).

    Rows sum to 1, or to 0 where unknown or not-a-face got the most votes.
    """
    kept = without_outliers(votes)
    usable = (kept.argmax(1) < len(FERPLUS)) & (kept.max(1) > 0)
    known = kept[:, : len(FERPLUS)]
    total = np.maximum(known.sum(1, keepdims=True), 1)
    return np.where(usable[:, None], known / total, 0).astype(np.float32)
