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

"""Messages as YAML for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fer_ros.transport import codec

_FEW = 16
"""Longer arrays of numbers are cut after this many."""


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
            for item in value:
                first, *rest = _lines(item, depth + 1)
                yield f"{indent}- {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{name}: {_scalar(value)}"


def _is_message(value: Any) -> bool:
    return hasattr(value, "__msgtype__")


def _scalar(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _array(value.tolist())
    if isinstance(value, (list, tuple)):
        return _array(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)


def _array(values: Sequence[Any]) -> str:
    shown = ", ".join(_scalar(value) for value in values[:_FEW])
    cut = f"]  # and {len(values) - _FEW} more" if len(values) > _FEW else "]"
    return f"[{shown}{cut}"
