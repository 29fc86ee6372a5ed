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

"""CDR bytes to message objects and back, one codec for every transport and for bags.

``rosbags`` reads and writes CDR from the message definitions: the standard ones it brings, two of
video, and this package's ``msg/*.msg``, which stay the only
source of truth. One set of message classes
therefore serves rclpy (raw subscriptions), Cyclone DDS and recorded bags alike.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from fer_ros.files import listed
from fer_ros.resources import share_path

PACKAGE = "fer_ros"

_VIDEO = {
    "foxglove_msgs/msg/CompressedVideo": "builtin_interfaces/Time timestamp\nstring frame_id\n"
    "uint8[] data\nstring format\n",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": "std_msgs/Header header\nint32 width\n"
    "int32 height\nstring encoding\nuint64 pts\nuint8 flags\nbool is_bigendian\nuint8[] data\n",
}
"""Messages of other packages, which robots record without having them here."""


class DecodeError(ValueError):
    """Bytes that are no message of the expected type."""


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """Return the definitions of the standard messages, of this package's own and of video."""
    store = get_typestore(Stores.ROS2_JAZZY)
    store.fielddefs.update(_with_bytes_for_chars(store.fielddefs))
    for path in listed(share_path("msg"), "*.msg"):
        name = f"{PACKAGE}/msg/{path.stem}"
        store.register(get_types_from_msg(path.read_text(encoding="utf-8"), name))
    for name, text in _VIDEO.items():
        store.register(get_types_from_msg(text, name))
    return store


def register(definitions: Mapping[str, str]) -> None:
    """Add the definitions of other packages' messages; what is known already stays as it is.

    Args:
        definitions: Text of the definition by type, e.g. of ``vision_msgs/msg/Point2D``; types may
            refer to each other in any order.
    """
    found: dict[str, Any] = {}
    for name, text in definitions.items():
        if not knows(name):
            found.update(get_types_from_msg(text, name))
    if found:
        typestore().register(_with_bytes_for_chars(found))


def _with_bytes_for_chars(types: Mapping[str, Any]) -> dict[str, Any]:
    """Return definitions in which ``char`` is ``uint8``.

    It is so for rosidl, on the wire and in the hash of a type. rosbags 0.11 hashes it as a type of
    its own, with which std_msgs/msg/Char and all services get hashes that no ROS 2 has.
    """

    def uint8(node: Any) -> Any:
        kind, detail = node
        if kind == Nodetype.BASE:
            return (kind, ("uint8", 0)) if detail[0] == "char" else node
        return node if kind == Nodetype.NAME else (kind, (uint8(detail[0]), detail[1]))

    return {
        name: (constants, [(field, uint8(node)) for field, node in fields])
        for name, (constants, fields) in types.items()
    }


def message_class(type_name: str) -> Any:
    """Return the class of a message type, e.g. ``sensor_msgs/msg/Image``.

    Raises:
        KeyError: The type is not known.
    """
    return typestore().types[type_name]


def knows(type_name: str) -> bool:
    """Return whether the definition of a message type is known."""
    return type_name in typestore().types


def field_names(type_name: str) -> tuple[str, ...]:
    """Return the names of a message's fields in the order of its definition."""
    fields: Any = typestore().fielddefs[type_name][1]
    return tuple(name for name, _ in fields)


def type_hash(type_name: str) -> str:
    """Return the RIHS01 hash of a type, as ROS 2 computes it since Iron."""
    return typestore().hash_rihs01(type_name)


def encode(message: Any) -> bytes:
    """Return a message as little-endian CDR with its encapsulation header.

    Raises:
        ValueError: A field has the wrong type or length.
    """
    try:
        return bytes(typestore().serialize_cdr(message, message.__msgtype__))
    except (struct.error, AttributeError, TypeError, ValueError, AssertionError) as error:
        # The generated writers raise whatever a value leads them to, such as struct.error for a
        # number outside its field's range.
        raise ValueError(f"a field of {message.__msgtype__} has a wrong value: {error}") from error


def decode(data: bytes, type_name: str) -> Any:
    """Return the message that CDR bytes hold; arrays are views of the bytes where possible.

    Raises:
        DecodeError: The bytes are truncated or of another type.
    """
    try:
        # A view: the reader slices its argument, which would copy the whole image.
        return typestore().deserialize_cdr(memoryview(data), type_name)
    except Exception as error:  # the generated readers raise whatever the bytes lead them to
        raise DecodeError(f"no valid {type_name} ({len(data)} bytes): {error}") from error
