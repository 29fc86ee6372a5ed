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

"""Cameras that send video: pictures depend on others, also on those without a result."""

from __future__ import annotations

import sys
import threading

import pytest
from packets import FORMS, encoded
from support import SECOND, Robot, wait_for

from fer_ros.node import backlog
from fer_ros.node.backlog import Backlog, Message
from fer_ros.runtime.status import WARN
from fer_ros.sources.scene import Actor, Scene
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, compressed_video

PERIOD = SECOND // 30


@pytest.fixture(scope="module")
def packets():
    scene = Scene(320, 240, (Actor(160, 120, 150, ("happy", "surprise"), 0.5, sway=6.0),))
    return encoded([scene.render(index / 30)[0] for index in range(24)], every=8)


def send(robot: Robot, packets, indices, topic: str, form: str = "foxglove") -> None:
    for index in indices:
        stamp = 1000 * SECOND - 24 * PERIOD + index * PERIOD
        robot.send_message(FORMS[form](packets[index], stamp, index), topic)


def send_in_turn(robot: Robot, packets, indices, topic: str, form: str = "foxglove") -> None:
    """Send pictures, each when the result of the one before has come."""
    for index in indices:
        before = len(robot.arrays)
        send(robot, packets, [index], topic, form)
        wait_for(lambda n=before: len(robot.arrays) > n)
        if form == "compressed":  # the node subscribes anew once it turns out to be video
            wait_for(lambda: robot.node._inputs[topic].deep)


def block(robot: Robot) -> threading.Event:
    """Let the detector wait until an event is set."""
    detector, free = robot.node._assembly.pipeline.detector, threading.Event()
    search = detector.candidates

    def waiting(*arguments):
        free.wait(30)
        return search(*arguments)

    detector.candidates = waiting
    return free


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by_name", [True, False])
def test_every_form_gets_results(build, packets, form, by_name) -> None:
    topic = f"/cam/image_raw/{form}"
    parameters = {"image_topics": (topic,)}
    if not by_name:
        parameters = {"image_topics": ("/cam/image_raw",), "image_transport": form}
    robot = build(**parameters).start()
    send_in_turn(robot, packets, range(24), topic, form)
    assert all(len(array.faces) == 1 for array in robot.arrays[1:])
    assert {array.source_topic for array in robot.arrays} == {topic}
    assert robot.camera_counts(topic)["dropped.no_key_frame"] == 0
    annotated = {info.name for info in robot.other.published_topics()}
    assert "/fer/image_annotated/compressed" in annotated


@pytest.mark.parametrize("form", ["foxglove", "compressed"])
def test_packets_that_are_not_processed_are_decoded(build, packets, form) -> None:
    topic = f"/cam/{form}"
    steady = build(image_topics=(topic,), detection_budget=1.0).start()
    send_in_turn(steady, packets, range(24), topic, form)
    busy = build(image_topics=(topic,), detection_budget=1.0).start()
    free = block(busy)
    stream = busy.node._inputs[topic].stream
    send(busy, packets, [0], topic, form)
    wait_for(lambda: stream.counts().received == 1 and not stream.waiting)
    wait_for(lambda: busy.node._inputs[topic].deep)  # a video's history is longer
    send(busy, packets, range(1, 6), topic, form)
    wait_for(lambda: busy.camera_counts(topic)["dropped.superseded"] == 4)
    free.set()
    wait_for(lambda: len(busy.arrays) == 2)
    send_in_turn(busy, packets, range(6, 8), topic, form)
    for own, index in ((busy.arrays[1], 5), (busy.arrays[3], 7)):
        other = steady.arrays[index]
        assert own.header.stamp == other.header.stamp
        # A crop follows its track, which has seen fewer images.
        assert own.faces[0].probabilities == pytest.approx(other.faces[0].probabilities, abs=0.1)
    assert busy.camera_counts(topic)["dropped.no_key_frame"] == 0


def test_what_comes_too_soon_is_decoded(build, packets) -> None:
    topic = "/cam/foxglove"
    robot = build(image_topics=(topic,), max_rate=0.001).start()
    send_in_turn(robot, packets, [0], topic)
    send(robot, packets, range(1, 6), topic)
    wait_for(lambda: robot.camera_counts(topic)["dropped.rate_limited"] == 5)
    robot.node._inputs[topic].stream._due = 0.0
    send_in_turn(robot, packets, [6], topic)
    assert robot.camera_counts(topic)["dropped.no_key_frame"] == 0


def test_after_a_lost_packet_and_when_joined_late_pictures_wait_with_a_count(
    build, packets
) -> None:
    topic = "/cam/foxglove"
    robot = build(image_topics=(topic,)).start()
    for index in (5, 6, 7):
        send(robot, packets, [index], topic)
        wait_for(lambda n=index - 4: robot.camera_counts(topic)["dropped.no_key_frame"] == n)
    assert "joined between key frames" in robot.node._inputs[topic].stream.counts().last_error
    wait_for(lambda: robot.status("camera").level == WARN)
    send_in_turn(robot, packets, range(8, 12), topic)
    for index in (13, 14, 15):
        send(robot, packets, [index], topic)
        wait_for(lambda n=index - 9: robot.camera_counts(topic)["dropped.no_key_frame"] == n)
    wait_for(lambda: "packets before it are missing" in robot.status("camera").message)
    send_in_turn(robot, packets, range(16, 20), topic)
    assert robot.camera_counts(topic)["dropped.undecodable"] == 0


def test_a_disabled_node_waits_for_a_key_frame_afterwards(build, packets) -> None:
    topic = "/cam/foxglove"
    robot = build(image_topics=(topic,)).start()
    send_in_turn(robot, packets, range(3), topic)
    robot.node.enable(False)
    send(robot, packets, [3], topic)
    wait_for(lambda: robot.camera_counts(topic)["dropped.disabled"] == 1)
    robot.node.enable(True)
    send(robot, packets, [4], topic)
    wait_for(lambda: robot.camera_counts(topic)["dropped.no_key_frame"] == 1)
    send_in_turn(robot, packets, range(8, 10), topic)


@pytest.mark.parametrize("late", [False, True])
def test_a_topic_that_carries_video_alone_is_turned_to(build, packets, caplog, late) -> None:
    caplog.set_level("INFO")
    robot = build(image_topics=("/cam/view",))
    if late:
        robot.start()
    robot._cameras["/cam/view"] = robot.other.publisher("/cam/view", COMPRESSED_VIDEO, Qos())
    if not late:
        robot.start()
    wait_for(lambda: f"/cam/view is video, published as {COMPRESSED_VIDEO}" in caplog.text)
    send_in_turn(robot, packets, range(4), "/cam/view")
    assert "error" not in caplog.text.lower()


def test_a_raw_transport_that_was_asked_for_is_kept_and_the_remedy_named(build) -> None:
    robot = build(image_topics=("/cam/view",), image_transport="raw", stale_after=0.1).start()
    robot.other.publisher("/cam/view", COMPRESSED_VIDEO, Qos())
    wait_for(lambda: "is published as" in robot.status("camera").message)
    assert "image_transport auto takes it" in robot.status("camera").message


def test_without_the_extra_it_is_named(build, packets, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    topic = "/cam/foxglove"
    robot = build(image_topics=(topic,)).start()
    send(robot, packets, range(3), topic)
    wait_for(lambda: robot.camera_counts(topic)["dropped.undecodable"])
    wait_for(lambda: "pip install 'fer_ros[video]'" in robot.status("camera").message)
    assert "H.264" in robot.status("camera").message


class TestBacklog:
    """What waits, and what goes along."""

    @pytest.fixture
    def waiting(self, packets):
        return [
            Message(encode(compressed_video(packet, index + 1, "cam")), index)
            for index, packet in enumerate(packets)
        ]

    def test_packets_from_the_last_key_frame_on_go_along_in_their_order(self, waiting):
        log = Backlog(COMPRESSED_VIDEO)
        for message in waiting[2:12]:
            log.put(message)
        taken = log.take()
        assert [each.received_ns for each in (*taken.before, taken)] == [8, 9, 10, 11]
        assert not log.filled
        assert log.take() is None

    def test_what_must_not_be_processed_keeps_its_place(self, waiting):
        log = Backlog(COMPRESSED_VIDEO)
        log.put(waiting[0])
        log.pass_by(waiting[1])
        assert log.take() is waiting[0]
        log.pass_by(waiting[2])
        log.put(waiting[3])
        log.pass_by(waiting[4])
        log.put(waiting[5])
        taken = log.take()
        assert [each.received_ns for each in (*taken.before, taken)] == [1, 2, 3, 4, 5]

    def test_too_many_are_given_up_and_that_is_known(self, waiting, monkeypatch):
        monkeypatch.setattr(backlog, "_MOST_PACKETS", 4)
        log = Backlog(COMPRESSED_VIDEO)
        for message in waiting[1:7]:
            log.put(message)
        taken = log.take()
        assert taken.torn
        assert taken.received_ns == 6
        log.put(waiting[7])
        assert log.take() is waiting[7]

    def test_images_by_themselves_leave_nothing_behind(self):
        log = Backlog(messages.COMPRESSED_IMAGE)
        first, second = (
            Message(encode(messages.compressed_image(b"\xff\xd8\xff", 1, "c")), index)
            for index in range(2)
        )
        assert not log.put(first)
        log.pass_by(first)
        assert log.put(second)
        assert log.take() is second
