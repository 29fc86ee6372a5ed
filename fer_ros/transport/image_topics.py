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

"""Names of image topics: the endings of packed ones, and the node's annotated ones."""

from __future__ import annotations

from fer_ros.transport.messages import COMPRESSED_IMAGE, IMAGE
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, FFMPEG_PACKET

COMPRESSED = "/compressed"
"""Ends the name of a topic of CompressedImage, as image_transport has it."""

FORMS = {"compressed": COMPRESSED_IMAGE, "ffmpeg": FFMPEG_PACKET, "foxglove": COMPRESSED_VIDEO}
"""What plug-ins of image_transport put behind a camera's topic, and the type of that."""

ANNOTATED = "image_annotated"
"""Name of the raw annotated topic below the node's own; with several cameras theirs follows it."""


def camera_of(topic: str) -> str:
    """Return the name of a camera's raw topic, by that of any of its forms."""
    camera, _, last = topic.rpartition("/")
    return camera if camera and last in FORMS else topic


def type_by_name(topic: str) -> str:
    """Return the type of image messages that a topic's name implies."""
    return FORMS.get(topic.rpartition("/")[2], IMAGE)


def is_annotated(topic: str) -> bool:
    """Return whether a topic carries annotated images, which are only made for subscribers."""
    return f"/{ANNOTATED}/" in f"{topic}/"
