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

"""Selection of a recording's topics, and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.replay.display_text import shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.read.labels import LabelSet
from fer_ros.transport import codec
from fer_ros.transport.bag import BagReader, BagTopic
from fer_ros.transport.messages import IMAGES
from fer_ros.transport.video_messages import VIDEOS

EMOTION_LABEL = "fer_ros/msg/EmotionLabel"

MESSAGES_LOST = "rosbag2_interfaces/msg/MessagesLostEvent"
"""Type of the topic ``/events/rosbag2_messages_lost``, which recorders since Kilted write."""

_LOST_DEFINITIONS = {
    MESSAGES_LOST: "string node_name\nMessagesLostEventTopicStat[] messages_lost_statistics\n",
    "rosbag2_interfaces/msg/MessagesLostEventTopicStat": "string topic_name\n"
    "uint64 messages_lost_in_transport\nuint64 messages_lost_in_recorder\n",
}

_MOST_LISTED = 30

_NOT_FOR_FACES = ("depth", "disparity", "annotated")
"""Words in the names of image topics that are not taken unless they are named."""

_INFRARED = ("infra",)
"""The same, where there are other cameras."""

_VIDEO = ("ffmpeg", "foxglove", "h264", "h265", "hevc", "av1")
"""Last parts of the names of a camera's video."""

_PACKED_OTHERWISE = ("compressedDepth", "zstd", "theora")
"""Last parts of the names that plug-ins of image_transport give forms that are not read."""

_PACKED = ("compressed", *_VIDEO, *_PACKED_OTHERWISE)

_WHOLE = 0.9
"""A raw form with a smaller share of its packed twin's images has lost some."""


@dataclass(frozen=True)
class ImageTopics:
    """The camera topics to replay."""

    types: dict[str, str]
    """By topic, one of :data:`fer_ros.transport.messages.IMAGES`."""
    warnings: tuple[str, ...] = ()
    """What a user should know of the choice."""


def image_topics(reader: BagReader, names: Sequence[str]) -> ImageTopics:
    """Return the camera topics to replay, and the type of each.

    Without names all image topics are taken, but only one form of each camera: the raw one, else
    that of single images, else the video, unless its recorder lost more of it; no depth images, and
    infrared ones where there are no others.

    Raises:
        ReplayError: A named topic is not there or holds no images, or there is none at all.
    """
    # Of a topic of several types the one with more images is taken.
    found = [t for t in reader.topics if t.type_name in IMAGES]
    images = {topic.name: topic for topic in sorted(found, key=lambda t: t.count)}
    images = {topic.name: images[topic.name] for topic in found}
    warnings: list[str] = []
    if names:
        for name in names:
            if name not in images:
                raise ReplayError(_not_an_image(reader, name))
        chosen = [images[name] for name in names]
    else:
        cameras = [t for t in images.values() if t.count and not _named(t, _NOT_FOR_FACES)]
        visible = [topic for topic in cameras if not _named(topic, _INFRARED)]
        if cameras and not visible:
            warnings.append("only infrared images were recorded, which the networks do not know")
        chosen = _one_form_each(visible or cameras, warnings)
    if not chosen or not any(topic.count for topic in chosen):
        cut = "".join(f"; {each}" for each in reader.cuts)
        raise ReplayError(
            f"{reader.path} holds no images to replay; its topics: {_listing(reader.topics)}{cut}"
        )
    return ImageTopics({topic.name: topic.type_name for topic in chosen}, tuple(warnings))


def _named(topic: BagTopic, words: Sequence[str]) -> bool:
    return any(word in topic.name.lower() for word in words)


def _one_form_each(topics: Sequence[BagTopic], warnings: list[str]) -> list[BagTopic]:
    """Choose of each camera's forms the first readable one that is as whole as the others."""
    forms: dict[str, list[BagTopic]] = {}
    names = {topic.name for topic in topics}
    for topic in topics:
        camera, _, last = topic.name.rpartition("/")
        packed = last in _PACKED or (topic.type_name in VIDEOS and camera in names)
        forms.setdefault(camera if packed else topic.name, []).append(topic)
    chosen = [_best_form(each, warnings) for each in forms.values()]
    return [topic for topic in topics if topic in chosen]


def _best_form(forms: Sequence[BagTopic], warnings: list[str]) -> BagTopic:
    def rank(topic: BagTopic) -> tuple[bool, int]:
        last = topic.name.rpartition("/")[2]
        video = topic.type_name in VIDEOS or last in _VIDEO
        return last in _PACKED_OTHERWISE, 3 if video else 2 if last == "compressed" else 1

    ordered = sorted(forms, key=rank)
    readable = [topic for topic in ordered if not rank(topic)[0]] or ordered
    most = max(readable, key=lambda topic: topic.count)
    first = readable[0]
    best = first if first.count >= _WHOLE * most.count else most
    for other in ordered:
        if other is not best and not _alike(best.count, other.count):
            warnings.append(
                f"{shown(best.name)} has {best.count} images and was replayed, {shown(other.name)} "
                f"has {other.count}; --topic chooses another form"
            )
    return best


def _alike(one: int, other: int) -> bool:
    return min(one, other) >= _WHOLE * max(one, other)


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


def messages_lost(reader: BagReader) -> int:
    """Return how many messages the recorder of a recording counted as lost.

    It reports what was lost since its last report, in transport and in itself.

    Raises:
        BagError: The recording cannot be read.
    """
    topics = [t for t in reader.topics if t.type_name == MESSAGES_LOST and t.count]
    codec.register(_LOST_DEFINITIONS)
    lost = 0
    for message in reader.messages([t.name for t in topics]) if topics else ():
        if message.type_name != MESSAGES_LOST:
            continue
        try:
            event = codec.decode(message.data, MESSAGES_LOST)
        except codec.DecodeError:
            continue
        for entry in event.messages_lost_statistics:
            lost += entry.messages_lost_in_transport + entry.messages_lost_in_recorder
    return int(lost)
