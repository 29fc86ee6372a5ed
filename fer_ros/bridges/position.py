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

"""Position and orientation of every face, for cameras with a CameraInfo."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from fer_ros.bridges.calibration import (
    CalibrationError,
    Calibrations,
    is_rectified,
    read_calibration,
)
from fer_ros.bridges.cameras import Cameras
from fer_ros.bridges.definitions import build
from fer_ros.bridges.faces import FaceTopics
from fer_ros.perception.head_pose import Camera, HeadPose, head_pose
from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Publisher, Qos, Subscription, Transport, TransportError
from fer_ros.transport.codec import DecodeError, decode, encode
from fer_ros.transport.image_topics import camera_of
from fer_ros.transport.messages import time_ns

POSE = "geometry_msgs/msg/PoseWithCovarianceStamped"
MARKERS = "visualization_msgs/msg/MarkerArray"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

_SPHERE, _TEXT, _DELETE_ALL = 2, 9, 3
"""Values of visualization_msgs/Marker."""


class PositionBridge:
    """``fer/people/<track id>/pose``, and ``fer/people/markers`` for RViz."""

    def __init__(self, transport: Transport) -> None:
        """Open the markers' topic; cameras are listened to when their first result comes."""
        self._transport = transport
        self._faces = FaceTopics(self._open)
        self._markers = transport.publisher("fer/people/markers", MARKERS, Qos(depth=1))
        self._cameras = Cameras(self._listen, _Listener.close, transport.log)

    def _open(self, track_id: str) -> dict[str, Publisher]:
        topic = f"fer/people/{track_id}/pose"
        return {"pose": self._transport.publisher(topic, POSE, Qos(depth=10))}

    def update(self, array: Any) -> None:
        """Publish the poses of the faces with landmarks."""
        listener = self._cameras.get(array.source_topic)
        camera = None if listener is None else listener.camera_of(array)
        if camera is None:
            return
        poses = []
        for face in array.faces:
            if len(face.landmarks) == 5:
                points = np.array([(point.x, point.y) for point in face.landmarks])
                pose = head_pose(points, camera)
                if pose is not None:
                    poses.append((face, pose))
        self._faces.see(
            [face.track_id for face, _ in poses], array.source_topic, time_ns(array.header.stamp)
        )
        for face, pose in poses:
            self._faces.publish(face.track_id, "pose", _message(pose, array.header))
        if self._markers.subscription_count():
            self._markers.publish(encode(_marker_array(poses, array.header)))

    def silence(self) -> None:
        """Close the topics of all faces."""
        self._faces.close()

    def _listen(self, image_topic: str) -> _Listener:
        return _Listener(self._transport, image_topic)

    def close(self) -> None:
        """Leave the topics."""
        self._cameras.close()
        self._faces.close()
        self._markers.close()


class _Listener:
    """Subscribes to the CameraInfo beside an image topic; logs once what cannot be used."""

    def __init__(self, transport: Transport, image_topic: str) -> None:
        self._log = transport.log
        self._rectified = is_rectified(image_topic)
        self._calibrations = Calibrations()
        self._problem = ""
        self._lock = threading.Lock()
        self._topic = f"{camera_of(image_topic).rpartition('/')[0]}/camera_info"
        self._subscription: Subscription | None = None
        try:
            self._subscription = transport.subscribe(
                self._topic, CAMERA_INFO, Qos("best_effort", 1), self._take
            )
        except TransportError as error:  # a result may name its camera by anything
            self._log.warning(f"no positions for {shortened(image_topic)}: {shortened(str(error))}")
        else:
            self._log.info(f"positions of faces need {self._topic}")

    def camera_of(self, array: Any) -> Camera | None:
        """Return the camera of the image of an EmotionArray; None while none fits."""
        with self._lock:
            calibration = self._calibrations.at(time_ns(array.header.stamp))
        if calibration is None:
            return None
        try:
            return calibration.for_image(array.width, array.height, array.header.frame_id)
        except CalibrationError as error:
            self._say(str(error))
            return None

    def close(self) -> None:
        """Leave the topic."""
        if self._subscription is not None:
            self._subscription.close()

    def _take(self, data: bytes) -> None:
        try:
            info = decode(data, CAMERA_INFO)
            calibration = read_calibration(info, self._rectified)
        except (DecodeError, CalibrationError) as error:
            self._say(str(error))
            return
        with self._lock:
            self._calibrations.add(calibration, time_ns(info.header.stamp))

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._log.warning(f"{self._topic} cannot be used: {problem}")


def _message(pose: HeadPose, header: Any) -> Any:
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = pose.position_covariance
    covariance[3:, 3:] = np.eye(3) * pose.angle_deviation**2
    message = build(POSE, header=header)
    message.pose.pose.position = _point(pose)
    x, y, z, w = _quaternion(pose.axes)
    message.pose.pose.orientation = build("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
    message.pose.covariance = covariance.ravel()
    return message


def _point(pose: HeadPose) -> Any:
    x, y, z = (float(value) for value in pose.position)
    return build("geometry_msgs/msg/Point", x=x, y=y, z=z)


def _quaternion(rotation: Any) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a rotation matrix, by its largest component (Shepperd 1978)."""
    r = rotation
    squares = np.array([
        1 + r[0, 0] - r[1, 1] - r[2, 2],
        1 - r[0, 0] + r[1, 1] - r[2, 2],
        1 - r[0, 0] - r[1, 1] + r[2, 2],
        1 + r[0, 0] + r[1, 1] + r[2, 2],
    ])  # fmt: skip
    rows = np.array([
        [squares[0], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
        [r[0, 1] + r[1, 0], squares[1], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
        [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], squares[2], r[1, 0] - r[0, 1]],
        [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], squares[3]],
    ])  # fmt: skip
    best = rows[squares.argmax()]
    x, y, z, w = (float(value) for value in best / np.linalg.norm(best))
    return x, y, z, w


def _marker_array(poses: list[tuple[Any, HeadPose]], header: Any) -> Any:
    marker = "visualization_msgs/msg/Marker"
    markers = [build(marker, header=header, action=_DELETE_ALL)]
    for index, (face, pose) in enumerate(poses):
        for kind, size, words in ((_SPHERE, 0.18, ""), (_TEXT, 0.08, _words(face, pose))):
            drawn = build(marker, header=header, ns="faces", id=2 * index + (kind == _TEXT))
            drawn.type, drawn.text = kind, words
            drawn.pose.position = _point(pose)
            drawn.pose.position.y -= 0.2 if kind == _TEXT else 0.0
            drawn.pose.orientation.w = 1.0
            drawn.scale.x = drawn.scale.y = drawn.scale.z = size
            drawn.color.r, drawn.color.g, drawn.color.a = 0.9, 0.62, 0.8
            markers.append(drawn)
    return build(MARKERS, markers=markers)


def _words(face: Any, pose: HeadPose) -> str:
    return f"{face.track_id} {face.label} {pose.distance:.1f} m"
