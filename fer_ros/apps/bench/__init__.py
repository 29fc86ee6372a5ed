"""``fer-ros bench``: latency, CPU and memory, measured in one run."""

from fer_ros.apps.bench.command import add_parser

__all__ = ["add_parser"]
