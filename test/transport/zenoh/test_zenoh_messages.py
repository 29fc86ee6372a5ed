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

"""Messages between nodes and processes over Zenoh."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack

import pytest
from support import wait_for
from transport_tools import (
    EMOTIONS,
    IMAGE,
    LATCHED,
    STRING,
    Inbox,
    both_ways,
    image,
    peer,
    string,
    text,
)

from fer_ros.transport.base import Qos, TransportError

pytestmark = pytest.mark.usefixtures("router")


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_images_go_to_another_process_and_back_unchanged(join, reliability):
    node = join("node")
    with peer(IMAGE, reliability):
        publisher, subscription, inbox = both_ways(node, IMAGE, Qos(reliability, depth=20))
        for width in (64, 640, 1920):
            data = image(width, width * 3 // 4)
            publisher.publish(data)
            assert inbox.get() == data
        assert subscription.lost() == 0


def test_late_joiner_gets_what_is_latched_and_only_if_it_asks(join):
    publisher = join("early").publisher("chat", STRING, LATCHED)
    for number in range(4):
        publisher.publish(string(str(number)))
    node, latched, volatile = join("late"), Inbox(), Inbox()
    node.subscribe("chat", STRING, LATCHED, latched)
    node.subscribe("chat", STRING, Qos(), volatile)
    assert [text(latched.get()), text(latched.get())] == ["2", "3"]  # its depth is 2
    wait_for(lambda: publisher.subscription_count() == 2)
    publisher.publish(string("now"))
    assert text(latched.get()) == text(volatile.get()) == "now"


def test_who_asked_before_hears_a_latched_publisher_that_comes_later(join):
    inbox = Inbox()
    join("early").subscribe("chat", STRING, LATCHED, inbox)
    join("late").publisher("chat", STRING, LATCHED).publish(string("first"))
    assert text(inbox.get()) == "first"


def test_a_slow_callback_gets_the_newest_and_holds_up_nobody(join):
    entered, go_on, heard = threading.Event(), threading.Event(), []

    def receive(data: bytes) -> None:
        heard.append(data)
        entered.set()
        assert go_on.wait(10)

    listener, sender = join("listener"), join("sender")
    subscription = listener.subscribe("chat", STRING, Qos("best_effort", depth=2), receive)
    publisher = sender.publisher("chat", STRING, Qos())
    wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 1)
    publisher.publish(string("first"))
    assert entered.wait(10)
    for number in range(300):
        publisher.publish(string(str(number)))
    wait_for(lambda: list(subscription._sequences.values()) == [301])
    go_on.set()
    wait_for(lambda: len(heard) == 3)
    assert [text(data) for data in heard] == ["first", "298", "299"]
    assert subscription.lost() == 0, "replaced in the history is not lost on the way"


def test_missing_sequence_numbers_are_counted(join):
    listener, sender, inbox = join("listener"), join("sender"), Inbox()
    subscription = listener.subscribe("chat", STRING, Qos(), inbox)
    publisher = sender.publisher("chat", STRING, Qos())
    wait_for(lambda: publisher.subscription_count() == 1)
    publisher.publish(string("1"))
    assert text(inbox.get()) == "1"
    publisher._sequence += 3  # as if three had been dropped by a full queue
    publisher.publish(string("5"))
    assert text(inbox.get()) == "5"
    assert subscription.lost() == 3
    other = join("other").publisher("chat", STRING, Qos())
    wait_for(lambda: other.subscription_count() == 1)
    other._sequence = 40
    other.publish(string("x"))
    assert text(inbox.get()) == "x"
    assert subscription.lost() == 3, "a publisher counts for itself, from where it is first heard"


def test_a_stopped_subscriber_does_not_stop_the_publisher(join):
    """Its process is stopped, so that its sockets fill; the others go on hearing."""
    node, inbox = join("node"), Inbox()
    with peer(IMAGE, "best_effort") as process:
        publisher, _, _ = both_ways(node, IMAGE, Qos("best_effort", depth=1))
        join("ears").subscribe("in", IMAGE, Qos("best_effort", depth=1), inbox)
        wait_for(lambda: publisher.subscription_count() == 2)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            data = image(640, 480)
            for _ in range(40):
                publisher.publish(data)
                assert inbox.get() == data
        finally:
            os.kill(process.pid, signal.SIGCONT)


def test_a_killed_process_leaves_the_graph(join):
    node = join("node")
    with ExitStack() as stack:
        process = stack.enter_context(peer(STRING))
        publisher, subscription, _ = both_ways(node, STRING, Qos())
        process.kill()
        wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 0)
        stack.pop_all()  # it has not ended well, and is not meant to


def test_failing_callback_is_logged_and_the_next_message_comes(join, caplog):
    heard, node = [], join("node")

    def receive(data: bytes) -> None:
        heard.append(text(data))
        raise RuntimeError("not today")

    subscription = node.subscribe("chat", STRING, Qos(), receive)
    publisher = node.publisher("chat", STRING, Qos())
    for number in ("1", "2"):
        publisher.publish(string(number))
    wait_for(lambda: heard == ["1", "2"])
    wait_for(lambda: caplog.text.count("callback of /chat failed: RuntimeError: not today") == 2)
    assert subscription.lost() == 0


def test_closed_endpoints_are_silent_and_leave_the_graph(join):
    node, inbox, other = join("node"), Inbox(), join("other")
    subscription = node.subscribe("chat", STRING, Qos(), inbox)
    publisher = other.publisher("chat", STRING, Qos())
    wait_for(lambda: publisher.subscription_count() == 1)
    subscription.close()
    subscription.close()
    wait_for(lambda: publisher.subscription_count() == 0)
    publisher.publish(string("nobody"))
    publisher.close()
    publisher.publish(string("closed"))
    assert publisher.subscription_count() == subscription.publisher_count() == 0
    assert inbox.messages.empty()
    assert not [t for t in threading.enumerate() if t.name == "reader /chat"]


def test_subscription_may_be_closed_from_its_own_callback(join):
    closed, node, box = threading.Event(), join("node"), []

    def receive(_: bytes) -> None:
        box[0].close()
        closed.set()

    box.append(node.subscribe("chat", STRING, Qos(), receive))
    node.publisher("chat", STRING, Qos()).publish(string("x"))
    assert closed.wait(10)


def test_simulated_time_follows_the_clock_topic(join):
    from fer_ros.transport import codec

    node = join("node", "--ros-args -p use_sim_time:=true")
    assert node.now_ns() == 0
    clock = codec.message_class("rosgraph_msgs/msg/Clock")
    time_class = codec.message_class("builtin_interfaces/msg/Time")
    publisher = join("world").publisher("/clock", "rosgraph_msgs/msg/Clock", Qos(depth=1))
    wait_for(lambda: publisher.subscription_count() == 1)
    publisher.publish(codec.encode(clock(clock=time_class(sec=12, nanosec=5))))
    wait_for(lambda: node.now_ns() == 12_000_000_005)


def test_the_log_is_heard_also_by_who_comes_later(join):
    from fer_ros.transport import codec

    join("talker", rosout=True).log.warning("before you came")
    inbox = Inbox()
    join("late").subscribe("/rosout", "rcl_interfaces/msg/Log", LATCHED, inbox)
    log = codec.decode(inbox.get(), "rcl_interfaces/msg/Log")
    assert (log.name, log.msg, log.level) == ("talker", "before you came", 30)


def test_unknown_type_and_closed_node_are_refused(join):
    node = join("node")
    with pytest.raises(TransportError, match="a_msgs/msg/B"):
        node.publisher("chat", "a_msgs/msg/B", Qos())
    node.close()
    node.close()
    for open_one in (
        lambda: node.publisher("chat", STRING, Qos()),
        lambda: node.subscribe("chat", EMOTIONS, Qos(), print),
        node.published_topics,
    ):
        with pytest.raises(TransportError, match="closed"):
            open_one()
