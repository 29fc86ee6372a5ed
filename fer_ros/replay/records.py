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

"""Records to JSON and back: one writer and one reader for every file of a replay.

A record is a dataclass of numbers, strings, records, and lists or dictionaries of them. What a file
holds beyond its record, or lacks, is named with the file.
"""

from __future__ import annotations

import dataclasses
import io
import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fer_ros import records
from fer_ros.files import open_file
from fer_ros.records import build, to_plain
from fer_ros.replay.display_text import shown
from fer_ros.replay.errors import ReplayError
from fer_ros.transport.bounded_parsing import DocumentError, parse_json, read_text

R = TypeVar("R")

_MOST_BYTES = 512 << 20


class RecordError(ReplayError):
    """A file holds no such record; the message names file and field."""


def write(path: Path, record: Any) -> None:
    """Write a record; the same content gives the same bytes."""
    text = json.dumps(to_plain(record), indent=1, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def line(record: Any) -> str:
    """Return a record as one line of JSON, its fields in their order."""
    return json.dumps(to_plain(record), allow_nan=False) + "\n"


def read(path: Path, kind: type[R], schema: int | None = None) -> R:
    """Read the record of a file.

    Args:
        path: The file.
        kind: The record's class.
        schema: What its field ``schema`` must be; None where it has none.

    Raises:
        RecordError: It cannot be read, or a field is missing, unknown or of another type.
    """
    try:
        content = parse_json(read_text(path, _MOST_BYTES))
    except DocumentError as error:
        raise RecordError(f"{path} cannot be read: {error}") from error
    if schema is not None and isinstance(content, dict) and content.get("schema") != schema:
        raise RecordError(
            f"{path} has schema {shown(content.get('schema', 'none'))}, this version reads "
            f"{schema}; it is no such file, or of another version: replay that recording again"
        )
    return _built(kind, content, str(path))


def read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    """Read a file of one record a line; raises as :func:`read`."""
    try:
        with open_file(path) as file, io.TextIOWrapper(file, "utf-8") as lines:
            for number, text in enumerate(lines, 1):
                yield _built(kind, parse_json(text), f"{path}, line {number}")
    except (OSError, UnicodeDecodeError, DocumentError) as error:
        raise RecordError(f"{path} cannot be read: {error}") from error


def _built(kind: type[R], content: object, place: str) -> R:
    try:
        return build(kind, content)
    except records.RecordError as error:
        raise RecordError(f"{place}: {error}") from None


def number(value: Any, path: str) -> float | None:
    """Return the number at a dotted path of a record, or of a mapping of records.

    Keys of mappings may hold dots themselves, as names of topics do. None is returned where there
    is no such place, or no number.
    """
    if not path:
        return float(value) if isinstance(value, (int, float)) else None
    if isinstance(value, Mapping):
        for key, own in value.items():
            if path == key or path.startswith(f"{key}."):
                return number(own, path[len(key) + 1 :])
    elif dataclasses.is_dataclass(value):
        name, _, rest = path.partition(".")
        return number(getattr(value, name, None), rest)
    return None


def numbers(kind: Any, keys: Mapping[str, Sequence[str]], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all numbers of a record's class.

    Args:
        kind: The class.
        keys: Keys of its dictionaries, by the field's name; those of others are left out.
        prefix: Put before each name.
    """
    for field in dataclasses.fields(kind):
        hint = _present(typing.get_type_hints(kind)[field.name])
        name = f"{prefix}{field.name}"
        if typing.get_origin(hint) is dict:
            inner = _present(typing.get_args(hint)[1])
            for key in keys.get(field.name, ()):
                yield from _named(inner, f"{name}.{key}", keys)
        else:
            yield from _named(hint, name, keys)


def _named(kind: Any, name: str, keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if dataclasses.is_dataclass(kind):
        yield from numbers(kind, keys, f"{name}.")
    elif kind in (int, float, bool):
        yield name


def _present(kind: Any) -> Any:
    """Return a type without its None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (kind,) = (own for own in typing.get_args(kind) if own is not type(None))
    return kind
