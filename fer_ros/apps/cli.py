"""The command line ``fer-ros``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from fer_ros import __version__
from fer_ros.perception.texts import in_one_line
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
        "replay",
        "write a label file with one row per face track of a recording, to fill in",
    ),
}
"""Name of each command: its module in this folder, which is loaded for this command alone, and
what the overview says about it."""

DEBUG_ENV = "FER_ROS_DEBUG"
"""Environment variable that asks for the traceback of an error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 a check failed, 2 an error."""
    try:
        ros_args = parse_ros_args(sys.argv[1:] if argv is None else argv)
        args = _parser(ros_args.remaining).parse_args(ros_args.remaining)
        return int(args.func(args, ros_args))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get(DEBUG_ENV):
            raise
        print(f"fer-ros: {in_one_line(error)}", file=sys.stderr)
        return 2


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, complete for the command that the words name."""
    parser = argparse.ArgumentParser(
        prog="fer-ros",
        description="Facial expressions from camera images, on ROS 2 and without it.",
        epilog="On ROS 2 the node is started with: ros2 launch fer_ros fer.launch.py",
    )
    parser.add_argument("--version", action="version", version=f"fer_ros {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = next((word for word in words if not word.startswith("-")), "")
    for name, (module, about) in _COMMANDS.items():
        if name == named:
            importlib.import_module(f"fer_ros.apps.{module}").add_parser(subparsers)
        elif module != _COMMANDS.get(named, ("", ""))[0]:
            subparsers.add_parser(name, help=about)
    return parser


if __name__ == "__main__":
    sys.exit(main())
