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

"""The weights in dlib's file of its network of face recognition.

``dlib_face_recognition_resnet_model_v1.dat`` (King 2017, CC0 1.0) comes with the package
``face_recognition_models`` of PyPI. dlib writes the layers from the input on: of each a name with
a version, then its parameters as one tensor (its version, four dimensions, float32 values).
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_training.records.checkpoint import CheckpointError
from fer_training.train.exported_layers import Stored

_MEAN_RGB = (122.782, 117.001, 104.298)
"""What dlib subtracts from the pixels, before it divides them by 256."""
_TENSOR_VERSION = 2


def find(path: Path) -> Path:
    """Return where the file is: the path itself, or in the package that brings it.

    Raises:
        CheckpointError: It is in neither.
    """
    package = importlib.util.find_spec("face_recognition_models")  # found, not imported
    folders = [] if package is None else package.submodule_search_locations or []
    places = [path, *(Path(folder, "models", path.name) for folder in folders)]
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(
        f"{path} is missing; it comes with pip install --no-deps face_recognition_models==0.3.0"
    )


def grey_layers(path: Path, mean: float, scale: float) -> list[Stored]:
    """Return weights and biases of the convolutions, for grey pixels, ``(pixel - mean) * scale``.

    Each convolution holds the factors and offsets that follow it in the file; the last layer,
    which makes a face's description, is left out.

    Raises:
        CheckpointError: It is not that file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    filters = list(_parameters(content, rb"\x05con_4"))
    affine = list(_parameters(content, rb"\x07affine_"))
    layers: list[Stored] = []
    inputs, side = 3, 7
    try:
        for values, factors in zip(filters, affine, strict=True):
            outputs = len(factors) // 2
            weight, bias = values[:-outputs].reshape(outputs, inputs, side, side), values[-outputs:]
            if not layers:
                weight, bias = _for_grey(weight, bias, mean, scale)
            factor, offset = factors[:outputs], factors[outputs:]
            layers.append((weight * factor[:, None, None, None], bias * factor + offset))
            inputs, side = outputs, 3
    except ValueError:  # another number of layers or of their values
        layers = []
    if not layers:
        raise CheckpointError(f"{path} is not dlib's network of face recognition")
    return layers


def _for_grey(
    weight: NDArray[np.float32], bias: NDArray[np.float32], mean: float, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return filters over colours as filters over grey pixels, which have three equal colours."""
    weight = weight / np.float32(256)
    offsets = mean - np.array(_MEAN_RGB, np.float32)
    bias = bias + (weight.sum((2, 3)) * offsets).sum(1)
    return weight.sum(1, keepdims=True) / np.float32(scale), bias


def _parameters(content: bytes, kind: bytes) -> Iterator[NDArray[np.float32]]:
    """Yield the parameters of the layers of a kind, each as one row, as far as they are whole."""
    for match in re.finditer(kind, content):
        position = match.end()
        header = []
        for _ in range(5):
            value, position = _integer(content, position)
            header.append(value)
        version, *shape = header
        count = math.prod(shape)
        if version != _TENSOR_VERSION or position + 4 * count > len(content):
            return
        yield np.frombuffer(content, "<f4", count, position).astype(np.float32)


def _integer(content: bytes, position: int) -> tuple[int, int]:
    """Return a whole number and where it ends: a byte says how many bytes follow."""
    length = content[position] & 0x0F if position < len(content) else 0
    end = position + 1 + length
    return int.from_bytes(content[position + 1 : end], "little"), end
