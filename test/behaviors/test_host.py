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

import threading
import time
from typing import ClassVar

import pytest
from faces import message
from support import wait_for

from fer_ros.behaviors.host import BehaviorHost
from fer_ros.behaviors.plugins import PluginError
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
        self.host = BehaviorHost(self.transport, parse_rules(text))

    def hear(self, topic, kind, take):
        self.other.subscribe(topic, kind, Qos(depth=1000), lambda data: take(decode(data, kind)))

    def see(self, seconds: float, **faces: str) -> None:
        """Let faces be seen for a while, ten times a second of the graph's clock."""
        for _ in range(round(seconds * 10)):
            self.graph.set_time_ns(self.graph.time_ns + SECOND // 10)
            self.emotions.publish(encode(message(self.graph.time_ns, faces)))
            wait_for(lambda: not self.waiting())

    def waiting(self) -> bool:
        (subscription,) = self.host._subscriptions
        camera = self.host._engine._cameras.get("/image_raw")
        newest = camera.newest_ns if camera else 0
        return bool(subscription._queue) or newest != self.graph.time_ns

    def close(self) -> None:
        self.host.close()
        self.transport.close()
        self.other.close()


@pytest.fixture
def stage():
    Recorder.made = []
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
    here.host.close()
    wait_for(
        lambda: [(e.phase, e.cause) for e in here.events] == [("start", ""), ("end", "stopped")]
    )


def test_a_stale_answer_is_counted_and_changes_nothing(stage):
    here = stage("rules: [{name: there, for: 0}]")
    here.emotions.publish(encode(message(here.graph.time_ns - 5 * SECOND, {"a": "happy"})))
    wait_for(lambda: here.host._engine.dropped["stale"] == 1)
    assert not here.events


def test_a_service_is_called_and_its_failure_is_said(stage):
    text = "{call: {service: /lights, type: std_srvs/srv/SetBool, value: false}}"
    here = stage(RULE.replace("for:", "cooldown: 0, for:") % text)
    here.see(1.0, a="happy")
    wait_for(lambda: any("no service '/lights'" in s.message for s in here.host.diagnose()))
    called = []
    here.other.set_bool_service("/lights", lambda value: (called.append(value) or True, "dark"))
    here.see(0.5, a="sad")
    here.see(1.0, a="happy")
    wait_for(lambda: called == [False])
    wait_for(lambda: not any("lights" in status.name for status in here.host.diagnose()))


def test_a_plugin_gets_the_events_and_is_closed(stage):
    here = stage(RULE % "{at: [start, end], run: {plugin: 'test_host:Recorder', options: {x: 1}}}")
    here.see(1.0, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.phase for e in plugin.events] == ["start"])
    here.host.close()
    assert [e.phase for e in plugin.events] == ["start", "end"]
    assert plugin.closed


def test_rules_with_the_same_options_share_a_plugin(stage):
    run = "for: 0, do: [{run: {plugin: 'test_host:Recorder'}}]"
    text = f"rules: [{{name: a, {run}}}, {{name: b, {run}}}]"
    here = stage(text)
    here.see(0.2, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.rule for e in plugin.events] == ["a", "b"])


def test_a_plugin_that_fails_or_is_unwell_shows_in_the_diagnostics(stage, caplog):
    options = "options: {fail: true, tired: true}"
    here = stage(RULE % f"{{run: {{plugin: 'test_host:Recorder', {options}}}}}")
    with caplog.at_level("ERROR"):
        here.see(1.0, a="happy")
        wait_for(lambda: "plug-in test_host:Recorder failed: RuntimeError: no" in caplog.text)
    wait_for(lambda: "behave: plug-in test_host:Recorder" in here.diagnostics)
    status = here.diagnostics["behave: plug-in test_host:Recorder"]
    assert (status.level, status.message) == (2, "tired")


def test_a_plugin_that_stalls_holds_up_nobody(stage):
    text = (
        "rules: [{name: smile, expression: happy, for: 0, ongoing: 0.01, do: ["
        "{at: [start, ongoing], run: {plugin: 'test_host:Recorder', options: {stall: true}}}]}]"
    )
    here = stage(text)
    for _ in range(30):
        here.see(0.1, **{f"f{i}": "happy" for i in range(12)})
    (plugin,) = Recorder.made
    wait_for(lambda: len(here.events) == 360)
    (worker,) = [w for p, w in here.host._actions._plugins.values()]
    assert len(worker._queue) == QUEUE_SIZE
    assert worker.dropped == 360 - QUEUE_SIZE - 1
    plugin.stall.set()
    wait_for(lambda: len(plugin.events) == QUEUE_SIZE + 1)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("{plugin: nobody}", "no plug-in 'nobody'; installed: music_player"),
        ("{plugin: 'no_such_module:X'}", "cannot be loaded: ModuleNotFoundError"),
        ("{plugin: 'test_host:Recorder', options: {bad: 1}}", "cannot start: bad is not good"),
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
    wait_for(lambda: here.host._damaged == 1)
    here.see(1.0, a="happy")
    wait_for(lambda: here.events)


def test_diagnostics_say_when_nothing_comes(stage, monkeypatch):
    monkeypatch.setattr("fer_ros.behaviors.host._NO_INPUT", 0.0)
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
