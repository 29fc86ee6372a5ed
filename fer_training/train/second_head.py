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

"""The head that learnt the FER+ votes, measured on their majority."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.data import ferplus
from fer_training.data.base import FaceDataset
from fer_training.data.splits import Rows
from fer_training.measure import calibration
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.records import checkpoint
from fer_training.records.run import VotesHead


def measure(folder: Path, test: FaceDataset, duplicates: Rows, selects: bool) -> VotesHead:
    """Measure a run's votes head on the majority labels of FER+ (eight classes).

    Args:
        folder: Run folder; the calibration is stored in its ``best.pt``.
        test: The split's test rows, with votes.
        duplicates: Rows (indices into ``test``) that are among the training rows too.
        selects: Whether the test rows may fit temperatures and threshold.

    Raises:
        DatasetError: No test row has a majority of votes.
    """
    copies = np.flatnonzero(np.isin(ferplus.kept_rows(test), duplicates))
    kept = ferplus.relabelled(test)
    predictor = CheckpointPredictor.load(folder, "votes")
    fitted = None
    if selects:
        fitted = calibration.calibrate(predictor.logits(kept.images), kept.labels)
        predictor.calibration = calibration.kept(fitted)
        best = folder / "best.pt"
        state = replace(checkpoint.load(best), ferplus_calibration=predictor.calibration)
        checkpoint.save(state, best)
    entry = architectures.get(predictor.recipe.architecture)
    return VotesHead(
        selection=ferplus.census(test),
        parameters=architectures.parameter_count(predictor.network),
        macs=complexity.multiply_accumulates(predictor.network, entry.channels, entry.size),
        results=evaluate(predictor, kept, copies),
        calibration=fitted,
    )
