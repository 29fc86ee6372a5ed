"""``fer-ros bench``: latency, CPU and memory, measured in one run."""

from fer_ros.bench.command import add_parser

__all__ = ["add_parser"]
