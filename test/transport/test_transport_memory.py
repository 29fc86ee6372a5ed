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

"""The in-process transport: the protocol's behaviour without any middleware."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace

import pytest

from fer_ros.transport import codec
from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.base import Qos, TopicInfo, TransportError
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

STRING = "std_msgs/msg/String"
BEST_EFFORT = Qos(reliability="best_effort")
LATCHED = Qos(durability="transient_local", depth=2)


@pytest.fixture
def graph():
    return MemoryGraph()


@pytest.fixture
def join(graph):
    nodes = []

    def join_graph(name: str, line: str = "", namespace: str = "/") -> MemoryTransport:
        nodes.append(MemoryTransport(graph, name, namespace, parse_ros_args(line.split())))
        return nodes[-1]

    yield join_graph
    for node in nodes:
        node.close()


class Inbox:
    """A callback that collects messages, and may be told to wait with each."""

    def __init__(self):
        self.messages: queue.Queue[bytes] = queue.Queue()
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, data: bytes) -> None:
        self.entered.set()
        self.go_on.wait()
        self.messages.put(data)

    def get(self) -> bytes:
        return self.messages.get(timeout=5)

    def drain(self, last: bytes) -> list[bytes]:
        found = [self.get()]
        while found[-1] != last:
            found.append(self.get())
        return found


def test_message_goes_to_every_subscription_of_the_topic(join):
    inboxes = [Inbox(), Inbox()]
    camera, fer = join("camera"), join("fer")
    fer.subscribe("chat", STRING, Qos(), inboxes[0])
    fer.subscribe("/chat", STRING, BEST_EFFORT, inboxes[1])
    other = Inbox()
    fer.subscribe("other", STRING, Qos(), other)
    publisher = camera.publisher("chat", STRING, Qos())
    assert publisher.topic == "/chat"
    assert publisher.subscription_count() == 2
    publisher.publish(b"hello")
    assert [inbox.get() for inbox in inboxes] == [b"hello", b"hello"]
    assert other.messages.empty()


def test_names_and_remapping(join):
    inbox = Inbox()
    camera = join("camera", namespace="robot")
    fer = join("fer", "--ros-args -r image:=/robot/image_raw -r __node:=eye")
    assert (camera.node_name, fer.node_name) == ("/robot/camera", "/eye")
    subscription = fer.subscribe("image", STRING, Qos(), inbox)
    camera.publisher("image_raw", STRING, Qos()).publish(b"picture")
    assert inbox.get() == b"picture"
    assert subscription.topic == "/robot/image_raw"
    assert subscription.publisher_count() == 1
    with pytest.raises(TransportError, match="b-ad"):
        fer.publisher("b-ad", STRING, Qos())


def test_only_the_newest_messages_are_kept_for_a_slow_reader(join):
    inbox = Inbox()
    inbox.go_on.clear()
    node = join("fer")
    node.subscribe("chat", STRING, Qos(depth=3), inbox)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(b"0")
    assert inbox.entered.wait(5)
    for index in range(1, 10):
        publisher.publish(b"%d" % index)
    inbox.go_on.set()
    assert inbox.drain(last=b"9") == [b"0", b"7", b"8", b"9"]


def test_late_joiner_gets_what_is_latched_and_only_if_it_asks(join):
    node = join("fer")
    publisher = node.publisher("chat", STRING, LATCHED)
    for data in (b"1", b"2", b"3"):
        publisher.publish(data)
    late, volatile = Inbox(), Inbox()
    node.subscribe("chat", STRING, replace(LATCHED, depth=10), late)
    node.subscribe("chat", STRING, Qos(), volatile)
    publisher.publish(b"4")
    assert late.drain(last=b"4") == [b"2", b"3", b"4"]
    assert volatile.drain(last=b"4") == [b"4"]


def test_incompatible_qos_is_named_on_both_sides(join):
    inbox = Inbox()
    node = join("fer")
    publisher = node.publisher("chat", STRING, BEST_EFFORT)
    subscription = node.subscribe("chat", STRING, LATCHED, inbox)
    assert publisher.incompatible_qos() == ("DURABILITY", "RELIABILITY")
    assert subscription.incompatible_qos() == ("DURABILITY", "RELIABILITY")
    assert (publisher.subscription_count(), subscription.publisher_count()) == (0, 0)
    assert node.publisher("other", STRING, Qos()).incompatible_qos() == ()


def test_other_type_does_not_match(join):
    node = join("fer")
    subscription = node.subscribe("chat", STRING, Qos(), Inbox())
    publisher = node.publisher("chat", "std_msgs/msg/Int32", Qos())
    assert (publisher.subscription_count(), subscription.publisher_count()) == (0, 0)


def test_failing_callback_is_logged_and_the_next_message_comes(join, caplog):
    inbox = Inbox()

    def callback(data: bytes) -> None:
        if data == b"bad":
            raise RuntimeError("broken")
        inbox(data)

    node = join("fer")
    node.subscribe("chat", STRING, Qos(), callback)
    publisher = node.publisher("chat", STRING, Qos())
    publisher.publish(b"bad")
    publisher.publish(b"good")
    assert inbox.get() == b"good"
    assert "/chat" in caplog.text
    assert "broken" in caplog.text


def test_closed_endpoints_are_silent(join):
    inbox = Inbox()
    node = join("fer")
    subscription = node.subscribe("chat", STRING, Qos(), inbox)
    publisher = node.publisher("chat", STRING, Qos())
    subscription.close()
    subscription.close()
    publisher.publish(b"late")
    assert publisher.subscription_count() == 0
    publisher.close()
    publisher.publish(b"later")
    assert inbox.messages.empty()


def test_subscription_may_be_closed_from_its_own_callback(join):
    done = threading.Event()
    node = join("fer")

    def callback(data: bytes) -> None:
        subscription.close()
        done.set()

    subscription = node.subscribe("chat", STRING, Qos(), callback)
    node.publisher("chat", STRING, Qos()).publish(b"x")
    assert done.wait(5)


def test_closed_node_opens_nothing(join):
    node = join("fer")
    node.close()
    node.close()
    with pytest.raises(TransportError, match="/fer is closed"):
        node.publisher("chat", STRING, Qos())


def test_timer_follows_the_steady_clock_until_closed(join):
    times: queue.Queue[float] = queue.Queue()
    node = join("fer")
    start = time.monotonic()
    timer = node.timer(0.02, lambda: times.put(time.monotonic()))
    third = [times.get(timeout=5) for _ in range(3)][-1]
    timer.close()
    count = times.qsize()
    assert third - start >= 0.06
    time.sleep(0.06)
    assert times.qsize() == count
    with pytest.raises(ValueError, match="positive"):
        node.timer(0.0, lambda: None)


def test_clock_of_the_graph(graph, join):
    node = join("fer")
    before = time.time_ns()
    assert before <= node.now_ns() <= time.time_ns()
    graph.set_time_ns(5)
    assert node.now_ns() == 5
    graph.set_time_ns(None)
    assert node.now_ns() >= before


def test_simulated_time_follows_the_clock_topic(join):
    fer = join("fer", "--ros-args -p use_sim_time:=true")
    assert fer.now_ns() == 0
    time_class = codec.message_class("builtin_interfaces/msg/Time")
    clock_class = codec.message_class("rosgraph_msgs/msg/Clock")
    clock = clock_class(clock=time_class(sec=12, nanosec=500))
    publisher = join("player").publisher("/clock", "rosgraph_msgs/msg/Clock", BEST_EFFORT)
    publisher.publish(codec.encode(clock))
    deadline = time.monotonic() + 5
    while fer.now_ns() == 0 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert fer.now_ns() == 12_000_000_500


def test_use_sim_time_must_be_a_bool(graph):
    with pytest.raises(TransportError, match="use_sim_time"):
        MemoryTransport(graph, "fer", args=parse_ros_args(["--ros-args", "-p", "use_sim_time:=1"]))


def test_published_topics_are_told_with_what_all_publishers_offer(join):
    one, other = join("one"), join("other")
    one.publisher("b", STRING, Qos())
    leaving = other.publisher("b", STRING, BEST_EFFORT)
    other.publisher("a", STRING, LATCHED)
    assert (
        one.published_topics()
        == other.published_topics()
        == (
            TopicInfo("/a", STRING, 1, reliable=True, latched=True),
            TopicInfo("/b", STRING, 2, reliable=False, latched=False),
        )
    )
    leaving.close()
    assert one.published_topics()[1] == TopicInfo("/b", STRING, 1, reliable=True, latched=False)


def test_service(graph, join):
    node = join("fer")
    service = node.set_bool_service("~/enable", lambda value: (True, f"enabled: {value}"))
    assert graph.call_set_bool("/fer/enable", False) == (True, "enabled: False")
    with pytest.raises(TransportError, match="already"):
        node.set_bool_service("~/enable", lambda value: (True, ""))
    service.close()
    with pytest.raises(TransportError, match="/fer/enable"):
        graph.call_set_bool("/fer/enable", True)


def test_parameters_and_log_level_come_from_the_command_line(join, capsys):
    node = join("fer", "--ros-args -p hysteresis:=0.2 --log-level warn", namespace="/robot")
    assert node.parameter_overrides() == {"hysteresis": 0.2}
    node.log.info("hidden")
    node.log.warning("shown")
    printed = capsys.readouterr().err
    assert "hidden" not in printed
    assert printed.startswith("[WARN] [")
    assert printed.endswith("] [robot.fer]: shown\n")
