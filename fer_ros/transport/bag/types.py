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

"""Types of recordings, and the error of one that cannot be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CDR = "cdr"
"""The only serialization that is read."""

COMPRESSED = ".zstd"


class BagError(RuntimeError):
    """A recording cannot be read or written; the message says why and what to do."""


@dataclass(frozen=True)
class BagTopic:
    """One topic of a recording."""

    name: str
    type_name: str
    count: int
    """Messages that its files hold."""
    type_hash: str
    """RIHS01 hash of the type; empty where the recording has none (before Iron)."""
    encoding: str = CDR
    """Serialization of its messages; those of another than :data:`CDR` are not read."""


@dataclass(frozen=True)
class BagMessage:
    """One recorded message."""

    topic: str
    type_name: str
    time_ns: int
    """When it was recorded [ns]."""
    data: bytes
    """CDR with its encapsulation header."""


@dataclass(frozen=True)
class Cut:
    """Where a file of a recording ends too early, as after a power loss."""

    file: str
    messages: int
    """Whole messages before the end."""
    last_ns: int | None
    """When the last one of them was recorded [ns]; None where there is none."""
    reason: str
    """How the end shows, e.g. "the file ends at byte 4096, in a record"."""

    def __str__(self) -> str:
        last = "" if self.last_ns is None else f", the last recorded at {self.last_ns / 1e9:.3f} s"
        count = f"{self.messages} whole message{'' if self.messages == 1 else 's'}"
        return f"{self.file} is cut short, as by a power loss: {self.reason}; {count}{last}"


_DDS_NAME = re.compile(r"(\w+)::msg::(?:dds_::)?(\w+?)_?")
_SHORT_NAME = re.compile(r"(\w+)/(\w+)")


def ros_type(name: str) -> str:
    """Return a type's name as ROS 2 spells it, ``sensor_msgs/msg/Image``.

    Other writers leave the ``msg`` out, or use the name that DDS knows the type by.
    """
    match = _DDS_NAME.fullmatch(name) or _SHORT_NAME.fullmatch(name)
    return f"{match.group(1)}/msg/{match.group(2)}" if match else name


def damaged(path: Path, error: Exception | str) -> BagError:
    """Return the error of a file that ends early or is malformed."""
    name = path.name.removesuffix(COMPRESSED)
    repair = f"`mcap recover {path}`" if name.endswith(".mcap") else f"`sqlite3 {path} .recover`"
    return BagError(f"{path} is truncated or damaged: {error}; {repair} saves what can be saved")
