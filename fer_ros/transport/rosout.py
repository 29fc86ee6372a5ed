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

"""A node's log on ``/rosout``, where a robot's log and rqt_console find it."""

from __future__ import annotations

import logging
import threading

from fer_ros.perception.strings import shortened
from fer_ros.transport import codec
from fer_ros.transport.base import Publisher, Qos

TOPIC, TYPE = "/rosout", "rcl_interfaces/msg/Log"
QOS = Qos(reliability="reliable", depth=1000, durability="transient_local")
"""As rcl publishes it: late joiners get earlier messages."""

_MOST_CHARACTERS = 4000
"""Longest message that is sent whole."""


class RosoutHandler(logging.Handler):
    """Publishes log records; the levels of ``rcl_interfaces/msg/Log`` are those of Python."""

    def __init__(self, publisher: Publisher, logger_name: str) -> None:
        """Send to an open topic.

        Args:
            publisher: Of :data:`TOPIC`.
            logger_name: As ROS spells it, e.g. ``robot.fer``.
        """
        super().__init__()
        self._publisher = publisher
        self._name = logger_name
        self._sending = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; what sending itself logs is only printed."""
        if getattr(self._sending, "now", False):
            return
        self._sending.now = True
        try:
            self._publisher.publish(codec.encode(self._message(record)))
        except Exception:  # logging never breaks what it reports on
            self.handleError(record)
        finally:
            self._sending.now = False

    def _message(self, record: logging.LogRecord) -> object:
        types = codec.typestore().types
        seconds, nanoseconds = divmod(int(record.created * 1e9), 1_000_000_000)
        return types[TYPE](
            stamp=types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds),
            level=record.levelno,
            name=self._name,
            msg=shortened(record.getMessage(), _MOST_CHARACTERS),
            file=record.filename,
            function=record.funcName or "",
            line=record.lineno,
        )
