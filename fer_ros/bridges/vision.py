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

"""``vision_msgs/Detection2DArray``: the standard message of detectors."""

from __future__ import annotations

from typing import Any

from fer_ros.bridges import definitions
from fer_ros.bridges.definitions import build
from fer_ros.transport.base import Qos, Transport
from fer_ros.transport.codec import encode

ARRAY = "vision_msgs/msg/Detection2DArray"


class VisionBridge:
    """``fer/detections``: a detection a face, its class the label and its id the track's."""

    def __init__(self, transport: Transport) -> None:
        """Open the topic.

        Raises:
            TransportError: vision_msgs is not installed (on ROS 2).
        """
        definitions.use("vision_msgs")
        self._publisher = transport.publisher("fer/detections", ARRAY, Qos(depth=10))

    def update(self, array: Any) -> None:
        """Publish the faces of an EmotionArray, under its header."""
        faces = [_detection(face, array.header) for face in array.faces]
        self._publisher.publish(encode(build(ARRAY, header=array.header, detections=faces)))

    def silence(self) -> None:
        """Do nothing: the messages are about single images."""

    def close(self) -> None:
        """Leave the topic."""
        self._publisher.close()


def _detection(face: Any, header: Any) -> Any:
    roi = face.roi
    center = build(
        "vision_msgs/msg/Pose2D",
        position=build(
            "vision_msgs/msg/Point2D",
            x=roi.x_offset + roi.width / 2,
            y=roi.y_offset + roi.height / 2,
        ),
    )
    hypothesis = build(
        "vision_msgs/msg/ObjectHypothesis", class_id=face.label, score=float(face.confidence)
    )
    return build(
        "vision_msgs/msg/Detection2D",
        header=header,
        results=[build("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis)],
        bbox=build(
            "vision_msgs/msg/BoundingBox2D",
            center=center,
            size_x=float(roi.width),
            size_y=float(roi.height),
        ),
        id=face.track_id,
    )
