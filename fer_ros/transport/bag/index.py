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

"""metadata.yaml, the index of a recording's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ros.transport.bag.types import BagError
from fer_ros.transport.bounded_parsing import DocumentError, parse_yaml, read_text

METADATA = "metadata.yaml"


@dataclass(frozen=True)
class Index:
    """Content of a recording's index."""

    files: tuple[str, ...]
    counts: dict[str, int]
    """Messages by topic."""
    hashes: dict[str, str]
    """RIHS01 hash of the type by topic; empty before Iron."""


def read_index(path: Path) -> Index:
    """Read a metadata.yaml.

    Raises:
        DocumentError: It is malformed.
        BagError: The recording is compressed in a way that cannot be read.
    """
    content = parse_yaml(read_text(path))
    try:
        content = content["rosbag2_bagfile_information"]
        names = [Path(_text(name)).name for name in content["relative_file_paths"]]
        packed = content.get("compression_format")
        if packed not in (None, "", "zstd"):
            raise BagError(
                f"{path.parent} is compressed with {str(packed)[:40]}, only zstd can be read; "
                "write it anew with `ros2 bag convert`"
            )
        topics = [
            (_text(entry["topic_metadata"]["name"]), entry)
            for entry in content["topics_with_message_count"]
        ]
        return Index(
            tuple(dict.fromkeys(names)),
            {name: int(entry["message_count"]) for name, entry in topics},
            {
                name: _text(entry["topic_metadata"].get("type_description_hash", ""))
                for name, entry in topics
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"{type(error).__name__} {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a name is a {type(value).__name__}")
    return value
