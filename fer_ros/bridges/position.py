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

"""Where every face is and which way it looks, for cameras with a CameraInfo."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_ros.bridges.definitions import build
from fer_ros.bridges.faces import FaceTopics
from fer_ros.perception.head_pose import Camera, HeadPose, head_pose
from fer_ros.transport.base import Publisher, Qos, Subscription, Transport
from fer_ros.transport.codec import DecodeError, decode, encode
from fer_ros.transport.messages import time_ns

POSE = "geometry_msgs/msg/PoseWithCovarianceStamped"
MARKERS = "visualization_msgs/msg/MarkerArray"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

_MODELS = ("plumb_bob", "rational_polynomial", "")
_SPHERE, _TEXT, _DELETE_ALL = 2, 9, 3
"""Values of visualization_msgs/Marker."""


@dataclass(frozen=True)
class _Calibration:
    camera: Camera
    width: int
    """Of the images that it is for [pixels]; 0: not said."""

    def for_width(self, width: int) -> Camera:
        """Return the camera of images scaled to a width."""
        if not self.width or width == self.width:
            return self.camera
        scaled = self.camera.matrix.copy()
        scaled[:2] *= width / self.width
        return Camera(scaled, self.camera.distortion)


class PositionBridge:
    """``fer/people/<track id>/pose``, and ``fer/people/markers`` for RViz."""

    def __init__(self, transport: Transport) -> None:
        """Open the markers' topic; cameras are listened to when their first answer comes."""
        self._transport = transport
        self._faces = FaceTopics(self._open)
        self._markers = transport.publisher("fer/people/markers", MARKERS, Qos(depth=1))
        self._cameras: dict[str, Subscription] = {}
        self._known: dict[str, _Calibration] = {}
        self._lock = threading.Lock()

    def _open(self, track_id: str) -> dict[str, Publisher]:
        topic = f"fer/people/{track_id}/pose"
        return {"pose": self._transport.publisher(topic, POSE, Qos(depth=10))}

    def update(self, array: Any) -> None:
        """Publish the poses of the faces with landmarks."""
        topic = array.source_topic
        if topic not in self._cameras:
            self._listen(topic)
        with self._lock:
            calibration = self._known.get(topic)
        if calibration is None:
            return
        camera = calibration.for_width(array.width)
        poses = []
        for face in array.faces:
            if len(face.landmarks) == 5:
                points = np.array([(point.x, point.y) for point in face.landmarks])
                pose = head_pose(points, camera)
                if pose is not None:
                    poses.append((face, pose))
        self._faces.see([face.track_id for face, _ in poses], time_ns(array.header.stamp))
        for face, pose in poses:
            self._faces.publish(face.track_id, "pose", _message(pose, array.header))
        if self._markers.subscription_count():
            self._markers.publish(encode(_marker_array(poses, array.header)))

    def silence(self) -> None:
        """Close the topics of all faces."""
        self._faces.close()

    def _listen(self, image_topic: str) -> None:
        """Subscribe to the CameraInfo beside an image topic."""
        base = image_topic.removesuffix("/compressed").rpartition("/")[0]
        rectified = "rect" in image_topic.rpartition("/")[2]
        topic = f"{base}/camera_info"

        problem = ""

        def take(data: bytes) -> None:
            nonlocal problem
            try:
                found = _calibration(decode(data, CAMERA_INFO), rectified)
            except (DecodeError, ValueError) as error:
                if str(error) != problem:
                    problem = str(error)
                    self._transport.log.warning(f"{topic} cannot be used: {problem}")
                return
            with self._lock:
                self._known[image_topic] = found

        self._cameras[image_topic] = self._transport.subscribe(
            topic, CAMERA_INFO, Qos("best_effort", 1), take
        )
        self._transport.log.info(f"positions of faces need {topic}")

    def close(self) -> None:
        """Leave the topics."""
        for subscription in self._cameras.values():
            subscription.close()
        self._faces.close()
        self._markers.close()


def _calibration(info: Any, rectified: bool) -> _Calibration:
    """Read a CameraInfo; of a rectified image P counts, and there is no distortion.

    Raises:
        ValueError: The camera is not calibrated, or its distortion model is not known here.
    """
    if rectified:
        matrix = np.array(info.p, np.float64).reshape(3, 4)[:, :3]
        distortion = np.zeros(0)
    else:
        matrix = np.array(info.k, np.float64).reshape(3, 3)
        distortion = np.array(info.d, np.float64)
        if info.distortion_model not in _MODELS:
            raise ValueError(
                f"the distortion model {info.distortion_model!r} is not known; use the rectified "
                "image"
            )
    if not (np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise ValueError("the camera is not calibrated (its focal length is 0)")
    return _Calibration(Camera(matrix, distortion), int(info.width))


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
