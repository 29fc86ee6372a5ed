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

"""Queue of one camera: the newest image, and the video packets that its decoding needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fer_ros.perception.video_stream import VideoPacket
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.messages import IMAGE, read_image

_MOST_PACKETS, _MOST_BYTES = 600, 64 << 20
"""Packets that are kept for the sake of a later picture, and their bytes."""


@dataclass(frozen=True, eq=False)
class Message:
    """An image message as it came from the middleware."""

    data: bytes
    """CDR bytes of the message."""
    received_ns: int
    """Node clock on arrival."""
    stamp_ns: int = 0
    """Stamp of its header; 0 where it has none."""
    before: tuple[Message, ...] = ()
    """Of a video: earlier messages that are decoded for this one but get no result."""
    torn: bool = False
    """Whether some of these were given up."""


class Backlog:
    """Keeps the newest image; not safe between threads."""

    def __init__(self, type_name: str) -> None:
        """Start empty, for messages of a type."""
        self.type_name = type_name
        self._newest: Message | None = None
        """The next to process: the last that waits, apart from those that are only decoded."""
        self._waiting: list[Message] = []
        self._torn = False

    @property
    def filled(self) -> bool:
        """Whether an image waits."""
        return self._newest is not None

    def put(self, message: Message) -> bool:
        """Let an image wait; return whether it supersedes another."""
        newest, self._newest = self._newest, message
        if newest is not None and self._packet(newest) is None:
            self._waiting.remove(newest)
        self._append(message, needs_none=True)
        return newest is not None

    def pass_by(self, message: Message) -> None:
        """Queue an image that gets no result."""
        if self._packet(message) is not None:
            self._append(message, needs_none=self._newest is None)

    def take(self) -> Message | None:
        """Remove and return the newest image, if any, with the packets that it needs."""
        newest, self._newest = self._newest, None
        if newest is None:
            return None
        at = self._waiting.index(newest)
        before, self._waiting = tuple(self._waiting[:at]), self._waiting[at + 1 :]
        torn, self._torn = self._torn, False
        return replace(newest, before=before, torn=torn) if before or torn else newest

    def _append(self, message: Message, needs_none: bool) -> None:
        """Let a message wait behind the others, which may go where it begins anew."""
        if self._waiting and needs_none and self._begins_anew(message):
            self._waiting, self._torn = [], False
        self._waiting.append(message)
        size = sum(len(each.data) for each in self._waiting)
        if len(self._waiting) > _MOST_PACKETS or size > _MOST_BYTES + len(message.data):
            self._waiting = [] if self._newest is None else [self._newest]
            self._torn = True

    def _begins_anew(self, message: Message) -> bool:
        packet = self._packet(message)
        return packet is not None and packet.begins_anew

    def _packet(self, message: Message) -> VideoPacket | None:
        return packet_of(message.data, self.type_name)


def packet_of(data: bytes, type_name: str) -> VideoPacket | None:
    """Return the video packet in a message, if any.

    Args:
        data: CDR bytes, which may be damaged.
        type_name: One of :data:`fer_ros.transport.messages.IMAGES`.
    """
    if type_name == IMAGE:
        return None
    try:
        return read_image(data, type_name).packet()
    except DecodeError:
        return None
