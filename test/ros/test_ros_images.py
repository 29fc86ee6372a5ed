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

"""Images in, emotions and diagnostics out, between rclpy nodes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from observing import wait_for

from fer_ros.sources.scene import demo_scene

pytestmark = pytest.mark.ros


def best_effort():
    from rclpy.qos import qos_profile_sensor_data

    return qos_profile_sensor_data


def image_message(pixels: np.ndarray, stamp: tuple[int, int], encoding: str = "bgr8"):
    from sensor_msgs.msg import Image

    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.header.frame_id = "head_camera"
    message.header.stamp.sec, message.header.stamp.nanosec = stamp
    message.step = pixels.nbytes // pixels.shape[0]
    message.data.frombytes(np.ascontiguousarray(pixels).tobytes())
    return message


def value(status, key: str) -> str | None:
    return next((each.value for each in status.values if each.key == key), None)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return demo_scene(640, 480).render(0.5)[0]


@pytest.fixture
def camera(observer):
    """Publish messages again and again, each a while after the other, until the test ends."""
    stop = threading.Event()
    threads = []

    def publish(message, topic: str = "/image_raw", qos=10) -> threading.Event:
        publisher = observer.node.create_publisher(type(message), topic, qos)
        over = threading.Event()

        def run() -> None:
            while not stop.is_set() and not over.wait(0.05):
                publisher.publish(message)
            observer.node.destroy_publisher(publisher)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return over

    yield publish
    stop.set()
    for thread in threads:
        thread.join()


def test_every_image_gets_a_result_with_its_own_header(emotion_node, observer, camera, picture):
    from fer_ros.msg import EmotionArray

    emotion_node()
    observer.activate()
    answers = observer.listen(EmotionArray, "/fer/emotions")
    camera(image_message(picture, (12, 34)))
    answer = wait_for(lambda: answers and answers[-1], "an answer")
    assert (answer.header.stamp.sec, answer.header.stamp.nanosec) == (12, 34)
    assert answer.header.frame_id == "head_camera"
    assert answer.source_topic == "/image_raw"
    assert (answer.width, answer.height) == (640, 480)
    assert len(answer.labels) == 7
    assert answer.faces
    for face in answer.faces:
        assert len(face.probabilities) == len(answer.labels)
        assert sum(face.smoothed_probabilities) == pytest.approx(1.0, abs=1e-4)
        assert face.roi.x_offset + face.roi.width <= 640


def test_several_cameras_and_compressed_images(emotion_node, observer, camera, picture):
    import cv2
    from fer_ros.msg import EmotionArray
    from sensor_msgs.msg import CompressedImage

    emotion_node("-p", "image_topics:=[/left,/right/compressed]")
    observer.activate()
    answers = observer.listen(EmotionArray, "/fer/emotions")
    camera(image_message(picture, (1, 0)), "/left")
    jpeg = CompressedImage(format="jpeg")
    jpeg.data.frombytes(cv2.imencode(".jpg", picture)[1].tobytes())
    camera(jpeg, "/right/compressed", best_effort())
    wait_for(
        lambda: {each.source_topic for each in answers} == {"/left", "/right/compressed"},
        "answers to both cameras",
    )


def test_encodings_that_are_no_plain_view_are_converted(emotion_node, observer, camera, picture):
    from fer_ros.msg import EmotionArray

    emotion_node()
    observer.activate()
    answers = observer.listen(EmotionArray, "/fer/emotions")
    small = np.ascontiguousarray(picture[::2, ::2])  # a wide VGA image may outgrow UDP's buffers
    camera(image_message(small.astype(np.uint16) * 256, (5, 0), "bgr16"))
    answer = wait_for(lambda: answers and answers[-1], "an answer to a bgr16 image")
    assert (answer.width, answer.height) == (320, 240)
    assert answer.faces


def test_cv_bridge_converts_and_declines(ros, picture):
    pytest.importorskip("cv_bridge", reason="needs cv_bridge")
    import rclpy.logging
    from rclpy.serialization import serialize_message

    from fer_ros.transport.ros2.images import CvBridgeConverter

    convert = CvBridgeConverter(rclpy.logging.get_logger("test"))
    grey = picture[..., 0].astype(np.uint16) * 256
    found = convert(serialize_message(image_message(grey, (0, 0), "mono16")))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - picture[..., 0]).max() <= 1
    assert convert(serialize_message(image_message(picture, (0, 0), "smoke"))) is None
    assert convert(b"\x00\x01\x00\x00") is None


def test_the_age_is_measured_on_the_simulated_clock(emotion_node, observer, camera, picture):
    from fer_ros.msg import EmotionArray
    from rosgraph_msgs.msg import Clock

    emotion_node("-p", "use_sim_time:=true")
    observer.activate()
    answers = observer.listen(EmotionArray, "/fer/emotions")
    clock = Clock()
    clock.clock.sec = 1000
    camera(clock, "/clock")
    camera(image_message(picture, (999, 500_000_000)))
    wait_for(
        lambda: answers and answers[-1].age_ms == pytest.approx(500.0),
        "an age of half a second of simulated time",
    )


def test_a_camera_that_nobody_publishes_is_named_with_those_that_exist(
    emotion_node, observer, camera, picture
):
    node = emotion_node("-p", "image_topics:=[/camera/wrong]")
    camera(image_message(picture, (1, 0)), "/camera/right")
    observer.activate()
    node.says("nobody publishes /camera/wrong yet; camera topics there are: /camera/right")


def test_what_was_not_sent_anew_is_dropped_and_counted(observer):
    """As rclpy hands it over again and again on Fast DDS after losses."""
    from fer_ros.transport.base import Qos
    from fer_ros.transport.ros2.node import RosTransport

    transport = RosTransport(observer.node)
    arrived: list[bytes] = []
    subscription = transport.subscribe("/a", "std_msgs/msg/String", Qos(), arrived.append)
    for data, sent_at in ((b"a", 1), (b"a", 1), (b"", 0), (b"a", 2), (b"b", 0), (b"b", 0)):
        subscription._deliver(data, {"source_timestamp": sent_at})
    assert arrived == [b"a", b"a", b"b", b"b"]
    assert subscription.repeated() == 2
    transport.close()


def test_disabled_images_are_dropped_and_counted(emotion_node, observer, camera, picture):
    from fer_ros.msg import EmotionArray

    emotion_node("-p", "enabled:=false", "-p", "diagnostics_period:=0.2")
    observer.activate()
    answers = observer.listen(EmotionArray, "/fer/emotions")
    status = observer.diagnostics()
    camera(image_message(picture, (1, 0)))

    def dropped() -> int:
        found = status("camera /image_raw")
        return int(value(found, "dropped.disabled") or 0) if found else 0

    wait_for(lambda: dropped() > 2, "dropped images")
    assert not answers
    assert observer.set_parameters(enabled=True)[0].successful
    wait_for(lambda: answers, "an answer after images are processed again")


def test_an_incompatible_qos_is_reported_by_name_and_forgotten(
    emotion_node, observer, camera, picture
):
    node = emotion_node("-p", "image_reliability:=reliable", "-p", "diagnostics_period:=0.2")
    observer.activate()
    status = observer.diagnostics()

    def incompatible() -> str | None:
        found = status("camera /image_raw")
        return value(found, "incompatible_qos") if found else None

    over = camera(image_message(picture, (1, 0)), qos=best_effort())
    wait_for(lambda: incompatible() == "RELIABILITY", "the policy's name in diagnostics")
    node.says("incompatible QoS (RELIABILITY)")
    over.set()
    wait_for(lambda: incompatible() == "", "diagnostics without it")


def test_a_subscriber_that_asks_for_too_much_is_reported(emotion_node, observer):
    from fer_ros.msg import EmotionArray

    emotion_node("-p", "emotions_reliability:=best_effort", "-p", "diagnostics_period:=0.2")
    observer.activate()
    status = observer.diagnostics()
    observer.listen(EmotionArray, "/fer/emotions", 10)
    wait_for(
        lambda: (found := status("fer: node")) and "RELIABILITY" in found.message,
        "the policy's name in diagnostics",
    )


def test_users_may_override_the_qos(emotion_node, observer, camera, picture):
    from rclpy.qos import QoSReliabilityPolicy

    emotion_node(
        *("-p", "qos_overrides./image_raw.subscription.reliability:=reliable"),
        *("-p", "qos_overrides./fer/emotions.publisher.depth:=3"),
    )
    observer.activate()
    (info,) = wait_for(
        lambda: observer.node.get_subscriptions_info_by_topic("/image_raw"), "the subscription"
    )
    assert info.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE
    assert observer.change("deactivate")
    assert observer.change("activate")


def test_the_annotated_image_comes_while_somebody_listens(emotion_node, observer, camera, picture):
    from sensor_msgs.msg import Image

    emotion_node()
    observer.activate()
    camera(image_message(picture, (7, 0)))
    pictures = observer.listen(Image, "/fer/image_annotated")
    drawn = wait_for(lambda: pictures and pictures[-1], "an annotated image")
    assert (drawn.width, drawn.height, drawn.encoding) == (640, 480, "bgr8")
    assert drawn.header.stamp.sec == 7
    assert bytes(drawn.data) != picture.tobytes()
