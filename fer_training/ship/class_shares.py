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

"""Stores the shares of the classes in networks that were exported without them.

``python -m fer_training.ship.class_shares FER2013 fer_ros/models/*.onnx`` counts them as each
file's own recipe cleans its rows and leaves detectors alone; graphs and weights stay the same, and
digests are renewed as :mod:`fer_training.ship.renew` says.
"""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import onnx

from fer_ros.perception.model_metadata import ModelMetadata
from fer_ros.perception.onnx_file import read_properties
from fer_training.data import load_dataset, splits
from fer_training.data.base import FaceDataset
from fer_training.recipes import recipe
from fer_training.ship.export import learned_shares
from fer_training.ship.renew import Change, renew_all
from fer_training.train.batches import class_rows, training_rows


def adding_shares(data: FaceDataset) -> Change:
    """Return the change that stores the shares of the classes that a file's recipe drew.

    Args:
        data: The rows that the files were trained on.
    """

    def change(_: onnx.ModelProto, metadata: ModelMetadata) -> ModelMetadata:
        known = {field.name for field in fields(recipe.Recipe)}  # the command is there as well
        settings = recipe.from_dict({k: v for k, v in metadata.recipe.items() if k in known})
        split = splits.choose(data, settings.data.split, settings.data.fold)
        rows = class_rows(data.select(training_rows(data, split, settings)))
        return replace(metadata, class_shares=learned_shares(rows, metadata.labels, settings))

    return change


if __name__ == "__main__":
    fer2013 = load_dataset("fer2013", Path(sys.argv[1]))
    files = [Path(name) for name in sys.argv[2:]]
    networks = [path for path in files if "fer.labels" in read_properties(path)]
    renew_all(networks, lambda _: adding_shares(fer2013))
