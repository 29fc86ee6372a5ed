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

"""Metadata and SHA-256 of an ONNX file, read without loading its network or ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from fer_ros import files
from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_store import digest_of

_METADATA_PROPS = 14
"""Number of ``metadata_props`` in ``ModelProto`` (onnx.proto3)."""

_TENSOR, _GRAPH, _NODE, _ATTRIBUTE, _SPARSE, _FUNCTION = range(6)

_EXTERNAL_DATA = 13
"""Number of ``external_data`` in ``TensorProto``."""

_MODEL_PARTS = {7: _GRAPH, 25: _FUNCTION}
_PARTS: dict[int, dict[int, int]] = {
    _TENSOR: {},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
}
"""Where a model can hold tensors: field numbers of the messages of onnx.proto3."""

_DEEPEST = 64
"""Graphs within graphs."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""


def read_properties(path: Path) -> dict[str, str]:
    """Return the ``metadata_props`` of an ONNX file.

    Raises:
        ModelError: The file is missing, damaged, or no ONNX model.
    """
    data = _read(path)
    try:
        return dict(_entry(value) for number, value in _fields(data) if number == _METADATA_PROPS)
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no ONNX model") from error


def weight_files(path: Path) -> list[Path]:
    """Return the files beside an ONNX file that hold tensors of it, such as ``net.onnx.data``.

    Raises:
        ModelError: The file is missing, damaged, or no ONNX model.
    """
    data = _read(path)
    try:
        names = {
            name
            for number, value in _fields(data)
            if number in _MODEL_PARTS
            for name in _locations(value, _MODEL_PARTS[number], _DEEPEST)
        }
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no ONNX model") from error
    return [path.parent / name for name in sorted(names)]


def network_digest(path: Path) -> str:
    """Return the SHA-256 of a network as hexadecimal digits.

    That of the file where it holds all weights; else one over the digests of the file and of the
    files beside it that hold the rest.

    Raises:
        ModelError: One of them cannot be read, or the first is no ONNX model.
    """
    beside = weight_files(path)
    for file in beside:
        if not file.is_file():
            raise ModelError(f"{path} keeps weights in {file.name}, which is no file beside it")
    try:
        digests = [digest_of(file) for file in (path, *beside)]
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return hashlib.sha256("".join(digests).encode()).hexdigest() if beside else digests[0]


def _read(path: Path) -> memoryview:
    try:
        return memoryview(files.read_bytes(path, files.MOST_NETWORK_BYTES))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _locations(data: memoryview, kind: int, deepest: int) -> Iterator[str]:
    """Yield the names of the files that tensors of a part of a model lie in."""
    if not deepest:
        raise ValueError("nested too deeply")
    for number, value in _fields(data):
        if kind == _TENSOR and number == _EXTERNAL_DATA:
            key, name = _entry(value)
            if key == "location":
                yield name
        elif number in _PARTS[kind]:
            yield from _locations(value, _PARTS[kind][number], deepest - 1)


def _entry(data: memoryview) -> tuple[str, str]:
    """Return key and value of a ``StringStringEntryProto``."""
    entries = {number: bytes(value).decode() for number, value in _fields(data)}
    return entries.get(1, ""), entries.get(2, "")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of every length-delimited field of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a field reaches beyond the end")
            yield number, data[at : at + length]
            at += length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no wire type {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a number and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
