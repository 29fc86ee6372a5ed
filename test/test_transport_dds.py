"""The DDS adapter on real Cyclone DDS: messages between two processes, the ROS graph, faults."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dds_domains import loopback_environment

from fer_ros import codec
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.ros_args import parse_ros_args

try:
    from fer_ros.transport import dds_graph
    from fer_ros.transport.cyclone import domain, sub, topic
    from fer_ros.transport.cyclone import qos as dds_qos
    from fer_ros.transport.dds import DdsTransport
    from fer_ros.transport.dds_matching import misfits
    from fer_ros.transport.dds_qos import endpoint_qos
    from fer_ros.transport.dds_types import sample_type
except TransportError as unavailable:
    pytest.skip(str(unavailable), allow_module_level=True)

PEER = Path(__file__).with_name("dds_peer.py")
STRING = "std_msgs/msg/String"
IMAGE = "sensor_msgs/msg/Image"
EMOTIONS = "fer_ros/msg/EmotionArray"
BEST_EFFORT = Qos("best_effort")
Policy, DdsQos = dds_qos.Policy, dds_qos.Qos
LATCHED = Qos(durability="transient_local", depth=2)


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    """A domain of this test's own that reaches nobody else, on loopback only."""
    for name in ("ROS_DISTRO", "ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def join():
    nodes = []

    def join_graph(name: str, line: str = "", namespace: str = "/") -> DdsTransport:
        nodes.append(DdsTransport(name, namespace, parse_ros_args(line.split())))
        return nodes[-1]

    yield join_graph
    for node in nodes:
        node.close()


@contextmanager
def peer(type_name: str, reliability: str = "reliable", line: str = ""):
    command = [sys.executable, str(PEER), type_name, reliability, *line.split()]
    environment = os.environ | {"PYTHONPATH": str(PEER.parent.parent)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout.readline().strip() == str(process.pid)
            yield process
            process.stdin.close()
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


class Inbox:
    """A callback that collects messages."""

    def __init__(self):
        self.messages: queue.Queue[bytes] = queue.Queue()

    def __call__(self, data: bytes) -> None:
        self.messages.put(data)

    def get(self) -> bytes:
        return self.messages.get(timeout=10)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 10 s"
        time.sleep(0.01)


def string(text: str) -> bytes:
    return codec.encode(codec.message_class(STRING)(data=text))


def text(data: bytes) -> str:
    return str(codec.decode(data, STRING).data)


def header(frame_id: str = "camera"):
    stamp = codec.message_class("builtin_interfaces/msg/Time")(sec=7, nanosec=8)
    return codec.message_class("std_msgs/msg/Header")(stamp=stamp, frame_id=frame_id)


def image(width: int, height: int) -> bytes:
    pixels = np.random.default_rng(width).integers(0, 256, width * height * 3, dtype=np.uint8)
    return codec.encode(
        codec.message_class(IMAGE)(
            header=header(),
            height=height,
            width=width,
            encoding="bgr8",
            is_bigendian=0,
            step=width * 3,
            data=pixels,
        )
    )


def diagnostics() -> bytes:
    value = codec.message_class("diagnostic_msgs/msg/KeyValue")
    status = codec.message_class("diagnostic_msgs/msg/DiagnosticStatus")
    entry = status(
        level=1, name="fer", message="slow", hardware_id="", values=[value(key="k", value="v")]
    )
    array = codec.message_class("diagnostic_msgs/msg/DiagnosticArray")
    return codec.encode(array(header=header(), status=[entry, entry]))


def both_ways(node: DdsTransport, type_name: str, qos: Qos) -> tuple:
    inbox = Inbox()
    publisher = node.publisher("in", type_name, qos)
    subscription = node.subscribe("out", type_name, qos, inbox)
    wait_for(lambda: publisher.subscription_count() == subscription.publisher_count() == 1)
    return publisher, subscription, inbox


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


def test_names_and_remapping_reach_the_wire(join):
    line = "--ros-args -r __ns:=/robot -r __node:=mirror -r in:=/requests -r out:=answers"
    inbox = Inbox()
    with peer(STRING, line=line):
        node = join("fer", "--ros-args -r ask:=/requests", namespace="other")
        publisher = node.publisher("ask", STRING, Qos())
        node.subscribe("/robot/answers", STRING, Qos(), inbox)
        wait_for(lambda: publisher.subscription_count() == 1)
        publisher.publish(string("hello"))
        assert text(inbox.get()) == "hello"
        assert (node.node_name, publisher.topic) == ("/other/fer", "/requests")


def test_late_joiner_gets_what_is_latched_and_only_if_it_asks(join):
    publisher = join("camera").publisher("chat", STRING, LATCHED)
    for word in "abc":
        publisher.publish(string(word))
    late, volatile = Inbox(), Inbox()
    fer = join("fer")
    fer.subscribe("chat", STRING, replace(LATCHED, depth=10), late)
    fer.subscribe("chat", STRING, Qos(), volatile)
    wait_for(lambda: publisher.subscription_count() == 2)
    publisher.publish(string("d"))
    assert [text(late.get()) for _ in range(3)] == ["b", "c", "d"]
    assert text(volatile.get()) == "d"
    assert volatile.messages.empty()


def test_incompatible_qos_is_named_on_both_sides(join):
    camera, fer = join("camera"), join("fer")
    offers = camera.publisher("a", STRING, BEST_EFFORT), camera.publisher("b", STRING, Qos())
    asks = [
        fer.subscribe(name, STRING, qos, Inbox()) for name, qos in (("a", Qos()), ("b", LATCHED))
    ]
    wait_for(lambda: all(endpoint.incompatible_qos() for endpoint in (*offers, *asks)))
    for endpoints in (offers, asks):
        assert [endpoint.incompatible_qos() for endpoint in endpoints] == [
            ("RELIABILITY",),
            ("DURABILITY",),
        ]
    assert asks[0].publisher_count() == 0
    assert camera.publisher("c", STRING, Qos()).incompatible_qos() == ()


def test_incompatible_qos_is_forgotten_when_the_misfit_has_left(join):
    camera, fer = join("camera"), join("fer")
    asked = fer.subscribe("image", STRING, LATCHED, Inbox())
    bad = camera.publisher("image", STRING, BEST_EFFORT)
    good = camera.publisher("image", STRING, LATCHED)
    wait_for(lambda: asked.incompatible_qos() == ("DURABILITY", "RELIABILITY"))
    assert bad.incompatible_qos() == ("DURABILITY", "RELIABILITY")
    assert good.incompatible_qos() == ()
    bad.close()
    wait_for(lambda: asked.incompatible_qos() == ())
    assert asked.publisher_count() == 1
    other = camera.publisher("image", IMAGE, LATCHED)
    wait_for(lambda: asked.incompatible_qos() == ("TYPE_CONSISTENCY_ENFORCEMENT",))
    other.close()
    asked.close()
    wait_for(lambda: good.subscription_count() == 0)
    assert asked.incompatible_qos() == ()


@pytest.mark.parametrize(
    ("offered", "requested", "names"),
    [
        (Policy.Deadline(20), Policy.Deadline(10), {"DEADLINE"}),
        (Policy.Deadline(10), Policy.Deadline(20), set()),
        (Policy.LatencyBudget(20), Policy.LatencyBudget(10), {"LATENCY_BUDGET"}),
        (Policy.Liveliness.Automatic(9), Policy.Liveliness.ManualByTopic(9), {"LIVELINESS"}),
        (Policy.Liveliness.ManualByTopic(9), Policy.Liveliness.Automatic(8), {"LIVELINESS"}),
        (Policy.Liveliness.ManualByTopic(9), Policy.Liveliness.Automatic(9), set()),
        (Policy.Ownership.Shared, Policy.Ownership.Exclusive, {"OWNERSHIP"}),
        (Policy.Durability.Persistent, Policy.Durability.Transient, set()),
        (
            Policy.DestinationOrder.ByReceptionTimestamp,
            Policy.DestinationOrder.BySourceTimestamp,
            {"DESTINATION_ORDER"},
        ),
        (Policy.DataRepresentation(True, False), Policy.DataRepresentation(False, True),
         {"DATA_REPRESENTATION"}),
        (Policy.DataRepresentation(True, False), Policy.DataRepresentation(True, True), set()),
    ],
)  # fmt: skip
def test_policies_misfit_by_the_rules_of_dds(offered, requested, names):
    assert misfits(DdsQos(offered), DdsQos(requested)) == names


def test_qos_overrides_are_honoured(join, caplog):
    prefix = "qos_overrides./robot/image.subscription"
    line = (
        f"--ros-args -r image:=/robot/image -p {prefix}.reliability:=best_effort "
        f"-p {prefix}.history:=keep_all -p {prefix}.depth:=3"
    )
    fer, camera = join("fer", line), join("camera")
    asked = fer.subscribe("image", STRING, LATCHED, Inbox())
    offered = camera.publisher("/robot/image", STRING, replace(LATCHED, reliability="best_effort"))
    wait_for(lambda: asked.publisher_count() == 1)
    assert offered.incompatible_qos() == ()
    assert "history is ignored" in caplog.text
    fer.publisher("image", STRING, Qos())  # the override is the subscription's alone
    wait_for(lambda: asked.publisher_count() == 1 and asked.incompatible_qos() == ("DURABILITY",))


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


def read_discovery(participant: domain.DomainParticipant) -> sub.DataReader:
    store = dds_graph.discovery_typestore()
    kind = sample_type(dds_graph.TYPE, store)
    name = topic.Topic(participant, dds_graph.TOPIC, kind)
    return sub.DataReader(participant, name, endpoint_qos(dds_graph.QOS, ""))


def announced_nodes(reader: sub.DataReader) -> dict[str, tuple[set[bytes], set[bytes], int]]:
    """Return what the latest news of each participant says: node, readers, writers, id length."""
    store = dds_graph.discovery_typestore()
    nodes = {}
    for sample in reader.read(100):
        if not sample.sample_info.valid_data:
            continue
        info = store.deserialize_cdr(sample.cdr, dds_graph.TYPE)
        for node in info.node_entities_info_seq:
            readers, writers = (
                {bytes(gid.data)[:16] for gid in gids}
                for gids in (node.reader_gid_seq, node.writer_gid_seq)
            )
            full = f"{node.node_namespace.rstrip('/')}/{node.node_name}"
            nodes[full] = (readers, writers, len(info.gid.data))
    return nodes


@pytest.mark.parametrize(("distro", "id_length"), [("jazzy", 16), ("humble", 24)])
def test_ros_sees_the_node_and_its_endpoints(join, monkeypatch, distro, id_length):
    monkeypatch.setenv("ROS_DISTRO", distro)
    observer = join("observer")
    reader = read_discovery(observer.participant)
    with peer(STRING, line="--ros-args -r __ns:=/robot"):
        wait_for(lambda: "/robot/peer" in announced_nodes(reader))
        wait_for(lambda: all(announced_nodes(reader)["/robot/peer"][:2]))
        readers, writers, length = announced_nodes(reader)["/robot/peer"]
        assert (len(readers), len(writers), length) == (1, 1, id_length)
        publications = endpoints(observer, writers=True)
        subscriptions = endpoints(observer, writers=False)
        assert publications[next(iter(writers))] == (
            "rt/robot/out",
            "std_msgs::msg::dds_::String_",
            f"typehash={codec.type_hash(STRING)};".encode(),
        )
        assert subscriptions[next(iter(readers))][0] == "rt/robot/in"
        assert b"enclave=/;" in enclaves(observer)


def endpoints(node: DdsTransport, writers: bool) -> dict[bytes, tuple[str, str, bytes]]:
    from cyclonedds import builtin
    from cyclonedds.qos import Policy

    kind = builtin.BuiltinTopicDcpsPublication if writers else builtin.BuiltinTopicDcpsSubscription
    reader = builtin.BuiltinDataReader(node.participant, kind)
    return {
        sample.key.bytes: (
            sample.topic_name,
            sample.type_name,
            sample.qos[Policy.Userdata].data if Policy.Userdata in sample.qos else b"",
        )
        for sample in reader.read(100)
    }


def enclaves(node: DdsTransport) -> list[bytes]:
    from cyclonedds import builtin
    from cyclonedds.qos import Policy

    reader = builtin.BuiltinDataReader(node.participant, builtin.BuiltinTopicDcpsParticipant)
    return [
        sample.qos[Policy.Userdata].data
        for sample in reader.read(100)
        if sample.key != node.participant.guid and Policy.Userdata in sample.qos
    ]


def test_closed_endpoints_and_nodes_leave_the_announcements(join):
    observer, fer = join("observer"), join("fer")
    reader = read_discovery(observer.participant)
    subscription = fer.subscribe("a", STRING, Qos(), Inbox())
    publisher = fer.publisher("b", STRING, Qos())
    wait_for(lambda: [len(x) for x in announced_nodes(reader).get("/fer", ())[:2]] == [1, 1])
    subscription.close()
    publisher.close()
    wait_for(lambda: announced_nodes(reader)["/fer"][:2] == (set(), set()))
    fer.close()
    wait_for(lambda: "/fer" not in announced_nodes(reader))


def test_bad_configuration_is_refused_and_can_be_mended(monkeypatch):
    good = os.environ["CYCLONEDDS_URI"]
    monkeypatch.setenv("CYCLONEDDS_URI", "<CycloneDDS><Nonsense")
    with pytest.raises(TransportError, match="CYCLONEDDS_URI"):
        DdsTransport("fer")
    monkeypatch.setenv("CYCLONEDDS_URI", good)
    DdsTransport("fer").close()


def test_nodes_of_a_process_must_share_the_configuration(join, monkeypatch):
    join("fer")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    with pytest.raises(TransportError, match="another discovery configuration"):
        join("other")


def test_unknown_type_is_refused(join):
    with pytest.raises(TransportError, match="no_msgs/msg/Nothing"):
        join("fer").publisher("chat", "no_msgs/msg/Nothing", Qos())


@pytest.mark.parametrize("qos", [Qos(depth=0), Qos(depth=-3)])
def test_impossible_qos_is_refused(join, qos):
    node = join("fer")
    with pytest.raises(TransportError, match="/chat"):
        node.publisher("chat", STRING, qos)
    with pytest.raises(TransportError, match="/chat"):
        node.subscribe("chat", STRING, qos, Inbox())


def test_node_that_fails_to_start_leaves_nothing_behind(join, monkeypatch):
    with pytest.raises(TransportError, match="9"):
        join("fer", "--ros-args -p use_sim_time:=true -r /clock:=9")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    join("fer")  # would be refused if the domain were still in use


def test_there_are_no_services(join):
    assert join("fer").set_bool_service("~/enable", lambda value: (True, "")) is None


def test_absence_of_cyclone_dds_is_told_in_clear_words():
    code = (
        "import sys; sys.modules['cyclonedds'] = None\n"
        "from fer_ros.transport.base import TransportError\n"
        "try:\n    import fer_ros.transport.dds\n"
        "except TransportError as error:\n    print(error)"
    )
    environment = os.environ | {"PYTHONPATH": str(PEER.parent.parent)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "pip install" in found.stdout
    assert "rclpy" in found.stdout
