"""Writes ``config/fer.yaml`` and the README's table: ``python -m fer_ros.node.config_file``.

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

README = PACKAGE.parent / "README.md"
_BEGIN, _END = "<!-- parameters: begin -->\n", "<!-- parameters: end -->\n"

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


def render_readme(text: str) -> str:
    """Return the README's text with the table between its two marks renewed."""
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    head = "| parameter | type, range | default | meaning |\n|---|---|---|---|\n"
    return before + _BEGIN + head + "".join(map(_table_row, PARAMETERS)) + _END + after


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
    """Write the file and the table; return the exit status."""
    PATH.write_text(render(), encoding="utf-8")
    README.write_text(render_readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"written: {PATH} and the table in {README}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
