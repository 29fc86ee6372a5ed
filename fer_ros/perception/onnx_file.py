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

"""The metadata of an ONNX file, read without loading its network or ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fer_ros.perception.errors import ModelError

_METADATA_PROPS = 14
"""Number of ``metadata_props`` in ``ModelProto`` (onnx.proto3)."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""


def read_properties(path: Path) -> dict[str, str]:
    """Return the ``metadata_props`` of an ONNX file.

    Raises:
        ModelError: The file is missing, damaged, or no ONNX model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    try:
        return dict(_entry(value) for number, value in _fields(data) if number == _METADATA_PROPS)
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no ONNX model") from error


def _entry(data: bytes) -> tuple[str, str]:
    """Return key and value of a ``StringStringEntryProto``."""
    texts = {number: value.decode() for number, value in _fields(data)}
    return texts.get(1, ""), texts.get(2, "")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
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


def _varint(data: bytes, at: int) -> tuple[int, int]:
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
