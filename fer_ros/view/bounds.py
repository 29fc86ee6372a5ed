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

"""Bounds on strings and lists from messages that are held and sent to pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fer_ros.perception.strings import shortened
from fer_ros.transport.event_messages import Event
from fer_ros.transport.messages import Status
from fer_ros.transport.result_messages import MOST_RESULT_BYTES

MOST_BYTES = MOST_RESULT_BYTES
"""Of a message that is read at all, pictures aside; 26 MB of diagnostics are nobody's [bytes]."""

MOST_PICTURE_BYTES = 16 << 20
"""Of a picture [bytes]."""

MOST_CLASSES = 32
"""Of a network."""

MOST_TOPICS = 256
"""Topics of results, events and diagnostics that are heard at once."""

_NAME, _TEXT, _KEY, _VALUE = 255, 300, 60, 200
"""Characters of names of topics, of messages, and of keys and values of diagnostics."""

_VALUES = 40
"""Values of a line of diagnostics."""

_NODE_CHARACTERS = 20_000
"""All lines of diagnostics of a node together."""


def name(text: str) -> str:
    """Return a name of a topic, class or track, cut where it is none that ROS would allow."""
    return shortened(text, _NAME)


def event(heard: Event) -> Event:
    """Return an event with names of bounded length."""
    return replace(
        heard,
        rule=name(heard.rule),
        source_topic=name(heard.source_topic),
        frame_id=name(heard.frame_id),
        track_id=name(heard.track_id),
        label=name(heard.label),
        previous_label=name(heard.previous_label),
    )


def statuses(lines: Sequence[Status], most: int) -> tuple[Status, ...]:
    """Return the first lines of a node's diagnostics; a last one says how many are left out.

    Args:
        lines: As they came.
        most: Lines, that one included.
    """
    kept: list[Status] = []
    room = _NODE_CHARACTERS
    for line in lines[: most if len(lines) <= most else most - 1]:
        cut = _status(line)
        room -= len(cut.name) + len(cut.message)
        room -= sum(len(key) + len(value) for key, value in cut.values.items())
        if room < 0:
            break
        kept.append(cut)
    left = len(lines) - len(kept)
    if left:
        kept.append(Status(1, "fer-ros view", f"{left} more lines are not shown", {}))
    return tuple(kept)


def _status(line: Status) -> Status:
    values = list(line.values.items())[:_VALUES]
    return Status(
        level=line.level,
        name=name(line.name),
        message=shortened(line.message, _TEXT),
        values={shortened(key, _KEY): shortened(value, _VALUE) for key, value in values},
        hardware_id=name(line.hardware_id),
    )
