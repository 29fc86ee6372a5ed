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

"""Parsing of untrusted YAML and JSON, with bounds.

A file that is nested a thousand times, or whose anchors expand without end, is refused like any
other malformed one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from fer_ros import files

MOST_VALUES = 1_000_000
"""Values of a YAML document, with each anchor counted wherever it is used."""


class DocumentError(ValueError):
    """A file that cannot be read or is no valid document; the message says why."""


def read_text(path: Path, most: int = files.MOST_BYTES) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        DocumentError: It is no file, cannot be read, or exceeds the bound [bytes].
    """
    try:
        return files.read_text(path, most)
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(str(error)) from error


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML document.

    Raises:
        DocumentError: It is no YAML, names a key twice, is nested too deeply, or unfolds to more
            than :data:`MOST_VALUES`.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        check_unfolding(node, unique_names=True)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise DocumentError(f"no YAML: {error}") from error
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise DocumentError(str(error)) from error


def parse_json(text: str) -> Any:
    """Return the content of a JSON document.

    Raises:
        DocumentError: It is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise DocumentError("it is nested too deeply") from None
    except ValueError as error:
        raise DocumentError(f"no JSON: {error}") from error


def check_unfolding(node: yaml.Node, unique_names: bool = False) -> None:
    """Check a composed document before its anchors are expanded.

    Args:
        node: Its root.
        unique_names: Whether naming a key twice is an error.

    Raises:
        DocumentError: It unfolds to more than :data:`MOST_VALUES`, or without end.
        RecursionError: It is nested too deeply.
    """
    _count(node, {}, set(), unique_names)


def _count(node: yaml.Node, sizes: dict[int, int], above: set[int], unique_names: bool) -> int:
    """Return how many values a node unfolds to; ``sizes`` has those of nodes seen before."""
    if id(node) in above:
        raise DocumentError("an anchor holds itself")
    if id(node) in sizes:
        return sizes[id(node)]
    above.add(id(node))
    size = 1
    if isinstance(node, yaml.SequenceNode):
        size += sum(_count(child, sizes, above, unique_names) for child in node.value)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if unique_names and isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in names:
                    raise DocumentError(f"it names {key.value!r} twice")
                names.add(key.value)
            for child in (key, value):
                size += _count(child, sizes, above, unique_names)
    above.discard(id(node))
    if size > MOST_VALUES:
        raise DocumentError(f"its anchors unfold to more than {MOST_VALUES} values")
    sizes[id(node)] = size
    return size
