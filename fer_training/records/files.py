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

"""The one reader and the one writer of all records that are JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from fer_ros import records
from fer_ros.files import read_text

T = TypeVar("T")

_MOST_BYTES = 512 << 20


class RecordError(ValueError):
    """A record is missing, no JSON, or has other fields; the message names file and field."""


def read(kind: type[T], path: Path) -> T:
    """Read a record.

    Args:
        kind: Its dataclass; fields with a default may be missing, as in files of older versions.
        path: JSON file.

    Raises:
        RecordError: The file is missing or no JSON, a field is unknown, missing, or of another
            type.
    """
    try:
        values = json.loads(read_text(path, _MOST_BYTES))
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{path} is no JSON: {error}") from None
    try:
        return records.build(kind, values)
    except records.RecordError as error:
        raise RecordError(f"{path}: {error}") from None


def write(record: object, path: Path) -> None:
    """Write a record, replacing the file atomically; its folder is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(to_json(record) + "\n", encoding="utf-8")
    partial.replace(path)


def to_json(record: object) -> str:
    """Return a record as JSON."""
    return json.dumps(records.to_plain(record), indent=1)
