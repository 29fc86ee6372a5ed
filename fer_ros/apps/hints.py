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

"""Error messages for unknown words of a command line, and help on parameters."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterable, Sequence

from fer_ros.node.parameters import PARAMETERS, Parameter, unknown_parameters
from fer_ros.perception.strings import near_name, shortened
from fer_ros.transport.arguments import RosArgs

WITH_PARAMETERS = ("run", "demo", "read", "bench", "replay", "label")
"""Commands that take the node's parameters."""

_ROS_WORDS = ("-p", "--param", "-r", "--remap", "--params-file", "--log-level")


def about_unknown_words(
    command: str, words: Sequence[str], parser: argparse.ArgumentParser
) -> str:  # fmt: skip
    """Return an error message for words that a command does not know.

    Args:
        command: Its name, with those of its actions, e.g. ``models fetch``.
        words: What is left of the command line, in order.
        parser: The command's own, whose options are proposed.
    """
    first = words[0]
    if command.split()[0] in WITH_PARAMETERS:
        if first in _ROS_WORDS:
            return f"{first} goes behind --ros-args: fer-ros {command} --ros-args {' '.join(words)}"
        name, value = _name_and_value(words)
        known = {row.name for row in PARAMETERS}
        if name in known:
            return (
                f"{name} is a parameter of the node, and no option: "
                f"fer-ros {command} --ros-args -p {name}:={value}"
            )
        hint = near_name(name, known)
        right = _proposed(hint)
        if right and not _is_near(first, _options(parser)):
            return (
                f"there is no option {shortened(first)!r}; {hint} That is a parameter of the node: "
                f"fer-ros {command} --ros-args -p {right}:={value}"
            )
    if not first.startswith("-"):
        return f"fer-ros {command} does not know what to do with {shortened(first)!r}"
    return f"fer-ros {command} has no option {shortened(first)!r}; " + near_name(
        first.partition("=")[0], _options(parser)
    )


def check_parameters(ros_args: RosArgs, node: str) -> None:
    """Refuse parameters that were given on the command line by a name that the node has not.

    Args:
        ros_args: The command line; names that come from files pass, for files are shared.
        node: Fully qualified name of the node.

    Raises:
        ValueError: There is one; the message names what may have been meant.
    """
    for rule in ros_args.parameter_rules:
        if rule.from_file or not rule.applies_to(node):
            continue
        problem = unknown_parameters([rule.name])
        right = _proposed(problem)
        if right:
            problem += f" Write --ros-args -p {right}:={json.dumps(rule.value)}"
        if problem:
            raise ValueError(problem)


def _proposed(hint: str) -> str:
    """Return the name that a hint asks about; empty where it asks about none."""
    return hint.rpartition("did you mean '")[2].partition("'")[0] if "did you mean" in hint else ""


def parameter_help() -> str:
    """Return the table of parameters for the help of a command."""
    lines = ["parameters, given as --ros-args -p NAME:=VALUE or by --params-file:"]
    for row in PARAMETERS:
        lines.append(f"  {row.name} ({_kind(row)}; default {_shown(row.default)})")
        text = row.description
        lines += textwrap.wrap(text, 92, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _kind(row: Parameter) -> str:
    if row.choices:
        several = "list of " if isinstance(row.default, tuple) else ""
        return f"{several}{', '.join(row.choices)}"
    if row.minimum is not None and row.maximum is not None:
        return f"{row.type_name} {row.minimum:g} to {row.maximum:g}"
    return row.type_name


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else "''"


def _name_and_value(words: Sequence[str]) -> tuple[str, str]:
    """Return parameter and value of ``--name value``, ``--name=value`` or ``name:=value``."""
    first = words[0]
    for sign in (":=", "="):
        name, found, value = first.partition(sign)
        if found:
            break
    else:
        name, value = first, words[1] if len(words) > 1 else "VALUE"
    return name.lstrip("-").replace("-", "_"), value


def _options(parser: argparse.ArgumentParser) -> list[str]:
    found = [option for action in parser._actions for option in action.option_strings]
    return [option for option in found if option.startswith("--")]


def _is_near(word: str, known: Iterable[str]) -> bool:
    return bool(_proposed(near_name(word.partition("=")[0], known)))
