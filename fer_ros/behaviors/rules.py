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

"""Content of a rule file, as data; :mod:`fer_ros.behaviors.rule_files` reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from fer_ros.behaviors.conditions import Condition
from fer_ros.transport.event_messages import Event, Phase
from fer_ros.transport.image_topics import FORMS, camera_of

ANY_EXPRESSION = "any"

_FIELD = re.compile(r"\{(\w+)\}")

TEXT_FIELDS = (
    "rule", "phase", "track_id", "label", "previous_label", "confidence", "duration", "camera",
)  # fmt: skip
"""Fields of an event that a text may contain in braces."""


@dataclass(frozen=True)
class Say:
    """Publish a std_msgs/String."""

    topic: str
    text: str

    def text_for(self, event: Event) -> str:
        """Return the text for an event, with its fields filled in."""
        values = {
            "rule": event.rule,
            "phase": event.phase,
            "track_id": event.track_id,
            "label": event.label,
            "previous_label": event.previous_label,
            "confidence": f"{event.confidence:.2f}",
            "duration": f"{event.duration_ns / 1e9:.1f}",
            "camera": event.source_topic,
        }
        return _FIELD.sub(lambda match: values[match[1]], self.text)


def text_fields(text: str) -> list[str]:
    """Return the names in braces in a text."""
    return _FIELD.findall(text)


@dataclass(frozen=True)
class Call:
    """Call a std_srvs service."""

    service: str
    type_name: str
    """``std_srvs/srv/Empty``, ``…/Trigger`` or ``…/SetBool``."""
    value: bool


@dataclass(frozen=True)
class Run:
    """Hand the event to a plug-in."""

    plugin: str
    options: Mapping[str, Any]
    folder: Path
    """Folder of the rule file, which relative paths in the options start from."""


@dataclass(frozen=True)
class Action:
    """Action at some phases of an event."""

    at: tuple[Phase, ...]
    what: Say | Call | Run


@dataclass(frozen=True)
class Rule:
    """One rule; the fields are those of ``config/rules.schema.json``, times in nanoseconds."""

    name: str
    faces: Literal["each", "nearest", "largest", "any", "all"]
    cameras: tuple[str, ...]
    expressions: tuple[str, ...]
    """Empty: the rule is about no expression; ``("any",)``: about each."""
    confidence: float
    when: Condition | None
    hysteresis: float
    hold_ns: int
    release_ns: int
    ongoing_ns: int
    """0: never."""
    cooldown_ns: int | None
    """None: for ever."""
    cooldown_per: Literal["face", "rule"]
    publish: bool
    actions: tuple[Action, ...]

    def is_about(self, camera: str) -> bool:
        """Whether the rule holds for a camera topic.

        A pattern for one form of a camera's images (raw, compressed, video) also matches the
        others: the node may subscribe to any.
        """
        base = camera_of(camera)
        names = (base, *(f"{base}/{form}" for form in FORMS))
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.cameras)


@dataclass(frozen=True)
class RuleSet:
    """A rule file."""

    rules: tuple[Rule, ...]
    silence_ns: int
    """Silence of a camera after which its events end."""
    max_age_ns: int
    """Age from which a result is stale."""
