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

"""Rules evaluated over a recording, deterministically, for tests of rule files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from fer_ros.behaviors.actions import actions_of, in_words
from fer_ros.behaviors.engine import MAX_CAMERAS, EventEngine
from fer_ros.behaviors.rules import RuleSet
from fer_ros.transport.bag import BagError, BagReader
from fer_ros.transport.codec import DecodeError, type_hash
from fer_ros.transport.event_messages import Event, read_face_table
from fer_ros.transport.messages import EMOTION_ARRAY
from fer_ros.transport.result_messages import decode_result

_REASONS = {
    "unstamped": "their images have no stamp",
    "late": "their stamps are not newer than the one before",
    "cameras": f"rules are evaluated for {MAX_CAMERAS} cameras at once",
}


def events_of_bag(
    rules: RuleSet,
    path: Path,
    topics: tuple[str, ...] = (),
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[Event]:
    """Yield the events of a recording of EmotionArray, in order.

    Args:
        rules: The rules.
        path: A rosbag2 recording.
        topics: Those to read; all of the type where none is named.
        warn: Called with reasons to doubt the events: files that are not whole, clocks that step,
            results left out.

    Raises:
        BagError: It is damaged, or holds no such topics.
    """
    reader = BagReader(path)
    engine = EventEngine(rules, live=False, on_note=lambda camera, note: warn(f"{camera}: {note}"))
    for message in reader.messages(_topics(reader, topics)):
        try:
            table = read_face_table(decode_result(message.data))
        except (DecodeError, ValueError) as error:
            raise BagError(
                f"{path}: a message of {message.topic} cannot be read: {error}"
            ) from None
        yield from engine.update(table, message.time_ns)
    yield from engine.close()
    for text in reader.warnings:  # reading may add to them
        warn(f"{path}: {text}")
    for reason, count in sorted(engine.dropped.items()):
        warn(f"{count} results were not evaluated: {_REASONS[reason]}")


def _topics(reader: BagReader, wanted: tuple[str, ...]) -> tuple[str, ...]:
    found = {topic.name: topic for topic in reader.topics if topic.type_name == EMOTION_ARRAY}
    missing = [name for name in wanted if name not in found]
    if missing or not found:
        there = ", ".join(found) or "none"
        raise BagError(
            f"{reader.path} has no EmotionArray on {missing[0] if missing else 'any topic'} "
            f"(there: {there}); from recorded images `fer-ros replay {reader.path} --out results` "
            "makes them: use results/bag"
        )
    names = wanted or tuple(found)
    for name in names:
        given = found[name].type_hash
        if given and given != type_hash(EMOTION_ARRAY):
            raise BagError(
                f"{reader.path}: {name} was recorded with another definition of EmotionArray; "
                "replay the images with this version"
            )
    return names


def event_line(rules: RuleSet, event: Event) -> str:
    """Return an event and its actions as a line of JSON."""
    rule = next(rule for rule in rules.rules if rule.name == event.rule)
    actions = [in_words(what, event) for what in actions_of(rule, event)]
    confidence = round(event.confidence, 6) if math.isfinite(event.confidence) else None
    content = {**asdict(event), "confidence": confidence, "actions": actions}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
