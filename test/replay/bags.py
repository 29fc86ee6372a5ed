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

"""Real recordings for the tests of the replay, written with rosbags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from fer_ros.perception.types import Box
from fer_ros.sources.scene import Actor, Scene
from fer_ros.transport import codec, messages

START = 1_700_000_000_000_000_000
CAMERA = "/camera/image_raw"
LABELS = "/labels"
PERIOD = 33_333_333


class BagBuilder:
    """Adds messages to an open recording."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[str, object] = {}

    def raw(self, topic: str, type_name: str, data: bytes, time_ns: int) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, type_name, typestore=codec.typestore()
            )
        self._writer.write(self._connections[topic], time_ns, data)

    def image(self, image, stamp_ns: int, topic: str = CAMERA, time_ns: int | None = None) -> None:
        time_ns = stamp_ns if time_ns is None else time_ns
        if topic.endswith("/compressed"):
            _, jpeg = cv2.imencode(".jpg", image)
            message = messages.compressed_image(jpeg.tobytes(), stamp_ns, "camera")
        else:
            message = messages.image(image, stamp_ns, "camera")
        self.raw(topic, message.__msgtype__, codec.encode(message), time_ns)

    def label(
        self,
        label: str,
        stamp_ns: int,
        box: Box | None = None,
        track_id: str = "",
        camera: str = "",
    ) -> None:
        region = messages.message_class("sensor_msgs/msg/RegionOfInterest")
        values = (0, 0, 0, 0) if box is None else (box.x, box.y, box.height, box.width)
        x, y, height, width = (max(round(value), 0) for value in values)
        message = codec.message_class("fer_ros/msg/EmotionLabel")(
            header=messages.header(stamp_ns, ""),
            source_topic=camera,
            track_id=track_id,
            roi=region(x, y, height, width, False),
            label=label,
        )
        self.raw(LABELS, message.__msgtype__, codec.encode(message), stamp_ns)


@contextmanager
def recording(
    folder: Path, storage: str = "mcap", compression: str = "", version: int = 9
) -> Iterator[BagBuilder]:
    """Write a recording; compression is "", "file", "message" or (mcap only) "storage"."""
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    writer = Writer(folder, version=version, storage_plugin=plugin)
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        yield BagBuilder(writer)


def blank(seed: int = 0, width: int = 64, height: int = 48):
    """A small image without a face, different for each seed."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def one_actor(expressions: tuple[str, ...] = ("happy",), hold: float = 1.0) -> Scene:
    """One large face that plays through expressions, in a small picture."""
    return Scene(320, 240, (Actor(160, 120, 150, expressions, hold, sway=6.0),))


def scene_bag(
    folder: Path,
    scene: Scene,
    frames: int,
    labels: bool = True,
    period: int = PERIOD,
    topic: str = CAMERA,
    **options,
) -> Path:
    """Record a scene with a label message for every settled face of every image."""
    with recording(folder, **options) as bag:
        for index in range(frames):
            stamp = START + index * period
            picture, truth = scene.render(index * period / 1e9)
            bag.image(picture, stamp, topic)
            for face in truth if labels else ():
                bag.label(face.label if face.settled else "ignore", stamp, face.box)
    return folder
