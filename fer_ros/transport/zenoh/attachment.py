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

"""Attachment of every message of rmw_zenoh: sequence number, source time and gid.

The format is that of ``rmw_zenoh_cpp/src/detail/attachment_helpers.cpp`` in the repository
ros2/rmw_zenoh: two signed 64-bit integers, a length and 16 bytes, little-endian. Before its
version 0.2.4 each value had its name before it, as a length and text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

GID_LENGTH = 16
"""Bytes of a gid, which tells endpoints apart."""

_FORM = struct.Struct("<qqB16s")
_NAMED_FORM = struct.Struct("<16sq17sq11sB16s")
_NAMES = (b"\x0fsequence_number", b"\x10source_timestamp", b"\nsource_gid")


@dataclass(frozen=True)
class Attachment:
    """Origin and send time of a message."""

    sequence: int
    """Counts the messages of one publisher, or the requests of one client, from 1."""
    time_ns: int
    """System time of sending [ns]."""
    gid: bytes
    """Of publisher or client, :data:`GID_LENGTH` bytes."""

    def __bytes__(self) -> bytes:
        return _FORM.pack(self.sequence, self.time_ns, GID_LENGTH, self.gid)


def read_attachment(data: bytes) -> Attachment | None:
    """Return the content of an attachment; None where it is not of this form."""
    if len(data) == _FORM.size:
        sequence, time_ns, length, gid = _FORM.unpack(data)
    elif len(data) == _NAMED_FORM.size:
        *named, length, gid = _NAMED_FORM.unpack(data)
        if tuple(named[::2]) != _NAMES:
            return None
        sequence, time_ns = named[1::2]
    else:
        return None
    return Attachment(sequence, time_ns, gid) if length == GID_LENGTH else None
