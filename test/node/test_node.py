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

"""The node on the in-process transport: what comes out, what is counted, what it survives."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import SECOND, Robot, smiling, wait_for

from fer_ros.node import core
from fer_ros.node.core import ConfigurationError
from fer_ros.node.parameters import ParameterError
from fer_ros.perception import annotate
from fer_ros.perception.emotions import FER2013, UNCERTAIN
from fer_ros.transport import messages


def test_an_image_with_a_face_is_processed_in_full(robot: Robot) -> None:
    robot.graph.set_time_ns(1000 * SECOND + 7_000_000)
    array = robot.answer(smiling(), stamp_ns=1000 * SECOND + 123)
    assert (array.header.stamp.sec, array.header.stamp.nanosec) == (1000, 123)
    assert array.header.frame_id == "camera"
    assert array.source_topic == "/image_raw"
    assert (array.width, array.height) == (640, 480)
    assert tuple(array.labels) == FER2013
    assert len(array.model_digest) == 64
    assert array.detector == "fer-face"
    assert array.age_ms == pytest.approx(7.0, abs=0.01)
    for stage in ("decode", "detect", "align", "classify", "track", "publish"):
        assert getattr(array, f"{stage}_ms") > 0
    (face,) = array.faces
    assert face.label == "happy"
    assert face.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert face.smoothed_probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert face.confidence == pytest.approx(face.smoothed_probabilities.max())
    assert abs(face.roi.x_offset + face.roi.width / 2 - 320) < 30
    assert abs(face.roi.y_offset + face.roi.height / 2 - 240) < 30


def test_nobody_there_is_a_result_too(robot: Robot) -> None:
    array = robot.answer(np.full((480, 640, 3), 128, np.uint8))
    assert list(array.faces) == []


def test_a_track_keeps_its_id_over_frames(robot: Robot) -> None:
    ids = set()
    for i in range(5):
        now = 1000 * SECOND + i * SECOND // 30
        robot.graph.set_time_ns(now)
        ids.add(robot.answer(smiling(x=300 + 4 * i)).faces[0].track_id)
    assert len(ids) == 1


def test_time_that_jumps_back_starts_new_tracks(robot: Robot) -> None:
    first = robot.answer(smiling()).faces[0].track_id
    robot.graph.set_time_ns(10 * SECOND)
    assert robot.answer(smiling()).faces[0].track_id != first


def test_track_ids_of_a_restarted_node_are_new(robot: Robot, build) -> None:
    first = robot.answer(smiling()).faces[0].track_id
    assert build().start().answer(smiling()).faces[0].track_id != first


def test_compressed_images_get_results(build) -> None:
    robot = build(image_transport="compressed").start()
    done, jpeg = cv2.imencode(".jpg", smiling())
    assert done
    message = messages.compressed_image(jpeg.tobytes(), 1000 * SECOND, "camera")
    robot.send_message(message, "/image_raw/compressed")
    wait_for(lambda: robot.arrays)
    assert robot.arrays[0].faces[0].label == "happy"


def test_several_cameras_share_the_node_and_keep_their_tracks_apart(build) -> None:
    robot = build(image_topics=("/left", "/right")).start()
    left = robot.answer(smiling(), topic="/left")
    right = robot.answer(smiling(), topic="/right")
    assert (left.source_topic, right.source_topic) == ("/left", "/right")
    assert left.faces[0].track_id != right.faces[0].track_id
    assert robot.answer(smiling(), topic="/left").faces[0].track_id == left.faces[0].track_id


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda m: setattr(m, "encoding", "rgb77"), "rgb77"),
        (lambda m: setattr(m, "step", 10), "step"),
        (lambda m: setattr(m, "data", m.data[:1000]), "1000"),
        (lambda m: setattr(m, "width", 0), "0x480"),
        (lambda m: setattr(m, "height", 100_000), "100000"),
    ],
)
def test_an_unusable_image_is_counted_and_explained_and_the_next_one_processed(
    robot: Robot, spoil, word: str
) -> None:
    message = messages.image(smiling(), 1000 * SECOND, "camera")
    spoil(message)
    robot.send_message(message)
    wait_for(lambda: robot.camera_counts()["dropped.undecodable"] == 1)
    wait_for(lambda: robot.value("camera", "last_error") != "")
    assert word in robot.value("camera", "last_error")
    assert robot.status("camera").level == 2
    assert robot.answer(smiling()).faces[0].label == "happy"


def test_bytes_that_are_no_message_are_counted(robot: Robot) -> None:
    robot.send_bytes(b"\x00\x01\x00\x00 nothing of the kind")
    wait_for(lambda: robot.camera_counts()["dropped.undecodable"] == 1)
    assert robot.answer(smiling()).faces


def test_a_truncated_jpeg_is_counted(build) -> None:
    robot = build(image_transport="compressed").start()
    jpeg = cv2.imencode(".jpg", smiling())[1].tobytes()
    for part in (jpeg[: len(jpeg) // 2], b"", b"GIF89a"):
        before = robot.camera_counts("/image_raw/compressed")["dropped.undecodable"]
        message = messages.compressed_image(part, 1000 * SECOND, "camera")
        robot.send_message(message, "/image_raw/compressed")
        wait_for(
            lambda n=before: robot.camera_counts("/image_raw/compressed")["dropped.undecodable"] > n
        )
    assert robot.arrays == []


def test_a_camera_that_comes_back_with_another_size_gets_a_result(robot: Robot) -> None:
    robot.answer(smiling())
    array = robot.answer(smiling(320, 240, x=160, size=150))
    assert (array.width, array.height) == (320, 240)
    assert len(array.faces) == 1


def test_an_image_without_a_stamp_gets_a_result_with_its_age_unknown(robot: Robot) -> None:
    array = robot.answer(smiling(), stamp_ns=0)
    assert math.isnan(array.age_ms)
    assert (array.header.stamp.sec, array.header.stamp.nanosec) == (0, 0)
    assert robot.camera_counts()["stamps.zero"] == 1
    wait_for(lambda: robot.status("camera").level == 1)
    assert "stamp" in robot.status("camera").message


def test_a_stamp_from_the_future_is_counted(robot: Robot) -> None:
    array = robot.answer(smiling(), stamp_ns=1005 * SECOND)
    assert array.age_ms == pytest.approx(-5000, abs=1)
    assert robot.camera_counts()["stamps.future"] == 1


def test_an_old_image_is_dropped_where_an_age_limit_is_set(build) -> None:
    robot = build(max_age=0.5).start()
    robot.send(smiling(), stamp_ns=999 * SECOND)
    wait_for(lambda: robot.camera_counts()["dropped.too_old"] == 1)
    assert robot.answer(smiling()).faces


def test_images_of_another_clock_are_not_too_old_and_the_log_says_so(build, caplog) -> None:
    robot = build(max_age=0.5, image_depth=50).start()
    sent = 0

    def answered() -> bool:
        nonlocal sent
        sent += 1
        robot.send(smiling(), stamp_ns=50 * SECOND + sent)
        return robot.camera_counts()["published"] >= 3

    wait_for(answered)
    assert robot.camera_counts()["dropped.too_old"] == 7
    said = "its stamps are 950.0 s behind this node's clock, so max_age counts from their arrival"
    (status,) = [each for each in robot.node.diagnose() if "camera" in each.name]
    assert status.level == 1
    assert f"{said}; synchronise the clocks" in status.message
    wait_for(lambda: answered() and said in caplog.text)
    robot.graph.set_time_ns(50 * SECOND)  # now the clocks agree
    robot.answer(smiling(), stamp_ns=50 * SECOND + sent + 1)
    wait_for(lambda: not any("this node's clock" in s.message for s in robot.node.diagnose()))


def test_of_a_burst_only_the_newest_waits(build) -> None:
    robot = build(image_depth=50).start()
    picture = smiling()
    for i in range(40):
        robot.send(picture, stamp_ns=1000 * SECOND + i)
    wait_for(lambda: robot.arrays and robot.arrays[-1].header.stamp.nanosec == 39)
    wait_for(lambda: robot.camera_counts()["received"] == 40)
    counts = robot.camera_counts()
    assert counts["published"] + counts["dropped.superseded"] == 40
    assert counts["dropped.superseded"] > 0


def test_enabled_before_it_is_active_the_node_says_so(build) -> None:
    words = "images are processed once the node is active; it is unconfigured"
    assert build().node.enable(True) == (True, words)


def test_disabled_it_drops_and_enabled_it_publishes(robot: Robot) -> None:
    assert robot.node.enable(False) == (True, "images are dropped")
    robot.send(smiling())
    wait_for(lambda: robot.camera_counts()["dropped.disabled"] == 1)
    assert robot.arrays == []
    robot.node.enable(True)
    assert robot.answer(smiling()).faces


def test_the_annotated_image_is_drawn_only_for_subscribers(robot: Robot, monkeypatch) -> None:
    drawings, draw, plain = [], annotate.draw, smiling()

    def counted(image, faces):
        drawings.append(draw(image, faces))
        return drawings[-1]

    monkeypatch.setattr(annotate, "draw", counted)
    robot.answer(plain)
    robot.answer(plain)
    assert drawings == []
    pictures: list = []
    subscription = robot.listen("/fer/image_annotated", messages.IMAGE, pictures.append)
    robot.answer(plain)
    wait_for(lambda: pictures)
    np.testing.assert_array_equal(pictures[0].data.reshape(480, 640, 3), drawings[0])
    assert (drawings[0] != plain).any()
    subscription.close()
    robot.answer(plain)
    robot.answer(plain)
    assert len(drawings) == 1


def test_a_bad_parameter_changes_nothing(robot: Robot) -> None:
    before = robot.node.settings
    with pytest.raises(ParameterError, match="hysteresis"):
        robot.node.set_parameters({"max_faces": 3, "hysteresis": math.nan})
    with pytest.raises(ParameterError, match="cannot change while"):
        robot.node.set_parameters({"models": ("other",)})
    assert robot.node.settings == before


def test_dynamic_parameters_act_at_once(robot: Robot) -> None:
    robot.node.set_parameters({"uncertain_threshold": 1.0, "smoothing_time": 0.0})
    assert robot.answer(smiling()).faces[0].label == UNCERTAIN
    robot.node.set_parameters({"uncertain_threshold": 0.0})
    assert robot.answer(smiling()).faces[0].label == "happy"


def test_a_failed_configure_says_why_and_can_be_tried_again(build, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.onnx"
    foreign.write_bytes(b"not a network")
    robot = build(models=(str(foreign),))
    with pytest.raises(ConfigurationError, match=r"foreign\.onnx"):
        robot.node.configure()
    assert robot.node.state == "unconfigured"
    wait_for(lambda: robot.statuses and robot.status("node").level == 2)
    assert "foreign.onnx" in robot.status("node").message
    robot.node.set_parameters({"models": ("arch1",)})
    robot.start()
    assert robot.answer(smiling()).faces
    wait_for(lambda: robot.status("node").level == 0)


def test_it_can_be_deactivated_cleaned_up_and_started_again(robot: Robot) -> None:
    robot.answer(smiling())
    robot.node.deactivate()
    robot.send(smiling())
    robot.node.cleanup()
    assert robot.node.state == "unconfigured"
    robot.start()
    assert robot.answer(smiling()).faces
    assert len(robot.arrays) == 2


def test_an_array_that_breaks_the_pipeline_does_not_end_the_node(robot: Robot) -> None:
    """A detector may fail on an image nobody thought of; the next one is answered."""
    assert robot.node._assembly is not None
    detector = robot.node._assembly.pipeline.detector  # the real one, made to fail once
    search, failures = detector.candidates, [RuntimeError("broken for once")]

    def fail_once(*arguments):
        if failures:
            raise failures.pop()
        return search(*arguments)

    detector.candidates = fail_once
    robot.send(smiling())
    wait_for(lambda: robot.camera_counts()["dropped.failed"] == 1)
    assert robot.answer(smiling()).faces


def test_a_decoder_that_breaks_does_not_end_the_node(robot: Robot, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(messages.ReceivedImage, "pixels", broken)
        robot.send(smiling())
        wait_for(lambda: robot.camera_counts()["dropped.failed"] == 1)
    assert robot.answer(smiling()).faces


def test_remapping_reaches_compressed_topics(build) -> None:
    robot = build("-r", "image_raw:=/cam/image", image_transport="compressed").start()
    jpeg = cv2.imencode(".jpg", smiling())[1].tobytes()
    message = messages.compressed_image(jpeg, 1000 * SECOND, "camera")
    robot.send_message(message, "/cam/image/compressed")
    wait_for(lambda: robot.arrays)
    assert robot.arrays[0].source_topic == "/cam/image/compressed"


def test_track_ids_are_unique_for_the_life_of_the_node(robot: Robot) -> None:
    first = robot.answer(smiling()).faces[0].track_id
    robot.node.cleanup()
    robot.start()
    assert robot.answer(smiling()).faces[0].track_id != first


def test_a_camera_named_twice_is_refused(build) -> None:
    robot = build(image_topics=("image_raw", "/image_raw"))
    robot.node.configure()
    with pytest.raises(ConfigurationError, match="twice"):
        robot.node.activate()
    assert robot.node.state == "inactive"
    wait_for(lambda: "twice" in robot.status("node").message)
    robot.node.cleanup()
    robot.node.set_parameters({"image_topics": ("image_raw",)})
    robot.start()
    assert robot.answer(smiling()).faces


def test_a_parameter_that_changes_while_networks_load_is_in_force_after(build, monkeypatch) -> None:
    robot, assemble = build(smoothing_time=0.0), core.assemble

    def meanwhile(*arguments: object):
        robot.node.set_parameters({"uncertain_threshold": 1.0})
        return assemble(*arguments)

    monkeypatch.setattr(core, "assemble", meanwhile)
    robot.start()
    assert robot.answer(smiling()).faces[0].label == UNCERTAIN


def test_a_stamp_a_little_ahead_is_no_remark(robot: Robot) -> None:
    robot.answer(smiling(), stamp_ns=1000 * SECOND + 20_000_000)
    assert robot.camera_counts()["stamps.future"] == 0


def test_the_annotated_image_comes_as_jpeg_too(robot: Robot) -> None:
    pictures: list = []
    topic = "/fer/image_annotated/compressed"
    subscription = robot.listen(topic, messages.COMPRESSED_IMAGE, pictures.append)
    array = robot.answer(smiling())
    wait_for(lambda: pictures)
    assert pictures[0].format == "jpeg"
    assert pictures[0].header == array.header
    assert cv2.imdecode(pictures[0].data, cv2.IMREAD_COLOR).shape == (480, 640, 3)
    subscription.close()


def test_a_picture_that_cannot_be_drawn_costs_no_result(robot: Robot, monkeypatch) -> None:
    def broken(image, faces):
        raise ValueError("no paint")

    drawn = threading.Event()
    monkeypatch.setattr(annotate, "draw", broken)
    monkeypatch.setattr(robot.transport.log, "error", lambda text: drawn.set())
    robot.listen("/fer/image_annotated", messages.IMAGE, lambda _: None)
    robot.answer(smiling())
    assert drawn.wait(5)
    robot.answer(smiling())
    assert robot.camera_counts()["dropped.failed"] == 0


def test_a_picture_that_takes_long_holds_up_no_result(robot: Robot, monkeypatch) -> None:
    release, draw = threading.Event(), annotate.draw

    def slow(image, faces):
        release.wait(20)
        return draw(image, faces)

    monkeypatch.setattr(annotate, "draw", slow)
    pictures: list = []
    robot.listen("/fer/image_annotated", messages.IMAGE, pictures.append)
    for _ in range(4):
        robot.answer(smiling())
    assert pictures == []
    release.set()
    wait_for(lambda: len(pictures) == 2)  # the first and the newest
