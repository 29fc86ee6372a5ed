"""``fer-ros bridge`` on rclpy: ``ros2 run fer_ros bridges``."""

from __future__ import annotations

import argparse
import sys

from rclpy.utilities import remove_ros_args

from fer_ros.apps.bridge import add_arguments, serve
from fer_ros.apps.ros_spin import spin


def main(argv: list[str] | None = None) -> int:
    """Run bridges until a signal comes; return the exit status."""
    argv = sys.argv if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="bridges", description="Publishes faces and expressions in topics of other standards."
    )
    add_arguments(parser)
    args = parser.parse_args(remove_ros_args(argv)[1:])
    return spin("fer_bridges", argv, lambda transport, stop: serve(transport, args, stop))
