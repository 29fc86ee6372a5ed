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

"""Node loggers that print as ROS 2 does: ``[INFO] [1700000000.123456789] [fer]: text``."""

from __future__ import annotations

import logging
import sys

from fer_ros.perception.strings import shortened

ROOT = "ros"
"""Python logger above all node loggers; it owns the handler that prints."""

_MOST_CHARACTERS = 4000
"""Longest message that is printed whole."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_SHOWN = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}


def node_logger(full_node_name: str, level: str | None) -> logging.Logger:
    """Return the logger of a node; it prints to standard error.

    Args:
        full_node_name: E.g. ``/robot/fer``, which is shown as ``robot.fer``.
        level: ``debug``, ``info``, ``warn``, ``error`` or ``fatal``; None means ``info``.
    """
    root = logging.getLogger(ROOT)
    if not root.handlers:
        root.addHandler(_Handler())
    logger = root.getChild(logger_name(full_node_name))
    logger.setLevel(_LEVELS[level or "info"])
    return logger


def logger_name(full_node_name: str) -> str:
    """Return the name of a node's logger as ROS spells it."""
    return full_node_name.strip("/").replace("/", ".")


class _Handler(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # logging never breaks what it reports on
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        level = _SHOWN.get(record.levelno, record.levelname)
        name = record.name.removeprefix(f"{ROOT}.")
        text = shortened(record.getMessage(), _MOST_CHARACTERS)
        return f"[{level}] [{record.created:.9f}] [{name}]: {text}"
