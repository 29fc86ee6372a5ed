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

"""``foxglove_msgs/ImageAnnotations``: annotations that Foxglove draws over the camera's image."""

from __future__ import annotations

from typing import Any

from fer_ros.bridges import definitions
from fer_ros.bridges.definitions import build
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.transport.base import Qos, Transport
from fer_ros.transport.codec import encode

ANNOTATIONS = "foxglove_msgs/msg/ImageAnnotations"
POINTS, LINE_LOOP = 1, 2
"""Values of PointsAnnotation.type."""

_CERTAIN, _UNCERTAIN = (0.9, 0.62, 0.0), (0.6, 0.6, 0.6)
"""Orange of the palette of Okabe and Ito, which people with any colour vision tell from grey."""


class FoxgloveBridge:
    """``fer/annotations``."""

    def __init__(self, transport: Transport) -> None:
        """Open the topic.

        Raises:
            TransportError: foxglove_msgs is not installed (on ROS 2).
        """
        definitions.use("foxglove_msgs")
        self._publisher = transport.publisher("fer/annotations", ANNOTATIONS, Qos(depth=10))

    def update(self, array: Any) -> None:
        """Publish the faces of an EmotionArray."""
        stamp = array.header.stamp
        points = [drawn for face in array.faces for drawn in _outlines(face, stamp)]
        texts = [_text(face, stamp) for face in array.faces]
        self._publisher.publish(encode(build(ANNOTATIONS, points=points, texts=texts)))

    def silence(self) -> None:
        """Do nothing: the messages are about single images."""

    def close(self) -> None:
        """Leave the topic."""
        self._publisher.close()


def _outlines(face: Any, stamp: Any) -> list[Any]:
    roi = face.roi
    left, top = float(roi.x_offset), float(roi.y_offset)
    right, bottom = left + roi.width, top + roi.height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    thickness = max(roi.height / 60, 1.0)
    drawn = [_points(stamp, LINE_LOOP, corners, _color(face), thickness)]
    if face.landmarks:
        places = [(float(p.x), float(p.y)) for p in face.landmarks]
        drawn.append(_points(stamp, POINTS, places, _color(face), 2 * thickness))
    return drawn


def _points(
    stamp: Any, kind: int, places: list[tuple[float, float]], color: Any, size: float
) -> Any:
    return build(
        "foxglove_msgs/msg/PointsAnnotation",
        timestamp=stamp,
        type=kind,
        points=[_point(x, y) for x, y in places],
        outline_color=color,
        thickness=size,
    )


def _text(face: Any, stamp: Any) -> Any:
    words = face.label if face.label == UNCERTAIN else f"{face.label} {face.confidence:.0%}"
    return build(
        "foxglove_msgs/msg/TextAnnotation",
        timestamp=stamp,
        position=_point(float(face.roi.x_offset), float(face.roi.y_offset)),
        text=f"{words}{_aged(face)}  {face.track_id}",
        font_size=max(face.roi.height / 8, 8.0),
        text_color=build("foxglove_msgs/msg/Color", r=1.0, g=1.0, b=1.0, a=1.0),
        background_color=build("foxglove_msgs/msg/Color", a=0.6),
    )


def _aged(face: Any) -> str:
    """Return the age of a face's prediction as text; empty where it is of this image."""
    return f" ({face.prediction_age_ms / 1e3:.1f} s ago)" if face.prediction_age_ms > 0 else ""


def _point(x: float, y: float) -> Any:
    return build("foxglove_msgs/msg/Point2", x=x, y=y)


def _color(face: Any) -> Any:
    red, green, blue = _UNCERTAIN if face.label == UNCERTAIN else _CERTAIN
    return build("foxglove_msgs/msg/Color", r=red, g=green, b=blue, a=1.0)
