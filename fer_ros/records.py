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

"""Dataclasses from and to plain values, as YAML and JSON hold them: recipes and records alike."""

from __future__ import annotations

import reprlib
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class RecordError(ValueError):
    """A value does not fit its field; the message names the field."""


def build(kind: type[T], values: object, where: str = "") -> T:
    """Check plain values and make a record of them.

    Args:
        kind: The dataclass. Its fields may be text, numbers, lists, tuples, mappings with text
            keys, other dataclasses, unions of these with None, or anything (``Any``). A dataclass
            with a class method ``of_text`` may be given as a string too; one with a static method
            ``upgraded`` turns mappings of earlier versions into those of this one.
        values: A mapping by field name; fields with a default may be missing.
        where: Dotted place of the value, for messages.

    Raises:
        RecordError: A field is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(values, Mapping):
        raise RecordError(f"{where or 'the whole'} must be a mapping, not {_shown(values)}")
    upgraded: Callable[[Mapping[str, object]], Mapping[str, object]]
    upgraded = getattr(kind, "upgraded", dict)
    values = upgraded(values)
    hints = get_type_hints(kind)
    unknown = sorted(map(str, values.keys() - hints.keys()))
    if unknown:
        name = _join(where, unknown[0])
        known = ", ".join(hints)
        raise RecordError(f"unknown key {name}; known: {known}")
    made = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name in values:
            place = _join(where, entry.name)
            made[entry.name] = _value(hints[entry.name], values[entry.name], place)
        elif _required(entry):
            raise RecordError(f"missing key {_join(where, entry.name)}")
    return kind(**made)


def to_plain(value: object) -> Any:
    """Return a value with dataclasses as mappings and tuples as lists.

    Fields that are None and have that as their default are left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        own = ((entry, getattr(value, entry.name)) for entry in fields(value))
        return {e.name: to_plain(v) for e, v in own if v is not None or e.default is not None}
    if isinstance(value, Mapping):
        return {key: to_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(inner) for inner in value]
    return value


def _required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _join(where: str, name: object) -> str:
    text = str(name)
    if len(text) > _LONGEST_NAME or not text.isprintable():
        text = _shown(text)
    return f"{where}.{text}" if where else text


_LONGEST_NAME = 100
"""Longer names are cut in messages [characters]."""


def _shown(value: object) -> str:
    """Return a value for a message: cut, on one line."""
    return reprlib.repr(value)


def _value(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, str) and hasattr(hint, "of_text"):
            return hint.of_text(value)
        return build(hint, value, where)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _optional(inner, value, where)
    if origin is list:
        return [_value(inner[0], item, where) for item in _sequence(value, where)]
    if origin is tuple:
        return _tuple(inner, _sequence(value, where), where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise RecordError(f"{where} must be a mapping, not {_shown(value)}")
        # Overlays of recipes take an entry out by giving it none.
        kept = {k: v for k, v in value.items() if v is not None or not is_dataclass(inner[1])}
        return {str(key): _value(inner[1], item, _join(where, key)) for key, item in kept.items()}
    return _scalar(hint, value, where)


def _optional(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Take the first kind that fits; older files have an empty mapping for a record left out."""
    others = [kind for kind in kinds if kind is not types.NoneType]
    if len(others) < len(kinds) and (value is None or (value == {} and is_dataclass(others[0]))):
        return None
    for kind in others[:-1]:
        try:
            return _value(kind, value, where)
        except RecordError:
            continue
    return _value(others[-1], value, where)


def _sequence(value: Any, where: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise RecordError(f"{where} must be a list, not {_shown(value)}")
    return list(value)


def _tuple(inner: tuple[Any, ...], values: list[Any], where: str) -> tuple[Any, ...]:
    if inner[-1] is Ellipsis:
        return tuple(_value(inner[0], item, where) for item in values)
    if len(values) != len(inner):
        raise RecordError(f"{where} must have {len(inner)} entries, not {len(values)}")
    return tuple(_value(kind, item, where) for kind, item in zip(inner, values, strict=True))


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str):
        try:
            return float(value)  # YAML 1.1 reads 5e-4 as a string
        except ValueError:
            pass
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RecordError(f"{where} must be {kind.__name__}, not {_shown(value)}")
    return value
