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

"""Rules in a graph: events on their topic, words, services, plug-ins, and what goes wrong."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import ClassVar

import pytest
from faces import message
from support import wait_for

from fer_ros.behaviors.node import BehaviorNode
from fer_ros.behaviors.plugins import PluginError, find
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.behaviors.workers import QUEUE_SIZE, Worker
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import EMOTION_EVENT, read_event
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

SECOND = 1_000_000_000
STRING = "std_msgs/msg/String"


class Recorder:
    """A plug-in that remembers; made anew for each test."""

    made: ClassVar[list[Recorder]] = []

    def __init__(self, options, context):
        if "bad" in options:
            raise ValueError("bad is not good")
        self.events, self.closed, self.options = [], False, options
        self.stall = threading.Event()
        Recorder.made.append(self)

    def handle(self, event):
        if self.options.get("stall"):
            self.stall.wait(10)
        if self.options.get("fail"):
            raise RuntimeError("no")
        self.events.append(event)

    def health(self):
        return "tired" if self.options.get("tired") else ""

    def close(self):
        self.closed = True


class Stage:
    """A host, a node whose answers it judges, and somebody who hears."""

    def __init__(self, text: str) -> None:
        self.graph = MemoryGraph()
        self.graph.set_time_ns(1000 * SECOND)
        self.transport = MemoryTransport(self.graph, "behave")
        self.other = MemoryTransport(self.graph, "other")
        self.events: list = []
        self.words: list[str] = []
        self.diagnostics: dict[str, object] = {}
        self.hear("/fer/events", EMOTION_EVENT, lambda m: self.events.append(read_event(m)))
        self.hear("/words", STRING, lambda m: self.words.append(m.data))
        self.hear(
            "/diagnostics", messages.DIAGNOSTIC_ARRAY,
            lambda m: self.diagnostics.update({each.name: each for each in m.status}),
        )  # fmt: skip
        self.emotions = self.other.publisher("/fer/emotions", messages.EMOTION_ARRAY, Qos())
        self.node = BehaviorNode(self.transport, parse_rules(text))

    def hear(self, topic, kind, take):
        self.other.subscribe(topic, kind, Qos(depth=1000), lambda data: take(decode(data, kind)))

    def see(self, seconds: float, **faces: str) -> None:
        """Let faces be seen for a while, ten times a second of the graph's clock."""
        for _ in range(round(seconds * 10)):
            self.graph.set_time_ns(self.graph.time_ns + SECOND // 10)
            self.emotions.publish(encode(message(self.graph.time_ns, faces)))
            wait_for(lambda: not self.waiting())

    def waiting(self) -> bool:
        (subscription,) = self.node._subscriptions
        camera = self.node._engine._cameras.get("/image_raw")
        newest = camera.clock.newest_ns if camera else 0
        return bool(subscription._queue) or newest != self.graph.time_ns

    def close(self) -> None:
        self.node.close()
        self.transport.close()
        self.other.close()


@pytest.fixture
def stage():
    Recorder.made, Odd.does = [], {}
    stages = []

    def build(text: str) -> Stage:
        stages.append(Stage(text))
        return stages[-1]

    yield build
    for each in stages:
        each.close()


RULE = "rules: [{name: smile, expression: happy, for: 0.5, release: 0.2, do: [%s]}]"


def test_events_are_published_and_words_said(stage):
    here = stage(
        RULE
        % "{at: [start, end], say: {topic: /words, text: '{track_id} {phase} {label} {camera}'}}"
    )
    here.see(1.0, a="happy")
    here.see(0.5, a="sad")
    wait_for(lambda: len(here.words) == 2)
    assert here.words == ["a start happy /image_raw", "a end happy /image_raw"]
    wait_for(lambda: len(here.events) == 2)
    start, end = here.events
    assert (start.phase, start.rule, start.track_id, start.frame_id) == (
        "start",
        "smile",
        "a",
        "camera",
    )
    assert end.cause == "changed"
    assert end.onset_ns == start.onset_ns


def test_a_rule_may_keep_its_events_to_itself(stage):
    here = stage(
        RULE.replace("{name", "{publish: false, name") % "{say: {topic: /words, text: hi}}"
    )
    here.see(1.0, a="happy")
    wait_for(lambda: here.words == ["hi"])
    assert not here.events


def test_when_the_node_falls_silent_every_event_ends(stage):
    here = stage(RULE % "")
    here.see(1.0, a="happy", b="happy")
    here.graph.set_time_ns(here.graph.time_ns + 2 * SECOND)
    wait_for(lambda: len(here.events) == 4)
    assert [(e.phase, e.cause) for e in here.events[2:]] == [("end", "silent")] * 2


def test_closing_ends_every_event(stage):
    here = stage(RULE % "")
    here.see(1.0, a="happy")
    here.node.close()
    wait_for(
        lambda: [(e.phase, e.cause) for e in here.events] == [("start", ""), ("end", "stopped")]
    )


def test_a_stale_answer_is_counted_and_changes_nothing(stage):
    here = stage("rules: [{name: there, for: 0}]")
    here.emotions.publish(encode(message(here.graph.time_ns - 5 * SECOND, {"a": "happy"})))
    wait_for(lambda: here.node._engine.dropped["stale"] == 1)
    assert not here.events


def test_a_service_is_called_and_its_failure_is_said(stage):
    text = "{call: {service: /lights, type: std_srvs/srv/SetBool, value: false}}"
    here = stage(RULE.replace("for:", "cooldown: 0, for:") % text)
    here.see(1.0, a="happy")
    wait_for(lambda: any("no service '/lights'" in s.message for s in here.node.diagnose()))
    called = []
    here.other.set_bool_service("/lights", lambda value: (called.append(value) or True, "dark"))
    here.see(0.5, a="sad")
    here.see(1.0, a="happy")
    wait_for(lambda: called == [False])
    wait_for(lambda: not any("lights" in status.name for status in here.node.diagnose()))


def test_a_plugin_gets_the_events_and_is_closed(stage):
    here = stage(
        RULE % "{at: [start, end], run: {plugin: 'test_behavior_node:Recorder', options: {x: 1}}}"
    )
    here.see(1.0, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.phase for e in plugin.events] == ["start"])
    here.node.close()
    assert [e.phase for e in plugin.events] == ["start", "end"]
    assert plugin.closed


def test_rules_with_the_same_options_share_a_plugin(stage):
    run = "for: 0, do: [{run: {plugin: 'test_behavior_node:Recorder'}}]"
    text = f"rules: [{{name: a, {run}}}, {{name: b, {run}}}]"
    here = stage(text)
    here.see(0.2, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.rule for e in plugin.events] == ["a", "b"])


def test_a_plugin_that_fails_or_is_unwell_shows_in_the_diagnostics(stage, caplog):
    options = "options: {fail: true, tired: true}"
    here = stage(RULE % f"{{run: {{plugin: 'test_behavior_node:Recorder', {options}}}}}")
    with caplog.at_level("ERROR"):
        here.see(1.0, a="happy")
        wait_for(
            lambda: "plug-in test_behavior_node:Recorder failed: RuntimeError: no" in caplog.text
        )
    wait_for(lambda: "behave: plug-in test_behavior_node:Recorder" in here.diagnostics)
    status = here.diagnostics["behave: plug-in test_behavior_node:Recorder"]
    assert (status.level, status.message) == (2, "tired")


def test_a_plugin_that_stalls_holds_up_nobody(stage):
    text = (
        "rules: [{name: smile, expression: happy, for: 0, ongoing: 0.01, do: ["
        "{at: [start, ongoing], run: {plugin: 'test_behavior_node:Recorder', "
        "options: {stall: true}}}]}]"
    )
    here = stage(text)
    for _ in range(30):
        here.see(0.1, **{f"f{i}": "happy" for i in range(12)})
    (plugin,) = Recorder.made
    wait_for(lambda: len(here.events) == 360)
    (worker,) = [runner.worker for runner in here.node._actions._plugins.values()]
    assert len(worker._queue) == QUEUE_SIZE
    assert worker.dropped == 360 - QUEUE_SIZE - 1
    plugin.stall.set()
    wait_for(lambda: len(plugin.events) == QUEUE_SIZE + 1)


class Odd:
    """A plug-in whose methods do what the test says."""

    does: ClassVar[dict[str, Callable[[], object]]] = {}

    def __init__(self, options, context):
        self.do("init")

    def do(self, name: str, default: object = None) -> object:
        return Odd.does[name]() if name in Odd.does else default

    def handle(self, event):
        self.do("handle")

    def health(self):
        return self.do("health", "")

    def close(self):
        self.do("close")


class NoError(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("not even a text")


def fail() -> None:
    raise RuntimeError("boom")


def leave() -> None:
    sys.exit(3)


def raise_odd() -> None:
    raise NoError


ODD_AND_GOOD = (
    "[{run: {plugin: 'test_behavior_node:Odd'}, at: [start, end]},"
    "{run: {plugin: 'test_behavior_node:Recorder'}, at: [start, end]}]"
)


@pytest.mark.parametrize(
    ("method", "does", "text"),
    [
        ("handle", fail, "handle() failed for 2 of 2 events: RuntimeError: boom"),
        ("handle", leave, "handle() failed for 2 of 2 events: SystemExit: 3"),
        ("handle", raise_odd, "NoError: without a readable text"),
        ("health", fail, "health() failed: RuntimeError: boom"),
        ("health", leave, "health() failed: SystemExit: 3"),
        ("health", lambda: 7, "health() returned 'int' instead of a text"),
        ("health", lambda: b"ill", "health() returned 'bytes' instead of a text"),
        ("health", lambda: "x" * 10**6, "… (1000000 characters)"),
        ("health", lambda: "\ud800\x1b[31m", "  [31m"),
        ("health", lambda: None, "works"),
    ],
)
def test_a_bad_plugin_is_named_and_the_others_run(stage, method, does, text):
    Odd.does = {method: does}
    here = stage(RULE.replace("[%s]", ODD_AND_GOOD))
    here.see(1.0, a="happy")
    here.see(0.5, a="sad")
    (good,) = Recorder.made
    wait_for(lambda: len(good.events) == 2 and len(here.events) == 2)
    name = "behave: plug-in test_behavior_node:Odd"
    wait_for(lambda: name in here.diagnostics and text in here.diagnostics[name].message)
    assert here.diagnostics[name].level == (0 if text == "works" else 2)
    assert len(here.diagnostics[name].message) <= 300
    assert here.diagnostics["behave: plug-in test_behavior_node:Recorder"].level == 0


def test_a_plugin_that_always_fails_is_logged_once_in_a_while(stage, caplog):
    Odd.does = {"handle": fail}
    text = RULE.replace("release:", "ongoing: 0.05, release:").replace("[%s]", ODD_AND_GOOD)
    here = stage(text.replace("at: [start, end]", "at: [start, ongoing, end]"))
    with caplog.at_level("ERROR"):
        here.see(3.0, a="happy")
        wait_for(lambda: len(Recorder.made[0].events) >= 25)
    assert caplog.text.count("Odd failed: RuntimeError: boom") == 1


@pytest.mark.parametrize(
    ("does", "text"),
    [(fail, "cannot start: boom"), (leave, "SystemExit: 3"), (raise_odd, "without a readable")],
)
def test_a_constructor_may_not_end_the_process(stage, does, text):
    Odd.does = {"init": does}
    with pytest.raises(PluginError, match=text):
        stage(RULE.replace("[%s]", ODD_AND_GOOD))


def test_an_import_may_not_end_the_process(tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="cannot be loaded: SystemExit: 0"):
        find("leaving:X")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["handle", "health", "close"])
def test_a_plugin_that_hangs_is_reported_and_left_behind(stage, caplog, method):
    hang = threading.Event()
    Odd.does = {method: lambda: hang.wait(120) and ""}
    here = stage(RULE.replace("[%s]", ODD_AND_GOOD))
    here.see(1.0, a="happy")
    name = "behave: plug-in test_behavior_node:Odd"
    if method != "close":
        wait_for(lambda: "has not returned for" in here.diagnostics[name].message, 20)
    wait_for(lambda: len(Recorder.made[0].events) == 1)
    start = time.monotonic()
    here.node.close()
    assert time.monotonic() - start < 12
    assert Recorder.made[0].closed
    if method == "close":
        assert "Odd has not closed within 5 s" in caplog.text
    hang.set()


@pytest.mark.slow
def test_a_constructor_that_hangs_is_given_up(stage, monkeypatch):
    monkeypatch.setattr("fer_ros.behaviors.plugin_runner.START_TIME", 0.5)
    hang = threading.Event()
    Odd.does = {"init": lambda: hang.wait(60)}
    with pytest.raises(PluginError, match=r"has not started within 0\.5 s"):
        stage(RULE.replace("[%s]", ODD_AND_GOOD))
    hang.set()


def test_diagnostics_report_a_camera_of_another_clock_and_rules_without_camera(stage):
    here = stage("rules: [{name: there, for: 0}, {name: other, for: 0, cameras: /b/image}]")
    for _ in range(60):
        here.graph.set_time_ns(here.graph.time_ns + SECOND // 10)
        array = message(here.graph.time_ns - 900 * SECOND, {"a": "happy"})
        here.emotions.publish(encode(array))
        time.sleep(0.01)
    wait_for(lambda: len(here.events) == 1)
    wait_for(lambda: any("clock is 900.0 s behind" in s.message for s in here.diagnostics.values()))
    assert here.diagnostics["behave: rules"].level == 1
    wait_for(lambda: any("rule 'other'" in s.message for s in here.diagnostics.values()), 10)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("{plugin: nobody}", "no plug-in 'nobody'; installed: music_player"),
        ("{plugin: 'no_such_module:X'}", "cannot be loaded: ModuleNotFoundError"),
        (
            "{plugin: 'test_behavior_node:Recorder', options: {bad: 1}}",
            "cannot start: bad is not good",
        ),
        ("{plugin: music_player}", "cannot start: the option 'library' is missing"),
    ],
)
def test_a_plugin_that_cannot_be_made_is_named(stage, run, said):
    with pytest.raises(PluginError) as raised:
        stage(RULE % f"{{run: {run}}}")
    assert said in str(raised.value)


def test_rubbish_on_the_topic_is_counted(stage):
    here = stage(RULE % "")
    here.emotions.publish(b"\x00\x01\x00\x00rubbish")
    wait_for(lambda: here.node._damaged == 1)
    here.see(1.0, a="happy")
    wait_for(lambda: here.events)


def test_diagnostics_say_when_nothing_comes(stage, monkeypatch):
    monkeypatch.setattr("fer_ros.behaviors.node._NO_INPUT", 0.0)
    here = stage(RULE % "")
    wait_for(lambda: "behave: rules" in here.diagnostics)
    status = here.diagnostics["behave: rules"]
    assert (status.level, status.message) == (1, "nothing usable comes on /fer/emotions")


def test_a_worker_ends_in_bounded_time_though_its_work_does_not(monkeypatch):
    monkeypatch.setattr("fer_ros.behaviors.workers._DRAIN_TIME", 0.2)
    stuck = threading.Event()
    transport = MemoryTransport(MemoryGraph(), "n")
    worker: Worker[int] = Worker("stuck", lambda _: stuck.wait(30), transport.log)
    worker.put(1)
    worker.put(2)
    start = time.monotonic()
    worker.close()
    assert time.monotonic() - start < 10
    stuck.set()
