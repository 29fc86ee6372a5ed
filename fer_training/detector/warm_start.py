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

"""A network for training with the weights of an exported file, where its checkpoint is lost.

The file's convolutions hold the batch normalisation that followed them. For training it is put
back with statistics measured on training batches, so that the network computes what the file does.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_ros.perception.onnx_file import read_properties
from fer_training.data.base import DatasetError
from fer_training.detector.doubt import doubting
from fer_training.detector.network import FaceNet
from fer_training.train.exported_layers import (
    fits,
    in_order_of_use,
    put_statistics,
    put_weights,
    stored_layers,
)


def from_file(file: Path, batches: Iterable[Tensor]) -> FaceNet:
    """Return a network that computes what an exported file does, ready to be trained on.

    Args:
        file: ONNX file that `fer-train detector export` wrote.
        batches: uint8 (N, 1, S, S) training images, for the statistics of batch normalisation.

    Raises:
        DatasetError: The file holds other layers than the network.
        MetadataError: It is no detector of this form.
    """
    about = DetectorMetadata.from_props(read_properties(file))
    network = FaceNet()
    convolutions, followers = in_order_of_use(network.eval(), torch.zeros(1, 1, 64, 64))
    stored = stored_layers(file)
    if not fits(convolutions, stored):
        raise DatasetError(f"{file} holds other layers than fer-face; train without --start")
    if any(bias is None for _, bias in stored):
        raise DatasetError(f"{file} holds a convolution without a bias, which no export has")
    put_weights(convolutions, followers, stored)
    put_statistics(network, followers, (batch.float() for batch in batches))
    share = about.recipe.get("spread_share", 0.0)
    return doubting(network, -float(share)).to(  # type: ignore[no-any-return]
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )
