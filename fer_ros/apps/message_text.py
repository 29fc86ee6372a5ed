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

"""Messages as YAML text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.transport import codec

_FEW = 16
"""Longer arrays of numbers are cut after this many."""

_MOST_MESSAGES = 100
"""Longer arrays of messages are cut after this many."""

_MOST_CHARACTERS = 2000
"""Longer strings are cut after this many."""


def message_text(message: Any) -> str:
    """Return a decoded message as YAML, long arrays cut short."""
    return "\n".join(_lines(message, 0)) + "\n"


def _lines(message: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name in codec.field_names(message.__msgtype__):  # without the constants
        value = getattr(message, name)
        if _is_message(value):
            yield f"{indent}{name}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, (list, tuple)) and value and _is_message(value[0]):
            yield f"{indent}{name}:"
            for item in value[:_MOST_MESSAGES]:
                first, *rest = _lines(item, depth + 1)
                yield f"{indent}- {first.strip()}"
                yield from rest
            if len(value) > _MOST_MESSAGES:
                yield f"{indent}# and {len(value) - _MOST_MESSAGES} more"
        else:
            yield f"{indent}{name}: {_scalar(value)}"


def _is_message(value: Any) -> bool:
    return hasattr(value, "__msgtype__")


def _scalar(value: Any) -> str:
    if isinstance(value, (np.ndarray, list, tuple)):
        return _array(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """Return a string in quotes; control characters are escaped, as in YAML."""
    quoted = json.dumps(value[:_MOST_CHARACTERS], ensure_ascii=False)
    printable = "".join(c if c.isprintable() else _escaped(ord(c)) for c in quoted)
    more = len(value) - _MOST_CHARACTERS
    return f"{printable}  # and {more} more characters" if more > 0 else printable


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _array(values: NDArray[Any] | Sequence[Any]) -> str:
    few = values[:_FEW]  # first: an image as a list of numbers takes gigabytes
    numbers = few.tolist() if isinstance(few, np.ndarray) else few
    shown = ", ".join(map(_scalar, numbers))
    cut = f"]  # and {len(values) - _FEW} more" if len(values) > _FEW else "]"
    return f"[{shown}{cut}"
