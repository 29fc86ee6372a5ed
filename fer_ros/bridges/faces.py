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

"""Topics that come and go with the faces they are about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fer_ros.transport.base import Publisher
from fer_ros.transport.codec import encode

MAX_FACES = 64
"""Faces that have topics at once; more are left out."""

KEEP_NS = 1_000_000_000
"""How long the topics of a face outlive it by its camera's stamps, for a face may be missed in an
image."""

_SILENT = 2.0
"""The same by arrival [s], for a face whose camera is silent while others are not."""


@dataclass(frozen=True)
class _Seen:
    camera: str
    stamp_ns: int
    arrived: float


class FaceTopics:
    """Publishers for each face, opened when it is first seen and closed when it is gone."""

    def __init__(self, open_topics: Callable[[str], dict[str, Publisher]]) -> None:
        """Start without faces.

        Args:
            open_topics: Opens the topics of a face, given its track id.
        """
        self._open = open_topics
        self._topics: dict[str, dict[str, Publisher]] = {}
        self._seen: dict[str, _Seen] = {}

    def see(self, track_ids: Iterable[str], camera: str, stamp_ns: int) -> None:
        """Open and close topics for the faces in an image; a jump of the stamps starts anew.

        Args:
            track_ids: Of the faces in an image.
            camera: Topic of the image; stamps of different cameras are not compared.
            stamp_ns: Of the image [ns].
        """
        now = _Seen(camera, stamp_ns, time.monotonic())
        for track_id in track_ids:
            if track_id in self._topics or (len(self._topics) < MAX_FACES and is_name(track_id)):
                if track_id not in self._topics:
                    self._topics[track_id] = self._open(track_id)
                self._seen[track_id] = now
        for track_id, seen in list(self._seen.items()):
            if now.arrived - seen.arrived > _SILENT or (
                seen.camera == camera and abs(stamp_ns - seen.stamp_ns) > KEEP_NS
            ):
                self._close(track_id)

    def get(self, track_id: str, topic: str) -> Publisher | None:
        """Return a publisher of a face; None for a face that has none."""
        return self._topics.get(track_id, {}).get(topic)

    def publish(self, track_id: str, topic: str, message: Any) -> None:
        """Publish a message about a face, if it has topics."""
        publisher = self.get(track_id, topic)
        if publisher is not None:
            publisher.publish(encode(message))

    def __contains__(self, track_id: str) -> bool:
        return track_id in self._topics

    def close(self) -> None:
        """Close all topics."""
        for track_id in list(self._topics):
            self._close(track_id)

    def _close(self, track_id: str) -> None:
        del self._seen[track_id]
        for publisher in self._topics.pop(track_id).values():
            publisher.close()


def is_name(track_id: str) -> bool:
    """Whether an id can be a part of a topic's name."""
    return track_id.isascii() and track_id.isidentifier()
