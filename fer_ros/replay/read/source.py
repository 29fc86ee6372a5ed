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

"""Which topics of a recording are replayed, and what lies on them."""

from __future__ import annotations

from collections.abc import Sequence

from fer_ros.replay.errors import ReplayError
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.text import shown
from fer_ros.transport import codec
from fer_ros.transport.bag import BagReader, BagTopic
from fer_ros.transport.messages import COMPRESSED_IMAGE, IMAGE

EMOTION_LABEL = "fer_ros/msg/EmotionLabel"

_MOST_LISTED = 30

_NOT_FOR_FACES = ("depth", "disparity", "annotated", "infra")
"""Words in the names of image topics that are not taken unless they are named."""


def image_topics(reader: BagReader, names: Sequence[str]) -> dict[str, bool]:
    """Return the camera topics to replay, and for each whether it is compressed.

    Without names all image topics are taken, but only one form of each camera, the raw one, and
    no depth images.

    Raises:
        ReplayError: A named topic is not there or holds no images, or there is none at all.
    """
    # Of a topic of both types the one with more images is taken.
    found = [t for t in reader.topics if t.type_name in (IMAGE, COMPRESSED_IMAGE)]
    images = {topic.name: topic for topic in sorted(found, key=lambda t: t.count)}
    images = {topic.name: images[topic.name] for topic in found}
    if names:
        for name in names:
            if name not in images:
                raise ReplayError(_not_an_image(reader, name))
        chosen = [images[name] for name in names]
    else:
        chosen = [topic for topic in images.values() if _by_default(topic, images)]
    if not chosen or not any(topic.count for topic in chosen):
        raise ReplayError(
            f"{reader.path} holds no images to replay; its topics: {_listing(reader.topics)}"
        )
    return {topic.name: topic.type_name == COMPRESSED_IMAGE for topic in chosen}


def _by_default(topic: BagTopic, images: dict[str, BagTopic]) -> bool:
    if not topic.count or any(word in topic.name.lower() for word in _NOT_FOR_FACES):
        return False
    raw = images.get(topic.name.removesuffix("/compressed"))
    return raw is None or raw is topic or not raw.count


def _not_an_image(reader: BagReader, name: str) -> str:
    found = [topic for topic in reader.topics if topic.name == name]
    if found:
        return f"{name} holds {found[0].type_name}, which is no image type"
    return f"{reader.path} has no topic {name}; its topics: {_listing(reader.topics)}"


def _listing(topics: Sequence[BagTopic]) -> str:
    names = [f"{shown(t.name)} ({shown(t.type_name)}, {t.count})" for t in topics]
    more = [f"{len(names) - _MOST_LISTED} more"] if len(names) > _MOST_LISTED else []
    return ", ".join([*names[:_MOST_LISTED], *more]) or "none"


def read_label_topics(reader: BagReader, names: Sequence[str], labels: LabelSet) -> int:
    """Read the label messages of a recording.

    Args:
        reader: The recording.
        names: Topics; empty for all of the type fer_ros/msg/EmotionLabel.
        labels: Gets the messages.

    Returns:
        How many messages could not be decoded.

    Raises:
        ReplayError: A named topic is not there or has another type, or the type's definition
            differs from this package's.
    """
    found = {t.name: t for t in reader.topics if t.type_name == EMOTION_LABEL}
    for name in names:
        if name not in found:
            raise ReplayError(
                f"{reader.path} has no topic {name} of type {EMOTION_LABEL}; "
                f"its topics: {_listing(reader.topics)}"
            )
    chosen = {name: found[name] for name in names} if names else found
    for topic in chosen.values():
        if topic.type_hash and topic.type_hash != codec.type_hash(EMOTION_LABEL):
            raise ReplayError(
                f"{topic.name} was recorded with another definition of {EMOTION_LABEL} "
                f"({topic.type_hash}); write its labels to a CSV file instead"
            )
    damaged = 0
    for message in reader.messages(chosen) if chosen else ():
        if message.type_name != EMOTION_LABEL:
            continue
        try:
            decoded = codec.decode(message.data, EMOTION_LABEL)
        except codec.DecodeError:
            damaged += 1
            continue
        labels.add_message(decoded, message.topic)
    labels.finish()
    return damaged
