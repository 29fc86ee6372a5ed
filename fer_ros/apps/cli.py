"""The command line ``fer-ros``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fer_ros import __version__
from fer_ros.apps import bench, camera, demo, models, run
from fer_ros.apps.replay import add_parsers as add_replay_parsers
from fer_ros.perception.inference import ModelError
from fer_ros.sources.files import CameraError
from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.base import TransportError

_COMMANDS = (demo, run, camera, bench, models)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 a check failed, 2 an error."""
    try:
        ros_args = parse_ros_args(sys.argv[1:] if argv is None else argv)
        args = _parser().parse_args(ros_args.remaining)
        return int(args.func(args, ros_args))
    except (TransportError, ModelError, CameraError, OSError, ValueError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fer-ros",
        description="Facial expressions from camera images, on ROS 2 and without it.",
        epilog="On ROS 2 the node is started with: ros2 launch fer_ros fer.launch.py",
    )
    parser.add_argument("--version", action="version", version=f"fer_ros {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    add_replay_parsers(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
