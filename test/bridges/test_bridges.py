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

import logging
import math
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from support import smiling, wait_for

from fer_ros.bridges import definitions
from fer_ros.bridges.affect import COORDINATES, expected_affect
from fer_ros.bridges.cameras import FORGET_AFTER, MOST_CAMERAS, Cameras
from fer_ros.bridges.definitions import build
from fer_ros.bridges.faces import MAX_FACES
from fer_ros.bridges.node import BRIDGES, BridgeNode
from fer_ros.perception.emotions import FER2013, FERPLUS, KNOWN
from fer_ros.perception.head_pose import MODEL
from fer_ros.perception.types import (
    STAGES,
    Box,
    Face,
    FaceEmotion,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.transport import codec, messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

SECOND = 1_000_000_000

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
"""Hashes of the published definitions: vision_msgs 4 (branch ros2, January 2024), hri_msgs 2.0.0
(branch humble-devel), foxglove_msgs (foxglove/schemas, February 2025)."""

POINTS = np.array([[230, 110], [270, 110], [250, 130], [235, 150], [265, 150]], np.float32)


def found(
    track_id: str, label: str = "happy", landmarks=POINTS, box: Box | None = None,
    labels: tuple[str, ...] = FER2013,
) -> FaceEmotion:  # fmt: skip
    p = np.full(len(labels), 0.2 / (len(labels) - 1), np.float32)
    p[labels.index(label) if label in labels else 0] = 0.8
    face = Face(box or Box(200.0, 80.0, 100.0, 120.0), 0.9, landmarks)
    return FaceEmotion(face, track_id, p, p, label, 0.8)


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


@pytest.fixture
def stage():
    stages = []

    def build_stage(*names: str) -> Stage:
        stages.append(Stage(*names))
        return stages[-1]

    yield build_stage
    for each in stages:
        each.close()


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


@pytest.mark.parametrize("compressed", [False, True])
def test_faces_are_cropped_only_while_somebody_looks(stage, compressed):
    here = stage("hri")
    topic = "/cam/image_raw" + ("/compressed" if compressed else "")
    kind = messages.COMPRESSED_IMAGE if compressed else messages.IMAGE
    camera = here.other.publisher(topic, kind, Qos())
    picture = smiling()

    def show() -> None:
        stamp = here.stamp + SECOND // 10
        if compressed:
            jpeg = cv2.imencode(".png", picture)[1].tobytes()
            camera.publish(encode(messages.compressed_image(jpeg, stamp, "optical")))
        else:
            camera.publish(encode(messages.image(picture, stamp, "optical")))

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
            wait_for(lambda: entry.content[1])
        here.see(found("a"), topic=topic)
        return bool(crops)

    wait_for(looked)
    assert (crops[0].width, crops[0].height, crops[0].encoding) == (100, 120, "bgr8")
    assert (np.asarray(crops[0].data).reshape(120, 100, 3) == picture[80:200, 200:300]).all()
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


def test_a_part_of_the_sensor_is_told_from_a_scaled_image(stage, caplog):
    here = stage("position")
    poses = here.hear("/fer/people/a/pose", "geometry_msgs/msg/PoseWithCovarianceStamped")
    infos = here.other.publisher("/cam/camera_info", "sensor_msgs/msg/CameraInfo", Qos())
    points = MODEL + np.array([0, 0, 1.0])
    pixels = points / points[:, 2:] * 1200 + np.array([320, 240, 0])
    part = build(
        "sensor_msgs/msg/RegionOfInterest", x_offset=320, y_offset=240, width=640, height=480
    )
    k = np.array([1200.0, 0, 640, 0, 1200, 480, 0, 0, 1])

    def told(**changes) -> None:
        here.see(found("a", landmarks=pixels[:, :2].astype(np.float32)))
        infos.publish(encode(camera_info(1280, height=960, k=k, **changes)))

    wait_for(lambda: told(roi=part) or poses)
    assert poses[0].pose.pose.position.z == pytest.approx(1.0, abs=1e-3)
    with caplog.at_level("WARNING"):
        wait_for(lambda: told(binning_y=2) or "cannot be used" in caplog.text)
    assert "it is for images of 1280x480, not of 640x480" in caplog.text


@pytest.mark.parametrize("name", ["position", "hri", "people"])
def test_results_that_name_ever_other_cameras_cost_a_bounded_number_of_places(stage, name, caplog):
    here = stage(name)
    crops = here.hear("/humans/faces/a/cropped", messages.IMAGE)
    heard = here.hear("/humans/faces/tracked", "hri_msgs/msg/IdsList")
    for number in range(200):
        here.see(found("a"), topic=f"/cam{number}/image_raw", after=0)
    here.see(found("b"), topic="not a topic/ at all", after=0)
    (bridge,) = here.node._bridges.values()
    if name == "position":
        wait_for(lambda: len(bridge._cameras) == MOST_CAMERAS)
        wait_for(lambda: "more than 32 cameras" in caplog.text)
        time.sleep(0.2)
        assert len(bridge._cameras) == MOST_CAMERAS
        assert caplog.text.count("more than 32 cameras") == 1
    if name == "hri":
        wait_for(lambda: heard and "b" in heard[-1].ids)
        assert len(bridge._cameras) <= MOST_CAMERAS
        assert heard[-1].ids == ["a", "b"]
        assert len(bridge._images._cameras) <= MOST_CAMERAS
    assert not crops


def test_places_of_silent_cameras_are_given_to_others():
    now, opened, closed = [0.0], [], []
    table = Cameras(
        lambda t: opened.append(t) or t, closed.append, logging.getLogger(), lambda: now[0]
    )
    for number in range(MOST_CAMERAS):
        assert table.get(f"/{number}") == f"/{number}"
    assert table.get("/new") is None
    now[0] = FORGET_AFTER + 1
    table.get("/1")
    assert table.get("/new") == "/new"
    assert closed == ["/0"]
    assert table.get("/1") == "/1"
    table.close()
    assert sorted(closed) == sorted(opened)


def test_stamps_of_one_camera_do_not_close_the_faces_of_another(stage):
    here = stage("people")
    for _ in range(3):
        here.see(found("a"), topic="/left/image_raw")
        here.stamp += 3600 * SECOND
        here.see(found("b"), topic="/right/image_raw")
        here.stamp -= 3600 * SECOND
        wait_for(lambda: {"/fer/people/a/signals", "/fer/people/b/signals"} <= here.topics())
    faces = here.node._bridges["people"]._faces
    assert set(faces._topics) == {"a", "b"}
