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

"""A music player, somebody who smiles or frowns, and somebody who hears."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

from support import wait_for

from fer_ros.behaviors.mpv import MpvError
from fer_ros.behaviors.music import MusicPlayer
from fer_ros.behaviors.plugins import Context
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode, message_class
from fer_ros.transport.event_messages import Event
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

STRING = "std_msgs/msg/String"


def song(path: Path, seconds: float = 60.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        tone = [int(8000 * math.sin(i / 5)) for i in range(800)]
        file.writeframes(struct.pack("<800h", *tone) * round(seconds * 10))
    return path


class Room:
    """A player, somebody who smiles or frowns, and somebody who hears."""

    def __init__(self, library: Path, **options: object) -> None:
        self.graph = MemoryGraph()
        self.transport = MemoryTransport(self.graph, "music_player")
        self.other = MemoryTransport(self.graph, "other")
        self.heard: list[str] = []
        self.other.subscribe(
            "/music_player/playing", STRING, Qos(),
            lambda data: self.heard.append(Path(decode(data, STRING).data).name),
        )  # fmt: skip
        self.switch = self.other.publisher("/music_player/enable", "std_msgs/msg/Bool", Qos())
        given = {
            "library": str(library), "fade": 0.2, "minimum_play": 0.0,
            "mpv_options": ["--no-config", "--ao=null"], **options,
        }  # fmt: skip
        self.player = MusicPlayer(given, Context(self.transport, library))

    def show(self, phase: str, label: str) -> None:
        event = Event(phase, "", "mood", "/c", 1, "c", "a", label, "", 0.9, 1, 0)
        self.player.handle(event)

    def enable(self, value: bool) -> None:
        self.switch.publish(encode(message_class("std_msgs/msg/Bool")(data=value)))

    @property
    def playing(self) -> str:
        return self.heard[-1] if self.heard else ""

    def plays(self, name: str) -> None:
        wait_for(lambda: self.playing == name)

    def property(self, name: str) -> object:
        try:
            return self.player._mpv.command("get_property", name)
        except MpvError:
            return None  # not there before the file is open

    def close(self) -> None:
        self.player.close()
        self.transport.close()
        self.other.close()
