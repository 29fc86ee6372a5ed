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

"""Bridges in a graph: what subscribers of other standards get, and when."""

from __future__ import annotations

import math
from contextlib import suppress

import cv2
import numpy as np
import pytest
from bridge_stage import POINTS, SECOND, camera_info, found
from packets import encoded
from support import smiling, wait_for

from fer_ros.bridges import definitions
from fer_ros.bridges.affect import COORDINATES, expected_affect
from fer_ros.bridges.faces import MAX_FACES
from fer_ros.bridges.node import BRIDGES, BridgeNode
from fer_ros.perception.emotions import FER2013, FERPLUS, KNOWN
from fer_ros.perception.head_pose import MODEL
from fer_ros.transport import codec, messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, compressed_video

PUBLISHED = {
    "vision_msgs/msg/Detection2DArray":
        "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "hri_msgs/msg/IdsList":
        "RIHS01_7e0812d1ac945c98fd3e393568d581ad0ab567f37b24eff633eab778c1bfe62d",
    "hri_msgs/msg/NormalizedRegionOfInterest2D":
        "RIHS01_2e50c93f1ca166ee77af9a5424dc951ae4e452b740162a7f83c082d917dcaff5",
    "hri_msgs/msg/FacialLandmarks":
        "RIHS01_f1d6b0ba159f4d6be1632e5dfc9cb79ce5e35da73888da2a4789bd9b35112a63",
    "hri_msgs/msg/Expression":
        "RIHS01_411b88e0604397d44775d8ec6a4bc69398fb0dfbfe864c33a40fa99ee85f1b00",
    "foxglove_msgs/msg/ImageAnnotations":
        "RIHS01_47c6c0891ba263ec1b20d9b785c4261d4bc41051cbcc01668130e36aa2dcaee3",
}  # fmt: skip
"""Hashes of the published definitions: vision_msgs 4 (branch ros2, January 2024), hri_msgs (2.0.0,
2.1.0 and 2.3.2 as released), foxglove_msgs (foxglove/schemas, February 2025)."""


@pytest.mark.parametrize("type_name", PUBLISHED)
def test_definitions_are_the_published_ones(type_name):
    definitions.use(type_name.partition("/")[0])
    assert codec.type_hash(type_name) == PUBLISHED[type_name]


def test_an_installed_package_is_asked_first(tmp_path, monkeypatch):
    folder = tmp_path / "share" / "vision_msgs" / "msg"
    folder.mkdir(parents=True)
    (folder / "Point2D.msg").write_text("float64 x\nfloat64 y\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert definitions.use("vision_msgs") == str(tmp_path)
    monkeypatch.delenv("AMENT_PREFIX_PATH")
    assert definitions.use("vision_msgs") == "fer_ros"


def test_detections_carry_label_score_box_and_id_under_the_images_header(stage):
    here = stage("vision")
    heard = here.hear("/fer/detections", "vision_msgs/msg/Detection2DArray")
    here.see(found("a"), found("b", "uncertain"))
    wait_for(lambda: heard)
    (array,) = heard
    assert messages.time_ns(array.header.stamp) == here.stamp
    assert array.header.frame_id == "optical"
    one, other = array.detections
    assert (one.id, one.results[0].hypothesis.class_id) == ("a", "happy")
    assert one.results[0].hypothesis.score == pytest.approx(0.8)
    assert (one.bbox.center.position.x, one.bbox.center.position.y) == (250, 140)
    assert (one.bbox.size_x, one.bbox.size_y) == (100, 120)
    assert other.results[0].hypothesis.class_id == "uncertain"
    here.see()
    wait_for(lambda: len(heard) == 2)
    assert heard[1].detections == []


def test_annotations_draw_boxes_landmarks_and_words(stage):
    here = stage("foxglove")
    heard = here.hear("/fer/annotations", "foxglove_msgs/msg/ImageAnnotations")
    here.see(found("a"), found("b", "uncertain", None))
    wait_for(lambda: heard)
    box, points, grey = heard[0].points
    assert [(p.x, p.y) for p in box.points] == [(200, 80), (300, 80), (300, 200), (200, 200)]
    assert (box.type, points.type, len(points.points)) == (2, 1, 5)
    assert messages.time_ns(box.timestamp) == here.stamp
    assert grey.outline_color.r == grey.outline_color.g == grey.outline_color.b
    assert [text.text for text in heard[0].texts] == ["happy 80%  a", "uncertain  b"]


def test_rep_155_topics_come_and_go_with_the_faces(stage):
    here = stage("hri")
    tracked = here.hear("/humans/faces/tracked", "hri_msgs/msg/IdsList")
    here.see(found("a"), found("b"))
    wait_for(lambda: tracked)
    assert tracked[0].ids == ["a", "b"]
    names = {f"/humans/faces/{i}/{n}" for i in "ab" for n in
             ("roi", "cropped", "landmarks", "expression")}  # fmt: skip
    assert names <= here.topics()
    here.see(found("a"))
    wait_for(lambda: len(tracked) == 2)
    assert tracked[1].ids == ["a"]
    assert "/humans/faces/b/roi" in here.topics(), "a face may be missed in an image"
    here.see(found("a"), after=1.5)
    wait_for(lambda: "/humans/faces/b/roi" not in here.topics())
    wait_for(lambda: tracked[-1].ids == [], 10)
    assert "/humans/faces/a/roi" not in here.topics(), "the node fell silent"


def test_rep_155_says_regions_landmarks_and_expressions_in_its_own_words(stage):
    here = stage("hri")
    regions = here.hear("/humans/faces/a/roi", "hri_msgs/msg/NormalizedRegionOfInterest2D")
    marks = here.hear("/humans/faces/a/landmarks", "hri_msgs/msg/FacialLandmarks")
    faces = here.hear("/humans/faces/a/expression", "hri_msgs/msg/Expression")
    for label in (*FER2013, "uncertain"):
        here.see(found("a", label))
    wait_for(lambda: len(faces) == 8)
    assert [each.expression for each in faces] == [
        "angry", "disgusted", "scared", "happy", "sad", "surprised", "neutral", "",
    ]  # fmt: skip
    assert faces[0].confidence == pytest.approx(0.8)
    assert faces[7].confidence == 0
    assert faces[3].valence > 0.5 > faces[4].valence
    assert messages.time_ns(faces[7].header.stamp) == here.stamp
    region = regions[0]
    box = (region.xmin, region.ymin, region.xmax, region.ymax)
    assert box == pytest.approx((200 / 640, 80 / 480, 300 / 640, 200 / 480))
    assert (marks[0].width, marks[0].height, len(marks[0].landmarks)) == (640, 480, 70)
    for place, (x, y) in zip((68, 69, 30, 48, 54), POINTS):
        point = marks[0].landmarks[place]
        assert (point.x * 640, point.y * 480) == pytest.approx((x, y), abs=0.01)
    assert sum(point.c > 0 for point in marks[0].landmarks) == 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image_raw", messages.IMAGE),
        ("image_raw/compressed", messages.COMPRESSED_IMAGE),
        ("view", COMPRESSED_VIDEO),
    ],
)
def test_faces_are_cropped_only_while_somebody_looks(stage, name, kind):
    here = stage("hri")
    topic = f"/cam/{name}"
    camera = here.other.publisher(topic, kind, Qos())
    picture = smiling()
    video = encoded([picture] * 40, qp="1") if kind == COMPRESSED_VIDEO else []

    def show() -> None:
        stamp = here.stamp + SECOND // 10
        if video:
            message = compressed_video(video.pop(0), stamp, "optical")
        elif kind == messages.COMPRESSED_IMAGE:
            png = cv2.imencode(".png", picture)[1].tobytes()
            message = messages.compressed_image(png, stamp, "optical")
        else:
            message = messages.image(picture, stamp, "optical")
        camera.publish(encode(message))

    show()
    here.see(found("a"), topic=topic)
    wait_for(lambda: "/humans/faces/a/cropped" in here.topics())
    assert camera.subscription_count() == 0
    crops: list = []
    subscription = here.other.subscribe(
        "/humans/faces/a/cropped", messages.IMAGE, Qos(),
        lambda data: crops.append(decode(data, messages.IMAGE)),
    )  # fmt: skip

    def looked() -> bool:
        show()
        (images,) = [b._images for b in here.node._bridges.values()]
        entry = images._cameras._places.get(topic)
        if entry is not None:
            with suppress(AssertionError):  # a video is not seen before its next key frame
                wait_for(lambda: entry.content[1], 0.5)
        here.see(found("a"), topic=topic)
        return bool(crops)

    wait_for(looked)
    assert (crops[0].width, crops[0].height, crops[0].encoding) == (100, 120, "bgr8")
    crop = np.asarray(crops[0].data).reshape(120, 100, 3).astype(int)
    worst = 12 if kind == COMPRESSED_VIDEO else 0  # colours of video are coarser
    assert np.abs(crop - picture[80:200, 200:300]).max() <= worst
    subscription.close()
    here.see(found("a"), topic=topic)
    wait_for(lambda: camera.subscription_count() == 0)


def test_signals_have_a_field_a_number(stage):
    here = stage("people")
    heard = here.hear("/fer/people/a/signals", "fer_ros/msg/FaceSignals")
    here.see(found("a"))
    wait_for(lambda: heard)
    assert heard[0].happy == pytest.approx(0.8)
    assert math.isnan(heard[0].contempt), "the network does not know it"
    assert heard[0].size == pytest.approx(0.25)
    assert heard[0].valence > 0.5


def test_positions_are_those_of_the_rendered_face(stage):
    here = stage("position")
    poses = here.hear("/fer/people/a/pose", "geometry_msgs/msg/PoseWithCovarianceStamped")
    markers = here.hear("/fer/people/markers", "visualization_msgs/msg/MarkerArray")
    infos = here.other.publisher("/cam/camera_info", "sensor_msgs/msg/CameraInfo", Qos())
    place = np.array([0.1, -0.05, 0.9])
    pixels = (MODEL + place) / (MODEL + place)[:, 2:] @ np.diag([600, 600, 1])
    landmarks = (pixels[:, :2] + (320, 240)).astype(np.float32)

    def told() -> bool:
        here.see(found("a", landmarks=landmarks))
        infos.publish(encode(camera_info()))
        return bool(poses)

    wait_for(told)
    pose = poses[0].pose
    spot = pose.pose.position
    assert (spot.x, spot.y, spot.z) == pytest.approx(place, abs=1e-3)
    turn = pose.pose.orientation
    assert _rotated(turn, (1, 0, 0)) == pytest.approx((0, 0, -1), abs=1e-3)
    assert _rotated(turn, (0, 0, 1)) == pytest.approx((0, -1, 0), abs=1e-3)
    spread = np.sqrt(np.linalg.eigvalsh(np.asarray(pose.covariance).reshape(6, 6)[:3, :3]))
    assert spread.max() == pytest.approx(0.067 * np.linalg.norm(place), rel=0.05)
    wait_for(lambda: markers)
    assert [m.text for m in markers[-1].markers if m.text] == ["a happy 0.9 m"]


def _rotated(q, vector):
    v, axis = np.array(vector, float), np.array([q.x, q.y, q.z])
    return tuple(v + 2 * np.cross(axis, np.cross(axis, v) + q.w * v))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": np.zeros(9)}, "not calibrated"),
        ({"distortion_model": "equidistant"}, "use the rectified image"),
    ],
)
def test_a_camera_info_that_cannot_be_used_is_said_once(stage, caplog, changes, said):
    here = stage("position")
    infos = here.other.publisher("/cam/camera_info", "sensor_msgs/msg/CameraInfo", Qos())
    here.see(found("a"))
    wait_for(lambda: infos.subscription_count())
    with caplog.at_level("WARNING"):
        infos.publish(encode(camera_info(**changes)))
        infos.publish(encode(camera_info(**changes)))
        wait_for(lambda: said in caplog.text)
    here.see(found("a"))
    assert caplog.text.count(said) == 1


def test_images_scaled_after_the_calibration_are_understood(stage):
    here = stage("position")
    poses = here.hear("/fer/people/a/pose", "geometry_msgs/msg/PoseWithCovarianceStamped")
    infos = here.other.publisher("/cam/camera_info", "sensor_msgs/msg/CameraInfo", Qos())
    double = camera_info(1280, height=960, k=np.array([1200.0, 0, 640, 0, 1200, 480, 0, 0, 1]))
    points = MODEL + np.array([0, 0, 1.0])
    pixels = points / points[:, 2:] * 600 + np.array([320, 240, 0])

    def told() -> bool:
        here.see(found("a", landmarks=pixels[:, :2].astype(np.float32)))
        infos.publish(encode(double))
        return bool(poses)

    wait_for(told)
    assert poses[0].pose.pose.position.z == pytest.approx(1.0, abs=1e-3)


def test_a_crowd_has_topics_for_some_and_odd_names_for_none(stage):
    here = stage("people", "hri")
    tracked = here.hear("/humans/faces/tracked", "hri_msgs/msg/IdsList")
    here.see(found("a/b"), found("1a"), *(found(f"f{i}") for i in range(MAX_FACES + 10)))
    wait_for(lambda: tracked)
    assert len(tracked[0].ids) == MAX_FACES
    assert "a/b" not in tracked[0].ids


def test_a_bridge_that_fails_leaves_the_others_alone(stage, monkeypatch, caplog):
    here = stage("vision", "foxglove")
    heard = here.hear("/fer/annotations", "foxglove_msgs/msg/ImageAnnotations")

    def fail(_):
        raise RuntimeError("broken")

    monkeypatch.setattr(here.node._bridges["vision"], "update", fail)
    with caplog.at_level("ERROR"):
        here.see(found("a"))
        wait_for(lambda: heard)
    assert "bridge vision failed: RuntimeError: broken" in caplog.text


def test_names_of_bridges_are_checked():
    transport = MemoryTransport(MemoryGraph(), "bridges")
    with pytest.raises(ValueError, match=f"no bridge 'hry'; there are {', '.join(BRIDGES)}"):
        BridgeNode(transport, ["hry"])
    with pytest.raises(ValueError, match="no bridge is named"):
        BridgeNode(transport, [])


def test_affect_is_the_expected_value_and_every_expression_has_a_place():
    assert COORDINATES.keys() == KNOWN
    assert expected_affect(["happy"], [1.0]) == expected_affect(["happy", "other"], [0.5, 0.5])
    half = expected_affect(["happy", "sad"], [0.5, 0.5])
    assert (half.valence, half.arousal) == pytest.approx((0.09, 0.12))
    even = expected_affect(FERPLUS, [1 / 8] * 8)
    assert abs(even.valence) < 0.3
    assert expected_affect([], []).valence == 0.0
