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

"""Rules in a graph: events on their topic, words, services, and what goes wrong."""

from __future__ import annotations

import threading
import time

from faces import message
from stage import RULE, SECOND
from support import wait_for

from fer_ros.behaviors.workers import Worker
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.event_messages import RUNNING_EVENTS
from fer_ros.transport.memory import MemoryGraph, MemoryTransport


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


def test_who_joins_late_learns_what_runs(stage):
    rules = "rules: [{name: there, for: 0}, {name: smile, expression: [happy, sad], for: 0.3}]"
    here = stage(rules.replace("[{", "[{name: own, publish: false, for: 0}, {", 1))
    running: list = []
    here.see(1.0, a="happy", b="uncertain")

    def take(message):
        running.append({(e.rule, e.track_id, e.label, e.phase) for e in message.events})

    here.hear("/fer/running_events", RUNNING_EVENTS, take, Qos("reliable", 1, "transient_local"))
    there = {("there", "a", "happy", "start"), ("there", "b", "uncertain", "start")}
    wait_for(lambda: running and running[-1] == there | {("smile", "a", "happy", "start")})
    here.see(2.0, a="sad")
    there = {("there", "a", "happy", "start")}
    wait_for(lambda: running[-1] == there | {("smile", "a", "sad", "start")})
    here.node.close()
    wait_for(lambda: running[-1] == set())


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


def test_a_stale_result_is_counted_and_changes_nothing(stage):
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


def test_time_that_never_comes_is_in_diagnostics_and_log(stage, monkeypatch, capfd):
    monkeypatch.setattr("fer_ros.behaviors.node._NO_INPUT", 0.5)
    here = stage(RULE % "")
    here.graph.set_time_ns(0)
    said = "use_sim_time is set, but no /clock came yet"

    def warned() -> bool:
        status = here.diagnostics.get("behave: rules")
        return status is not None and status.level == 1 and status.message.startswith(said)

    wait_for(warned)
    assert said in capfd.readouterr().err
    here.see(1.0, a="happy")
    wait_for(lambda: not warned())


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
