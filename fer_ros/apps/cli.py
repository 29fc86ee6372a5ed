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

"""The command line ``fer-ros``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import cast

from fer_ros import __version__
from fer_ros.perception.texts import in_one_line, near_name, shortened
from fer_ros.transport.arguments import parse_ros_args

_COMMANDS = {
    "demo": ("demo", "see the whole thing work: camera, node, subscriber"),
    "run": ("run", "run the emotion node without ROS 2, over Cyclone DDS"),
    "camera": (
        "camera",
        "publish a webcam, video, folder of pictures or synthetic scene as a camera topic",
    ),
    "view": ("view", "show what the robot sees in the browser: pictures, timelines, diagnostics"),
    "echo": ("echo", "show what the graph carries as a live table, or the messages of topics"),
    "record": ("record", "write topics into a recording that fer-ros replay and ROS 2 read"),
    "behave": ("behave", "tell events by rules, and let things happen; live or over a recording"),
    "bridge": ("bridge", "publish faces and expressions in the topics of other standards"),
    "bench": ("bench", "measure latency, CPU, memory and load"),
    "models": ("models", "list, fetch and verify networks"),
    "replay": ("replay", "run the emotion pipeline on every frame of a recording and judge it"),
    "label": (
        "label",
        "write a label file, or a page, in which a person says what the faces of a recording show",
    ),
}
"""Name of each command: its module in this folder, which is loaded for this command alone, and
what the overview says about it."""

_READER_GONE = 141
"""Exit status where whoever reads the output has enough, as a shell reports SIGPIPE."""

DEBUG_ENV = "FER_ROS_DEBUG"
"""Environment variable that asks for the traceback of an error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 a check failed, 2 an error."""
    try:
        ros_args = parse_ros_args(sys.argv[1:] if argv is None else argv)
        args = _parse(ros_args.remaining)
        status = int(args.func(args, ros_args))
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is left in the buffer would be written, and complained about, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_GONE
    except Exception as error:
        if os.environ.get(DEBUG_ENV):
            raise
        print(f"fer-ros: {in_one_line(error)}", file=sys.stderr)
        return 2


def _parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; of words that nobody knows, say what may have been meant.

    Raises:
        ValueError: There are some.
    """
    named = _named(words)
    if named and named not in _COMMANDS:
        raise ValueError(f"there is no command {shortened(named)!r}; {near_name(named, _COMMANDS)}")
    parser = _parser(words)
    args, unknown = parser.parse_known_args(words)
    if not unknown:
        return args
    from fer_ros.apps.hints import about_unknown_words

    own = _subparser(parser, named)
    raise ValueError(about_unknown_words(named, unknown, own)) from None


def _named(words: Sequence[str]) -> str:
    """Return the word that names a command; empty where there is none."""
    return next((word for word in words if not word.startswith("-")), "")


def _subparser(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and name in action.choices:
            return cast(argparse.ArgumentParser, action.choices[name])
    return parser


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, complete for the command that the words name."""
    parser = argparse.ArgumentParser(
        prog="fer-ros",
        description="Facial expressions from camera images, on ROS 2 and without it.",
        epilog="On ROS 2 the node is started with: ros2 launch fer_ros fer.launch.py",
    )
    parser.add_argument("--version", action="version", version=f"fer_ros {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = _named(words)
    for name, (module, about) in _COMMANDS.items():
        if name == named:
            importlib.import_module(f"fer_ros.apps.{module}").add_parser(subparsers)
        elif module != _COMMANDS.get(named, ("", ""))[0]:
            subparsers.add_parser(name, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(main())
