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

"""Behaviours at the end of the whole chain: recorded images, a live camera, a stalled reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dds_domains import loopback_environment
from faces import message
from replay.bags import one_actor, scene_bag
from support import wait_for

from fer_ros.apps.cli import main
from fer_ros.behaviors.node import BehaviorNode
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.bridges.node import BridgeNode
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import EMOTION_EVENT, RUNNING_EVENTS, read_event
from fer_ros.transport.opening import open_standalone, private_graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def graph(monkeypatch):
    """A DDS graph of this test's own; gives a function that joins it and one that starts in it."""
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)
    dds = pytest.importorskip("fer_ros.transport.dds.node", reason="needs Cyclone DDS")
    nodes, processes = [], []

    def join(name: str):
        nodes.append(dds.DdsTransport(name, "/"))
        return nodes[-1]

    def start(*words: str) -> subprocess.Popen:
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "fer_ros", *words],
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        return processes[-1]

    yield join, start
    for node in nodes:
        node.close()
    for process in processes:
        process.kill()
        process.wait()


def test_recorded_images_become_events(tmp_path, capsys):
    """By `fer-ros replay`, as docs/behaviors.md says."""
    bag = scene_bag(tmp_path / "bag", one_actor(("happy", "sad")), 60, labels=False)
    assert main(["replay", str(bag), "--out", str(tmp_path / "results")]) == 0
    capsys.readouterr()
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{name: there}, {name: smile, expression: happy, for: 0.3}]")
    printed = []
    for _ in range(2):
        assert main(["behave", str(rules), "--bag", str(tmp_path / "results" / "bag")]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    events = [json.loads(line) for line in printed[0].splitlines()]
    starts = [(e["rule"], e["track_id"]) for e in events if e["phase"] == "start"]
    assert starts == [("smile", "face_1"), ("there", "face_1")]
    ends = [(e["rule"], e["cause"]) for e in events if e["phase"] == "end"]
    assert ("there", "stopped") in ends


def test_a_subscriber_that_stalls_holds_up_nobody(graph, tmp_path):
    """It is stopped as a debugger would; the others get every event, and the rules end in order."""
    join, start = graph
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{name: there, for: 0, release: 0, ongoing: 0.01}]")
    behave = start("behave", str(rules))
    node = join("fer")
    events: list = []
    node.subscribe(
        "/fer/events", EMOTION_EVENT, Qos(depth=1000),
        lambda data: events.append(read_event(decode(data, EMOTION_EVENT))),
    )  # fmt: skip
    emotions = node.publisher("fer/emotions", messages.EMOTION_ARRAY, Qos())
    wait_for(lambda: emotions.subscription_count() == 1, 30)
    watcher = node.publisher("/fer/events", EMOTION_EVENT, Qos())  # sees who subscribes
    stalled = start("echo", "/fer/events")
    wait_for(lambda: watcher.subscription_count() == 2, 30)
    stalled.send_signal(signal.SIGSTOP)
    told = 0
    for _ in range(100):
        faces = {f"k7w2xq_{i}": "happy" for i in range(20)}
        emotions.publish(encode(message(time.time_ns(), faces)))
        told += 20
        time.sleep(0.02)
    wait_for(lambda: len(events) >= told, 20)
    behave.send_signal(signal.SIGINT)
    assert behave.wait(20) == 0
    stalled.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_a_camera_a_node_and_the_greeter(graph):
    """Synthetic faces before the real pipeline; the greeter greets one that smiles, once."""
    join, start = graph
    start("camera", "--source", "demo", "--rate", "10")
    start("run", "--ros-args", "-p", "image_reliability:=reliable")
    start("behave", "greeter")
    listener = join("listener")
    heard: list[str] = []
    listener.subscribe(
        "/greeting", "std_msgs/msg/String", Qos(),
        lambda data: heard.append(decode(data, "std_msgs/msg/String").data),
    )  # fmt: skip
    wait_for(lambda: heard, 60)
    time.sleep(5)
    assert len(heard) == len(set(heard))
    assert heard[0].startswith("Hello, it is nice to see you smile, ")


@pytest.fixture(params=[("rmw_cyclonedds_cpp", "cyclonedds"), ("rmw_zenoh_cpp", "zenoh")])
def either_graph(request, monkeypatch):
    """A graph of this test's own over DDS, and one over Zenoh."""
    rmw, library = request.param
    pytest.importorskip(library, reason="needs both middlewares")
    for name, value in {**loopback_environment(), "ZENOH_CONFIG_OVERRIDE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RMW_IMPLEMENTATION", rmw)
    with private_graph():
        yield


def test_who_joins_late_learns_what_runs(either_graph):
    rules = parse_rules("rules: [{name: smile, expression: happy, for: 0.1}]")
    running: list[list[str]] = []

    def take(data: bytes) -> None:
        running.append([event.track_id for event in decode(data, RUNNING_EVENTS).events])

    with open_standalone("behave") as own, open_standalone("fer") as fer:
        behave = BehaviorNode(own, rules)
        events: list[bytes] = []
        fer.subscribe("/fer/events", EMOTION_EVENT, Qos(), events.append)
        emotions = fer.publisher("fer/emotions", messages.EMOTION_ARRAY, Qos())

        def show() -> bool:
            emotions.publish(encode(message(time.time_ns(), {"k7w2xq_1": "happy"})))
            return bool(events)

        wait_for(show, 30)
        with open_standalone("late") as late:
            latched = Qos(durability="transient_local", depth=1)
            late.subscribe("/fer/running_events", RUNNING_EVENTS, latched, take)
            wait_for(lambda: show() and ["k7w2xq_1"] in running, 30)
            wait_for(lambda: running[-1] == [], 30)  # nobody is shown any more
        behave.close()


@pytest.mark.parametrize("rules", [True, False])
def test_results_of_another_type_are_refused_with_the_remedy(either_graph, caplog, rules):
    with open_standalone("own") as own, open_standalone("other") as other:
        other.publisher("fer/emotions", messages.IMAGE, Qos())
        node = (
            BehaviorNode(own, parse_rules("rules: [{name: there}]"))
            if rules
            else BridgeNode(own, ["vision"])
        )
        remedy = "/fer/emotions: a publisher is refused for the definition of its type"
        wait_for(lambda: remedy in caplog.text, 20)
        if rules:
            assert remedy in node.diagnose()[0].message
        node.close()
