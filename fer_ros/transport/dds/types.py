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

"""DDS types made from message definitions, whose samples are carried as ready CDR bytes.

The Python binding packs samples field by field, which takes 27 ms for a VGA image. Here a sample
is its CDR bytes already, and the fields only serve to describe the type on the wire.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, cast

from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from fer_ros.transport import codec
from fer_ros.transport.base import TransportError
from fer_ros.transport.dds.cyclone import core, idl, internal, pub
from fer_ros.transport.names import dds_type

_types: Any = idl.types
_BASE_TYPES: dict[str, Any] = {
    "bool": bool,
    "byte": _types.uint8,
    "char": _types.uint8,
    "octet": _types.uint8,
    "float32": _types.float32,
    "float64": _types.float64,
    **{
        f"{sign}int{size}": getattr(_types, f"{sign}int{size}")
        for sign in ("", "u")
        for size in (8, 16, 32, 64)
    },
}
_MAX_BOUND = 65535
"""Longest bound of a sequence that the binding can describe; longer ones count as unbounded."""

CDR_HEADER_SIZE = 4
"""Bytes before the content, which name its encoding."""


class CdrSample(idl.IdlStruct, typename="CdrSample"):
    """A sample that is its CDR bytes; base of the generated types."""

    def __init__(self, cdr: bytes) -> None:
        self.cdr = cdr

    @classmethod
    def deserialize(cls, data: bytes, *_: Any, **__: Any) -> CdrSample:
        """Keep the bytes as they are."""
        return cls(data)

    deserialize_key = deserialize


@cache
def sample_type(type_name: str, store: Typestore | None = None) -> type[CdrSample]:
    """Return the DDS type of a message.

    Args:
        type_name: E.g. ``sensor_msgs/msg/Image``.
        store: Where it is defined; None: in the codec's definitions.

    Raises:
        TransportError: The message is unknown, or has a field that DDS for Python cannot describe.
    """
    name = dds_type(type_name).replace("::", ".")
    try:
        _, fields = (store or codec.typestore()).fielddefs[type_name]
    except KeyError:
        raise TransportError(f"unknown message type {type_name!r}") from None
    generated = idl.make_idl_struct(
        name.rpartition(".")[2],
        name,
        {field: _field_type(node, store) for field, node in fields},
        dataclassify=False,
        bases=(CdrSample,),
    )
    return cast("type[CdrSample]", generated)


def _field_type(node: Any, store: Typestore | None) -> Any:
    kind, detail = node
    if kind == Nodetype.NAME:
        return sample_type(detail, store)
    if kind == Nodetype.ARRAY:
        return _types.array[_field_type(detail[0], store), detail[1]]
    if kind == Nodetype.SEQUENCE:
        element, bound = _field_type(detail[0], store), detail[1]
        bounded = 0 < bound <= _MAX_BOUND
        return _types.sequence[(element, bound) if bounded else element]
    name, bound = detail
    if name == "string":
        return _types.bounded_str[bound] if bound else str
    if name not in _BASE_TYPES:
        raise TransportError(f"fields of type {name} cannot be carried over Cyclone DDS")
    return _BASE_TYPES[name]


class _Container(ctypes.Structure):
    """What the binding's C layer expects as a sample: a pointer to CDR bytes and their number."""

    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


_dds_write = internal.DDS._dll_handle.dds_write
_dds_write.restype = ctypes.c_int32
_dds_write.argtypes = (ctypes.c_int32, ctypes.POINTER(_Container))


def write(writer: pub.DataWriter[Any], data: bytes) -> int:
    """Write CDR bytes and return the DDS return code (0: done).

    The binding's own ``write`` holds the interpreter lock while the sample is cut up and sent
    (1.4 ms for a 720p image); this one lets the other threads run.

    Raises:
        ValueError: The bytes are too few to hold even CDR's header.
    """
    if len(data) < CDR_HEADER_SIZE:
        raise ValueError(
            f"{len(data)} bytes are no CDR message; see fer_ros.transport.codec.encode"
        )
    padded = data.ljust((len(data) + 3) & ~3, b"\0")  # fragments end on multiples of four
    return int(_dds_write(writer._ref, ctypes.byref(_Container(padded, len(padded)))))


def delete(entity: core.Entity) -> None:
    """Delete a DDS entity now, whoever still refers to it; harmless when repeated."""
    entity.__del__()
