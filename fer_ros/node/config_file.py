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

"""Writes ``config/fer.yaml`` and ``docs/parameters.md``: ``python -m fer_ros.node.config_file``.

Both come from the table of parameters; tests compare them with it, so that they cannot drift
apart.
"""

from __future__ import annotations

import json
import sys
import textwrap

from fer_ros.node.parameters import PARAMETERS, Parameter, Value
from fer_ros.resources import PACKAGE

PATH = PACKAGE.parent / "config" / "fer.yaml"
"""The file in the source tree."""

PAGE = PACKAGE.parent / "docs" / "parameters.md"
"""The page in the source tree."""

_PAGE_HEAD = """\
# Parameters

<!-- Written by `python -m fer_ros.node.config_file` from fer_ros/node/parameters.py. -->

Given as to every node: `ros2 launch fer_ros fer.launch.py detection_size:=640`,
`fer-ros run --ros-args -p detection_size:=640`, or `--params-file`
([`config/fer.yaml`](../config/fer.yaml) holds the defaults). Those with a star may change while the
node is active, the others while it is unconfigured; a value that does not fit is refused with the
reason and changes nothing.

| parameter | type, range | default | meaning |
|---|---|---|---|
"""

_HEAD = """\
# Parameters of the emotion node with their defaults, for --params-file and the launch files.
# Written from the table in fer_ros/node/parameters.py by `python -m fer_ros.node.config_file`.
# "dynamic" ones may be changed at any time (ros2 param set), the others while the node is
# unconfigured.
/**:
  ros__parameters:
"""


def render() -> str:
    """Return the file's text."""
    return _HEAD + "\n".join(_row(row) for row in PARAMETERS)


def _row(row: Parameter) -> str:
    notes = [row.type_name]
    if row.minimum is not None and row.maximum is not None:
        notes.append(f"{_number(row.minimum)} to {_number(row.maximum)}")
    if row.choices:
        notes.append("one of " + ", ".join(row.choices))
    if row.dynamic:
        notes.append("dynamic")
    comment = textwrap.wrap(f"{row.description} ({'; '.join(notes)})", 90)
    lines = [*(f"    # {line}" for line in comment), f"    {row.name}: {_value(row.default)}"]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _value(value: Value) -> str:
    """Return a value as YAML, in a spelling that keeps its ROS type."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def render_page() -> str:
    """Return the page's text."""
    return _PAGE_HEAD + "".join(map(_table_row, PARAMETERS))


def _table_row(row: Parameter) -> str:
    kind = row.type_name
    if row.minimum is not None and row.maximum is not None:
        kind += f" {_number(row.minimum)} to {_number(row.maximum)}"
    if row.choices:
        kind += ": " + ", ".join(row.choices)
    name = f"`{row.name}`" + (" *" if row.dynamic else "")
    description = row.description.replace("<", "&lt;")
    return f"| {name} | {kind} | `{_value(row.default)}` | {description} |\n"


def main() -> int:
    """Write both; return the exit status."""
    PATH.write_text(render(), encoding="utf-8")
    PAGE.write_text(render_page(), encoding="utf-8")
    print(f"written: {PATH} and {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
