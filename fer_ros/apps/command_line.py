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
import math
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from fer_ros import __version__
from fer_ros.perception.strings import near_name, shortened

COMPLETION_ENV = "_ARGCOMPLETE"
"""Set by a shell that asks argcomplete what may follow."""

Commands = Mapping[str, tuple[str, str]]
"""Module in this folder and line of the overview of each command, see :mod:`fer_ros.apps.cli`."""


def parse(words: Sequence[str], commands: Commands) -> argparse.Namespace:
    """Read the command line; for unknown words the error proposes near ones.

    Raises:
        ValueError: There are some.
    """
    if COMPLETION_ENV in os.environ:
        _complete(commands)
    named = command_name(words)
    if named and named not in commands:
        raise ValueError(f"there is no command {shortened(named)!r}; {near_name(named, commands)}")
    parser = _parser(words, commands)
    args, unknown = parser.parse_known_args(words)
    if not hasattr(args, "func"):
        return argparse.Namespace(func=_help_of(_subparser(parser, named)))
    if not unknown:
        return args
    from fer_ros.apps.hints import about_unknown_words

    own = _subparser(parser, named)
    raise ValueError(about_unknown_words(named, unknown, own)) from None


def duration(text: str) -> float:
    """Return an option's seconds; ``inf`` is for ever.

    Raises:
        argparse.ArgumentTypeError: They are no number above 0.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is no number of seconds above 0")
    return seconds


def count(text: str) -> int:
    """Return an option's whole number.

    Raises:
        argparse.ArgumentTypeError: It is none from 1 on.
    """
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is no whole number from 1 on")
    return int(text)


def named_path(text: str) -> Path:
    """Return an option's path; an empty one, as of an unset variable, would be this folder.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty name; is a variable unset?")
    return Path(text)


def _help_of(parser: argparse.ArgumentParser) -> Callable[..., int]:
    """Return what a command does that lacks its action: it prints its help."""

    def show(*_: object) -> int:
        parser.print_help()
        return 0

    return show


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
    parser = _Parser(
        prog="fer-ros",
        description="Facial expressions from camera images, on ROS 2 and without it.",
        epilog="On ROS 2 the node is started with: ros2 launch fer_ros fer.launch.py",
    )
    parser.add_argument("--version", action="version", version=f"fer_ros {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    named = command_name(words)
    for name, (module, about) in commands.items():
        if name == named:
            importlib.import_module(f"fer_ros.apps.{module}").add_parser(subparsers)
        elif module != commands.get(named, ("", ""))[0]:
            subparsers.add_parser(name, help=about)
    _wrap_help(parser)
    return parser


class PathParser(argparse.ArgumentParser):
    """Reads what has the type ``Path`` by :func:`named_path`; its subparsers do too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what argparse takes."""
        super().__init__(*arguments, **options)
        self.register("type", Path, named_path)


class _Parser(PathParser):
    """Reports errors in one line, and for an invalid choice the nearest valid one."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if found:
            hint = near_name(found[1], re.findall(r"[^', ]+", found[2]))
            message = f"{message[: found.start()]}there is no {shortened(found[1])!r}; {hint}"
        else:
            message += f"; see {self.prog} --help"
        self.exit(2, f"{self.prog}: {message}\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps descriptions at the terminal's width, and leaves examples and tables as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


def _wrap_help(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = _HelpFormatter
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _wrap_help(inner)


def _complete(commands: Commands) -> None:
    """Propose words to a shell that asks for them, and end the process."""
    try:
        import argcomplete
    except ImportError:  # the shell learns nothing, and says nothing
        sys.exit(1)
    line = os.environ.get("COMP_LINE", "").split()
    argcomplete.autocomplete(_parser(line[1:], commands), always_complete_options=False)
