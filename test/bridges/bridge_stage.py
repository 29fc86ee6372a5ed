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

"""A graph with bridges, a node that says what it sees, and somebody who hears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sample_faces import sample_face
from support import wait_for

from fer_ros.bridges.definitions import build
from fer_ros.bridges.node import BridgeNode
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.types import (
    STAGES,
    Box,
    FaceEmotion,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

SECOND = 1_000_000_000

POINTS = np.array([[230, 110], [270, 110], [250, 130], [235, 150], [265, 150]], np.float32)


def found(
    track_id: str, label: str = "happy", landmarks=POINTS, box: Box | None = None,
    labels: tuple[str, ...] = FER2013,
) -> FaceEmotion:  # fmt: skip
    box = box or Box(200.0, 80.0, 100.0, 120.0)
    return sample_face(track_id, label, box=box, landmarks=landmarks, labels=labels)


class Stage:
    def __init__(self, *names: str) -> None:
        self.graph = MemoryGraph()
        self.transport = MemoryTransport(self.graph, "bridges")
        self.other = MemoryTransport(self.graph, "other")
        self.emotions = self.other.publisher("/fer/emotions", messages.EMOTION_ARRAY, Qos())
        self.node = BridgeNode(self.transport, names)
        self.stamp = 1000 * SECOND

    def hear(self, topic: str, kind: str) -> list:
        heard: list = []
        self.other.subscribe(topic, kind, Qos(depth=100), lambda d: heard.append(decode(d, kind)))
        return heard

    def see(self, *faces: FaceEmotion, topic="/cam/image_raw", labels=FER2013, after=0.1) -> None:
        self.stamp += round(after * SECOND)
        frame = Frame(np.zeros((480, 640), np.uint8), self.stamp, "optical", topic)
        times = StageTimes(**dict.fromkeys(STAGES, 1.0))
        origin = Origin(labels, "m", "0" * 64, "yunet")
        array = messages.emotion_array(FrameResult(frame, list(faces), times), origin, 5.0)
        self.emotions.publish(encode(array))

    def close(self) -> None:
        self.node.close()
        self.transport.close()
        self.other.close()

    def topics(self) -> set[str]:
        return {topic.name for topic in self.other.published_topics()}


def camera_info(width: int = 640, **changes):
    k = np.array([600.0, 0, 320, 0, 600, 240, 0, 0, 1])
    values = {"k": k, "d": np.zeros(5), "distortion_model": "plumb_bob", "height": 480, **changes}
    return build("sensor_msgs/msg/CameraInfo", width=width, **values)


def test_an_older_prediction_is_not_passed_off_as_new(stage):
    here = stage("hri", "people", "foxglove")
    signals = here.hear("/fer/people/a/signals", "fer_ros/msg/FaceSignals")
    faces = here.hear("/humans/faces/a/expression", "hri_msgs/msg/Expression")
    texts = here.hear("/fer/annotations", "foxglove_msgs/msg/ImageAnnotations")
    here.see(replace(found("a"), prediction_age_ms=250.0))
    wait_for(lambda: signals and faces and texts)
    assert signals[0].prediction_age_ms == 250.0
    assert messages.time_ns(signals[0].header.stamp) == here.stamp
    assert messages.time_ns(faces[0].header.stamp) == here.stamp - SECOND // 4
    assert texts[0].texts[0].text == "happy 80% (0.2 s ago)  a"
