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

"""Messages between two processes on real Cyclone DDS, and faults on the way."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from dds_tools import (
    BEST_EFFORT,
    IMAGE,
    STRING,
    Inbox,
    both_ways,
    diagnostics,
    image,
    peer,
    string,
    text,
    wait_for,
)

from fer_ros.transport import codec
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.dds.cyclone import sub


def test_images_arrive_unchanged_in_both_directions(join):
    with peer(IMAGE):
        publisher, _, inbox = both_ways(join("fer"), IMAGE, Qos(depth=2))
        for size in ((320, 240), (640, 480), (1280, 720), (33, 7)):
            sent = image(*size)
            for _ in range(3):
                publisher.publish(sent)
                received = inbox.get()
                assert received[: len(sent)] == sent
                assert len(received) - len(sent) == -len(sent) % 4
                codec.decode(received, IMAGE)


def test_best_effort_images_arrive_unchanged(join):
    sent = image(320, 240)  # larger ones get lost where the kernel's socket buffers are small
    with peer(IMAGE, "best_effort"):
        publisher, _, inbox = both_ways(join("fer"), IMAGE, BEST_EFFORT)
        wait_for(lambda: publisher.publish(sent) or not inbox.messages.empty())
        assert inbox.get()[: len(sent)] == sent


def test_nested_messages_arrive_unchanged(join):
    sent = diagnostics()
    kind = "diagnostic_msgs/msg/DiagnosticArray"
    with peer(kind):
        publisher, _, inbox = both_ways(join("fer"), kind, Qos())
        publisher.publish(sent)
        assert codec.decode(inbox.get(), kind) == codec.decode(sent, kind)


def test_peer_that_leaves_is_no_longer_counted(join):
    node = join("fer")
    with peer(STRING):
        publisher, subscription, _ = both_ways(node, STRING, Qos())
    wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 0)
    with peer(STRING):
        wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 1)


def test_reliable_reader_that_hangs_holds_up_nobody(join):
    node = join("fer")
    with peer(STRING), peer(IMAGE, line="--ros-args -r in:=large") as hanging:
        alive, _, inbox = both_ways(node, STRING, Qos())
        large = node.publisher("large", IMAGE, Qos(depth=5))
        wait_for(lambda: large.subscription_count() == 1)
        os.kill(hanging.pid, signal.SIGSTOP)
        data = image(1280, 720)
        for _ in range(30):
            large.publish(data)
        alive.publish(string("still here"))
        assert text(inbox.get()) == "still here"
        node.close()
        os.kill(hanging.pid, signal.SIGCONT)


def test_closed_endpoints_and_timers_are_forgotten(join):
    node = join("fer")
    for _ in range(5):
        parts = (
            node.publisher("out", STRING, Qos()),
            node.subscribe("in", STRING, Qos(), Inbox()),
            node.timer(10.0, lambda: None),
        )
        for part in parts:
            part.close()
    kept = node.publisher("out", STRING, Qos())
    assert node._open == [kept]


def test_a_failing_read_is_logged_and_the_next_message_comes(join, caplog, monkeypatch):
    inbox = Inbox()
    node = join("fer")
    subscription = node.subscribe("chat", STRING, Qos(), inbox)
    take = subscription._reader.take
    faults = iter([sub.DDSException(-1, "broken")])

    def take_or_fail(count: int):
        for fault in faults:
            raise fault
        return take(count)

    monkeypatch.setattr(subscription._reader, "take", take_or_fail)
    node.publisher("chat", STRING, Qos()).publish(string("good"))
    assert text(inbox.get()) == "good"
    assert "reading /chat failed: DDSException" in caplog.text


def test_only_the_newest_messages_are_kept_for_a_slow_reader(join):
    entered, go_on, inbox = threading.Event(), threading.Event(), Inbox()

    def slow(data: bytes) -> None:
        entered.set()
        go_on.wait(10)
        inbox(data)

    node = join("fer")
    node.subscribe("chat", STRING, Qos(depth=2), slow)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(string("0"))
    assert entered.wait(10)
    for index in range(1, 8):
        publisher.publish(string(str(index)))
    go_on.set()
    assert [text(inbox.get()) for _ in range(3)] == ["0", "6", "7"]


def test_failing_callback_is_logged_and_the_next_message_comes(join, caplog):
    inbox = Inbox()

    def callback(data: bytes) -> None:
        if text(data) == "bad":
            raise RuntimeError("broken")
        inbox(data)

    node = join("fer")
    node.subscribe("chat", STRING, Qos(), callback)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(string("bad"))
    publisher.publish(string("good"))
    assert text(inbox.get()) == "good"
    assert "callback of /chat failed: RuntimeError: broken" in caplog.text


def test_bytes_that_are_no_message_are_refused_with_a_warning(join, caplog):
    inbox = Inbox()
    node = join("fer")
    node.subscribe("chat", STRING, Qos(), inbox)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(b"\x00\x01\x00\x00\xff\xff\xff\xff")
    assert "1 messages on /chat not sent" in caplog.text
    with pytest.raises(ValueError, match="0 bytes are no CDR message"):
        publisher.publish(b"")
    publisher.publish(string("good"))
    assert text(inbox.get()) == "good"


def test_close_under_load_ends_callbacks_and_leaves_the_graph(join):
    received = 0

    def count(_: bytes) -> None:
        nonlocal received
        received += 1

    data = image(640, 480)
    camera, fer = join("camera"), join("fer")
    fer.subscribe("image", IMAGE, BEST_EFFORT, count)
    publisher = camera.publisher("image", IMAGE, Qos())
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            publisher.publish(data)

    sender = threading.Thread(target=send)
    sender.start()
    wait_for(lambda: received > 20)
    fer.close()
    after = received
    wait_for(lambda: publisher.subscription_count() == 0)
    camera.close()  # while the other thread still publishes
    stop.set()
    sender.join()
    assert received == after
    assert publisher.subscription_count() == 0
    fer.close()
    with pytest.raises(TransportError, match="/fer is closed"):
        fer.publisher("late", STRING, Qos())


def test_subscription_may_be_closed_from_its_own_callback(join):
    done = threading.Event()
    node = join("fer")

    def callback(_: bytes) -> None:
        subscription.close()
        done.set()

    subscription = node.subscribe("chat", STRING, Qos(), callback)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(string("x"))
    assert done.wait(10)
    wait_for(lambda: publisher.subscription_count() == 0)


def test_simulated_time_follows_the_clock_topic(join):
    kind = "rosgraph_msgs/msg/Clock"
    stamp = codec.message_class("builtin_interfaces/msg/Time")(sec=12, nanosec=500)
    fer = join("fer", "--ros-args -p use_sim_time:=true")
    assert fer.now_ns() == 0
    publisher = join("player").publisher("/clock", kind, Qos())
    wait_for(lambda: publisher.subscription_count() == 1)
    publisher.publish(codec.encode(codec.message_class(kind)(clock=stamp)))
    wait_for(lambda: fer.now_ns() != 0)
    assert fer.now_ns() == 12_000_000_500
    assert fer.parameter_overrides() == {"use_sim_time": True}


def test_unknown_type_is_refused(join):
    with pytest.raises(TransportError, match="no_msgs/msg/Nothing"):
        join("fer").publisher("chat", "no_msgs/msg/Nothing", Qos())
