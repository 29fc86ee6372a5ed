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

"""REP-155 (ROS4HRI): the topics of hri_face_detect and of hri_emotion_recognizer."""

from __future__ import annotations

import time
from typing import Any

from fer_ros.bridges import definitions
from fer_ros.bridges.affect import expected_affect
from fer_ros.bridges.cameras import MOST_CAMERAS
from fer_ros.bridges.definitions import build
from fer_ros.bridges.faces import FaceTopics
from fer_ros.bridges.images import RecentImages
from fer_ros.transport import messages
from fer_ros.transport.base import Publisher, Qos, Transport
from fer_ros.transport.codec import encode
from fer_ros.transport.messages import time_ns

IDS = "hri_msgs/msg/IdsList"
REGION = "hri_msgs/msg/NormalizedRegionOfInterest2D"
LANDMARKS = "hri_msgs/msg/FacialLandmarks"
EXPRESSION = "hri_msgs/msg/Expression"

EXPRESSIONS = {
    "angry": "angry", "disgust": "disgusted", "fear": "scared", "happy": "happy", "sad": "sad",
    "surprise": "surprised", "neutral": "neutral",
}  # fmt: skip
"""Our labels in REP-155's words. It has none for contempt nor for uncertain: empty there."""

_PLACES = (68, 69, 30, 48, 54)
"""Right and left pupil, nose, right and left corner of the mouth, of FacialLandmarks' 70."""

_SILENCE = 1.0
"""A camera that is silent for longer has no faces [s]."""


class HriBridge:
    """``/humans/faces/tracked``, and ``roi``, ``cropped``, ``landmarks``, ``expression`` a face."""

    def __init__(self, transport: Transport) -> None:
        """Open the list of faces.

        Raises:
            TransportError: hri_msgs is not installed (on ROS 2).
        """
        definitions.use("hri_msgs")
        self._transport = transport
        self._tracked = transport.publisher("/humans/faces/tracked", IDS, Qos(depth=10))
        self._faces = FaceTopics(self._open)
        self._cameras: dict[str, tuple[float, list[str]]] = {}
        """By camera when its newest result came, and who is in it; with faces only."""
        self._images = RecentImages(transport)

    def _open(self, track_id: str) -> dict[str, Publisher]:
        kinds = {
            "roi": REGION, "cropped": messages.IMAGE, "landmarks": LANDMARKS,
            "expression": EXPRESSION,
        }  # fmt: skip
        return {
            name: self._transport.publisher(f"/humans/faces/{track_id}/{name}", kind, Qos(depth=10))
            for name, kind in kinds.items()
        }

    def update(self, array: Any) -> None:
        """Publish the faces of an EmotionArray."""
        stamp = time_ns(array.header.stamp)
        ids = [face.track_id for face in array.faces]
        self._faces.see(ids, array.source_topic, stamp)
        now = time.monotonic()
        self._cameras[array.source_topic] = now, [i for i in ids if i in self._faces]
        self._cameras = {
            camera: (seen, there)
            for camera, (seen, there) in self._cameras.items()
            if there and now - seen <= _SILENCE
        }
        while len(self._cameras) > MOST_CAMERAS:
            del self._cameras[next(iter(self._cameras))]
        there = sorted({each for _, found in self._cameras.values() for each in found})
        self._tracked.publish(encode(build(IDS, header=array.header, ids=there)))
        for face in array.faces:
            if face.track_id in self._faces:
                self._publish(face, array)
        self._crop(array, stamp)

    def silence(self) -> None:
        """Publish an empty list of faces, and close the topics of all faces."""
        self._cameras = {}
        self._faces.close()
        header = messages.header(self._transport.now_ns(), "")
        self._tracked.publish(encode(build(IDS, header=header)))

    def _publish(self, face: Any, array: Any) -> None:
        name, header = face.track_id, array.header
        width, height = max(array.width, 1), max(array.height, 1)
        roi = face.roi
        region = build(
            REGION,
            header=header,
            xmin=roi.x_offset / width,
            ymin=roi.y_offset / height,
            xmax=min((roi.x_offset + roi.width) / width, 1.0),
            ymax=min((roi.y_offset + roi.height) / height, 1.0),
            c=float(face.detection_confidence),
        )
        self._faces.publish(name, "roi", region)
        if len(face.landmarks) == len(_PLACES):
            self._faces.publish(name, "landmarks", _landmarks(face, header, width, height))
        affect = expected_affect(array.labels, face.smoothed_probabilities)
        word = EXPRESSIONS.get(face.label, "")
        # The message has no field for the age of a prediction but its stamp.
        predicted_ns = max(time_ns(header.stamp) - round(face.prediction_age_ms * 1e6), 0)
        expression = build(
            EXPRESSION,
            header=messages.header(predicted_ns, header.frame_id),
            expression=word,
            valence=affect.valence,
            arousal=affect.arousal,
            confidence=float(face.confidence) if word else 0.0,
        )
        self._faces.publish(name, "expression", expression)

    def _crop(self, array: Any, stamp_ns: int) -> None:
        """Cut the faces out, for those that are subscribed to; else let the images go."""
        wanted = [
            (face, publisher)
            for face in array.faces
            if (publisher := self._faces.get(face.track_id, "cropped")) is not None
            and publisher.subscription_count()
        ]
        if not wanted:
            self._images.forget(array.source_topic)
            return
        image = self._images.get(array.source_topic, stamp_ns)
        if image is None:
            return
        for face, publisher in wanted:
            roi = face.roi
            rows = slice(roi.y_offset, roi.y_offset + roi.height)
            part = image[rows, roi.x_offset : roi.x_offset + roi.width]
            if part.size:
                cropped = messages.image(part, stamp_ns, array.header.frame_id)
                publisher.publish(encode(cropped))

    def close(self) -> None:
        """Leave the topics."""
        self._images.close()
        self._faces.close()
        self._tracked.close()


def _landmarks(face: Any, header: Any, width: int, height: int) -> Any:
    point = "hri_msgs/msg/NormalizedPointOfInterest2D"
    points = [build(point) for _ in range(70)]
    for place, found in zip(_PLACES, face.landmarks):
        points[place] = build(
            point,
            x=min(max(found.x / width, 0.0), 1.0),
            y=min(max(found.y / height, 0.0), 1.0),
            c=float(face.detection_confidence),
        )
    return build(LANDMARKS, header=header, landmarks=points, height=height, width=width)
