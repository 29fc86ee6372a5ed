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

A record is a dataclass of numbers, texts, records, and lists or dictionaries of them. What a file
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

from fer_ros.files import open_file
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.text import shown
from fer_ros.transport.documents import DocumentError, parse_json, read_text

R = TypeVar("R")

_MOST_BYTES = 512 << 20

OMITTED = {"omitted": True}
"""Metadata of fields that are left out of the JSON where they are None."""


class RecordError(ReplayError):
    """A file holds no such record; the message names file and field."""


def write(path: Path, record: Any) -> None:
    """Write a record; the same content gives the same bytes."""
    text = json.dumps(plain(record), indent=1, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def line(record: Any) -> str:
    """Return a record as one line of JSON, its fields in their order."""
    return json.dumps(plain(record), allow_nan=False) + "\n"


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
    record: R = from_plain(kind, content, str(path))
    return record


def read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    """Read a file of one record a line; raises as :func:`read`."""
    try:
        with open_file(path) as file, io.TextIOWrapper(file, "utf-8") as lines:
            for number, text in enumerate(lines, 1):
                yield from_plain(kind, parse_json(text), f"{path}, line {number}")
    except (OSError, UnicodeDecodeError, DocumentError) as error:
        raise RecordError(f"{path} cannot be read: {error}") from error


def plain(value: Any) -> Any:
    """Return a record as dictionaries, lists, numbers and texts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(own)
            for field in dataclasses.fields(value)
            if (own := getattr(value, field.name)) is not None or not field.metadata.get("omitted")
        }
    if isinstance(value, Mapping):
        return {str(key): plain(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(own) for own in value]
    return value


def from_plain(kind: Any, value: Any, place: str) -> Any:
    """Return a value of a type from what JSON made of it.

    Raises:
        RecordError: It has another form; the message begins with the place.
    """
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return from_plain(kind, value, place)
    if origin in (list, Sequence, tuple):
        return _sequence(origin, arguments, value, place)
    if origin in (dict, Mapping):
        _check(isinstance(value, dict), "an object", value, place)
        return {k: from_plain(arguments[1], own, f"{place}: {k}") for k, own in value.items()}
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, place)
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _check(number, "a number", value, place)
        return float(value)
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    _check(right, f"of type {kind.__name__}", value, place)
    return value


def _sequence(origin: Any, arguments: tuple[Any, ...], value: Any, place: str) -> Any:
    _check(isinstance(value, list), "a list", value, place)
    if origin is tuple and arguments[-1] is not Ellipsis:
        _check(len(value) == len(arguments), f"{len(arguments)} values", value, place)
        kinds = arguments
    else:
        kinds = (arguments[0],) * len(value)
    items = [from_plain(k, own, f"{place}[{i}]") for i, (k, own) in enumerate(zip(kinds, value))]
    return tuple(items) if origin is tuple else items


def _record(kind: Any, value: Any, place: str) -> Any:
    _check(isinstance(value, dict), "an object", value, place)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [shown(name) for name in value if name not in fields]
    missing = [
        name for name, field in fields.items()
        if name not in value and not field.metadata.get("omitted")
    ]  # fmt: skip
    if unknown or missing:
        said = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise RecordError(f"{place} {said}")
    hints = typing.get_type_hints(kind)
    return kind(**{
        name: from_plain(hints[name], value.get(name), f"{place}: {name}") for name in fields
    })  # fmt: skip


def _check(right: bool, what: str, value: Any, place: str) -> None:
    if not right:
        raise RecordError(f"{place} must be {what}, not {shown(repr(value), 40)}")


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
