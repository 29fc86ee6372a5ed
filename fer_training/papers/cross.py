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

"""Shipped networks on data that they did not learn from, unchanged, as a user would run them.

Every class of the network may be predicted, also one that the data lack (CK+ has no neutral faces);
such a prediction is wrong. Crops of JAFFE's photos are found by the node's own detector.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from fer_ros.perception.model_store import shipped_models
from fer_training import architectures
from fer_training.architectures import complexity
from fer_training.data import load_dataset, splits
from fer_training.data.base import FaceDataset
from fer_training.measure import metrics
from fer_training.measure.evaluate import evaluate
from fer_training.measure.predictors import OnnxPredictor
from fer_training.recipes.recipe import Data, Recipe, from_dict
from fer_training.records import provenance, run
from fer_training.records.figures import Results
from fer_training.records.run import RunRecord

SPLIT = "unchanged"
"""What such a record has in the place of a split."""
SETS = {"ckplus": ["contempt"], "jaffe": []}
"""Data sets and their classes that the shipped networks do not know."""


def measure(folder: Path, paths: dict[str, str]) -> list[Path]:
    """Write a run folder ``<network>-on-<data set>`` for each pair; return them.

    Args:
        folder: Folder of runs.
        paths: Place of each data set of :data:`SETS`, empty for the data folder; and of
            ``fer2013``, on whose PublicTest the int8 files are measured where it is given.

    Raises:
        DatasetError: A data set is missing.
    """
    written = []
    for dataset, unknown in SETS.items():
        data = load_dataset(dataset, paths.get(dataset, ""), Data(leave_out=unknown))
        for name, file in shipped_models().items():
            out = folder / f"{name}-on-{dataset}"
            run.write(record(OnnxPredictor(file), data), out)
            written.append(out)
    if paths.get("fer2013"):
        written += _twins(folder, load_dataset("fer2013", paths["fer2013"]))
    return written


def _twins(folder: Path, data: FaceDataset) -> list[Path]:
    """Measure the int8 files on PublicTest, as their float files were after training."""
    division = splits.make(data, "official")[0]
    copies = np.flatnonzero(np.isin(division.test, splits.cross_duplicates(data, division)))
    test = data.select(division.test)
    written = []
    for name, file in shipped_models().items():
        predictor = OnnxPredictor(file)
        if "quantization" in predictor.network.metadata.recipe:
            made = record(predictor, test)
            made.results = evaluate(predictor, test, copies)
            made.recipe.data.split = division.name
            run.write(made, folder / name)
            written.append(folder / name)
    return written


def record(predictor: OnnxPredictor, data: FaceDataset) -> RunRecord:
    """Measure one network on all rows."""
    names = (*data.label_names, *(n for n in predictor.labels if n not in data.label_names))
    scores = metrics.align_columns(predictor.probabilities(data.images), predictor.labels, names)
    single = metrics.summarize(data.labels, scores, names)
    known = {entry.name for entry in fields(Recipe)}
    origin = predictor.network.metadata.recipe
    plan = from_dict({key: value for key, value in origin.items() if key in known})
    plan.name, plan.data = predictor.name, Data(dataset=data.name, split=SPLIT)
    entry = architectures.get(plan.architecture)
    network = architectures.create(plan.architecture, len(predictor.labels), **plan.options)
    return RunRecord(
        recipe=plan,
        protocol=SPLIT,
        selects=False,
        leaks="",
        command="fer-train cross",
        revision=provenance.revision(),
        versions=provenance.versions(),
        data=provenance.dataset(data, 0),
        parameters=architectures.parameter_count(network),
        macs=complexity.multiply_accumulates(network, entry.channels, entry.size),
        minutes=0.0,
        results=Results(
            model=predictor.name,
            dataset=data.name,
            rows=len(data),
            labels=list(names),
            single_crop=single,
        ),
    )
