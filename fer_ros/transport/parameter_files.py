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

"""ROS parameter values and files: YAML with the types that ROS parameters have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fer_ros.transport.bounded_parsing import DocumentError, check_unfolding, read_text

PARAMETERS_KEY = "ros__parameters"

_MOST_DIGITS = 30
"""More than any 64-bit integer has."""

_PLAIN, _STRING = "!plain", "tag:yaml.org,2002:str"
_WORDS = {
    spelled: value
    for words, value in ((("y", "yes", "true", "on"), True), (("n", "no", "false", "off"), False))
    for word in words
    for spelled in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"([+-]?)\.?(inf|nan)", re.IGNORECASE)


class ParameterFileError(ValueError):
    """Invalid ROS parameters; the message says what is wrong, and where."""


class _Loader(yaml.SafeLoader):
    """Marks unquoted scalars, so that their type is found by the rules of ROS, not of YAML."""


_Loader.yaml_implicit_resolvers = {None: [(_PLAIN, re.compile(""))]}


def read_value(text: str) -> Any:
    """Return the value of ``-p name:=text``: bool, int, float, str or a tuple of one of them.

    Raises:
        ParameterFileError: It is no YAML, or no value that a parameter can have.
    """
    root = _compose(text)
    if root is None:
        raise ParameterFileError("the value is empty; write '' for an empty string")
    return _value(root)


def read_parameters(path: str | Path) -> list[tuple[str, str, Any]]:
    """Return the (node pattern, parameter, value) rows of a ROS parameter file, in its order.

    Patterns are fully qualified; the parameter's name is dotted where the file nests.

    Raises:
        ParameterFileError: The file cannot be read or is no parameter file.
    """
    try:
        text = read_text(Path(path))
    except DocumentError as error:
        raise ParameterFileError(f"cannot be read: {error}") from error
    root = _compose(text)
    if root is None:
        return []
    rows = list(_nodes(root, ""))
    if not rows:
        raise ParameterFileError(
            f"holds no {PARAMETERS_KEY!r} section with parameters below a node"
        )
    return rows


def _compose(text: str) -> yaml.Node | None:
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is not None:
            check_unfolding(root)
        return root
    except yaml.YAMLError as error:
        raise ParameterFileError(f"not valid YAML: {error}") from error
    except DocumentError as error:
        raise ParameterFileError(str(error)) from error
    except RecursionError:
        raise ParameterFileError("nested too deeply") from None


def _nodes(node: yaml.Node, prefix: str) -> Iterator[tuple[str, str, Any]]:
    for key, child in _items(node, prefix or "the top level"):
        if key == PARAMETERS_KEY:
            if not prefix:
                raise ParameterFileError(
                    f"{PARAMETERS_KEY!r} must be below the name of a node, or below '/**'"
                    f" for all{_place(node)}"
                )
            for name, value in _parameters(child, ""):
                yield prefix, name, value
        else:
            yield from _nodes(child, f"{prefix}/{key.strip('/')}")


def _parameters(node: yaml.Node, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, child in _items(node, prefix or PARAMETERS_KEY):
        name = f"{prefix}{key}"
        if isinstance(child, yaml.MappingNode):
            yield from _parameters(child, f"{name}.")
        else:
            yield name, _value(child)


def _items(node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise ParameterFileError(f"{what} must hold 'name: value' pairs{_place(node)}")
    for key, child in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip("/"):
            raise ParameterFileError(f"a name below {what} is empty or no name{_place(key)}")
        yield key.value, child


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if not isinstance(node, yaml.SequenceNode) or not all(
        isinstance(item, yaml.ScalarNode) for item in node.value
    ):
        raise ParameterFileError(
            f"a value must be a bool, a number, a string or a list of one of these{_place(node)}"
        )
    values = tuple(_scalar(item) for item in node.value)
    if len({type(value) for value in values}) > 1:
        raise ParameterFileError(f"all entries of a list must have the same type{_place(node)}")
    return values


def _scalar(node: yaml.ScalarNode) -> bool | int | float | str:
    text = str(node.value)
    if node.style is None and not text:
        raise ParameterFileError(f"a value is missing{_place(node)}; write '' for an empty string")
    # As rcl (tried on Jazzy): !!str and quotes make a string, and any other tag changes nothing.
    if node.style is not None or node.tag == _STRING:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    return float(special.group(1) + special.group(2)) if special else text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10
    if len(digits) > _MOST_DIGITS:
        raise ParameterFileError(f"a number of {len(digits)} digits is too large")
    return int(digits, base) * (-1 if text.startswith("-") else 1)


def _place(node: yaml.Node) -> str:
    return f" (line {node.start_mark.line + 1})"
