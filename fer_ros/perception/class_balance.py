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

"""Class probabilities for another mix of classes than a network was trained on.

A network learns how frequent each class was: of FER2013's training rows 1.5 % show disgust and 25 %
joy. By Bayes' rule its probabilities divided by these shares are those of faces among which every
class is equally likely (logit adjustment, Menon et al., ICLR 2021); a power of the shares goes part
of the way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def prior_weights(shares: Sequence[float], balance: float) -> tuple[float, ...]:
    """Return what the probability of each class is multiplied with.

    Args:
        shares: Of each class among the training rows, above 0.
        balance: 0 keeps the training's mix, 1 takes every class as equally likely [0..1].
    """
    return tuple(float(share) ** -balance for share in shares)


def reweighted(probabilities: NDArray[np.float32], weights: Sequence[float]) -> NDArray[np.float32]:
    """Return probabilities, (labels,) or (N, labels), times the weights of the classes; sums 1."""
    products = probabilities * np.asarray(weights)
    return np.asarray(products / products.sum(axis=-1, keepdims=True), np.float32)
