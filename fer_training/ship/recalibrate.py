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

"""Temperatures of an exported file, fitted anew: its labels, and so its accuracies, stay."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.calibration import as_logits
from fer_training.data.base import FaceDataset
from fer_training.measure import calibration
from fer_training.measure.predictors import OnnxPredictor
from fer_training.records.figures import Calibration
from fer_training.ship import tables
from fer_training.ship.export import calibration_figures
from fer_training.ship.renew import Change

_BATCH = 256


def fit(predictor: OnnxPredictor, data: FaceDataset) -> Calibration:
    """Fit temperatures and threshold of a file on rows that may select; its own do not count."""
    return calibration.calibrate(_logits(predictor, data.images), data.labels)


def _logits(predictor: OnnxPredictor, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    network = predictor.network
    starts = range(0, len(images), _BATCH)
    parts = [network.run(predictor.preprocess(images[i : i + _BATCH])) for i in starts]
    raw = np.concatenate(parts)
    return as_logits(raw) if network.metadata.output == "probabilities" else raw


def put(fitted: Calibration) -> Change:
    """Return the change that gives a file temperatures and what they give; all else stays."""
    return lambda _, metadata: replace(
        metadata,
        temperature=fitted.temperature,
        undecided_temperature=fitted.undecided_temperature,
        metrics={**metadata.metrics, **calibration_figures(fitted)},
    )


def note(card: Path, fitted: Calibration) -> None:
    """Put temperatures, and what they give, into the card of a file; without a card, nothing.

    The calibration error on held-out rows goes: it was another one's.
    """
    if not card.is_file():
        return
    text = card.read_text(encoding="utf-8")
    whole = tables.calibrated(fitted, None)
    text = re.sub(
        r"Temperatures? [0-9.]+[^\n]*threshold of UNCERTAIN.*?\|\n(?=\n)",
        lambda _: f"{whole}\n",
        text,
        flags=re.DOTALL,
    )
    error = calibration.cross_fitted_words(fitted.ece_cross_fitted, fitted.ece_cross_fitted_range)
    text = re.sub(
        r"\nExpected calibration error [^\n]*cross-fitted[^\n]*\.\n",
        f"\nExpected calibration error {error} cross-fitted.\n",
        text,
    )
    text = re.sub(
        r"\| temperatures?, threshold \| .*?[,;] ([0-9.]+), fitted",
        rf"| temperatures, threshold | {calibration.temperatures(fitted)}; \g<1>, fitted",
        text,
    )
    card.write_text(text, encoding="utf-8")
