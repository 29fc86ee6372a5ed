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

"""The parser of ``fer-ros``: the words of a command line to a command and its options."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping, Sequence
from typing import cast

from fer_ros import __version__
from fer_ros.perception.texts import near_name, shortened

Commands = Mapping[str, tuple[str, str]]
"""Module in this folder and line of the overview of each command, see :mod:`fer_ros.apps.cli`."""


def parse(words: Sequence[str], commands: Commands) -> argparse.Namespace:
    """Read the command line; of words that nobody knows, say what may have been meant.

    Raises:
        ValueError: There are some.
    """
    named = command_name(words)
    if named and named not in commands:
        raise ValueError(f"there is no command {shortened(named)!r}; {near_name(named, commands)}")
    parser = _parser(words, commands)
    args, unknown = parser.parse_known_args(words)
    if not unknown:
        return args
    from fer_ros.apps.hints import about_unknown_words

    own = _subparser(parser, named)
    raise ValueError(about_unknown_words(named, unknown, own)) from None


def command_name(words: Sequence[str]) -> str:
    """Return the word that names a command; empty where there is none."""
    return next((word for word in words if not word.startswith("-")), "")


def _subparser(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and name in action.choices:
            return cast(argparse.ArgumentParser, action.choices[name])
    return parser


def _parser(words: Sequence[str], commands: Commands) -> argparse.ArgumentParser:
    """Return the parser, complete for the command that the words name."""
    parser = argparse.ArgumentParser(
        prog="fer-ros",
        description="Facial expressions from camera images, on ROS 2 and without it.",
        epilog="On ROS 2 the node is started with: ros2 launch fer_ros fer.launch.py",
    )
    parser.add_argument("--version", action="version", version=f"fer_ros {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = command_name(words)
    for name, (module, about) in commands.items():
        if name == named:
            importlib.import_module(f"fer_ros.apps.{module}").add_parser(subparsers)
        elif module != commands.get(named, ("", ""))[0]:
            subparsers.add_parser(name, help=about)
    return parser
