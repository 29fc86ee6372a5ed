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

"""Plug-ins: what they are given, and that a bad one reaches neither the others nor the process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from stage import RULE
from support import wait_for

from fer_ros.behaviors import node, plugin_runner
from fer_ros.behaviors.plugin_runner import PluginRunner
from fer_ros.behaviors.plugins import Context, PluginError, find
from fer_ros.behaviors.rules import Run
from fer_ros.behaviors.workers import QUEUE_SIZE


@pytest.fixture(autouse=True)
def anew() -> None:
    Recorder.made, Odd.does = [], {}


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


def test_a_plugin_gets_the_events_and_is_closed(stage):
    here = stage(
        RULE % "{at: [start, end], run: {plugin: 'test_plugins:Recorder', options: {x: 1}}}"
    )
    here.see(1.0, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.phase for e in plugin.events] == ["start"])
    here.node.close()
    assert [e.phase for e in plugin.events] == ["start", "end"]
    assert plugin.closed


def test_rules_with_the_same_options_share_a_plugin(stage):
    run = "for: 0, do: [{run: {plugin: 'test_plugins:Recorder'}}]"
    text = f"rules: [{{name: a, {run}}}, {{name: b, {run}}}]"
    here = stage(text)
    here.see(0.2, a="happy")
    (plugin,) = Recorder.made
    wait_for(lambda: [e.rule for e in plugin.events] == ["a", "b"])


def test_a_plugin_that_fails_or_is_unwell_shows_in_the_diagnostics(stage, caplog):
    options = "options: {fail: true, tired: true}"
    here = stage(RULE % f"{{run: {{plugin: 'test_plugins:Recorder', {options}}}}}")
    with caplog.at_level("ERROR"):
        here.see(1.0, a="happy")
        wait_for(lambda: "plug-in test_plugins:Recorder failed: RuntimeError: no" in caplog.text)
    wait_for(lambda: "behave: plug-in test_plugins:Recorder" in here.diagnostics)
    status = here.diagnostics["behave: plug-in test_plugins:Recorder"]
    assert (status.level, status.message) == (2, "tired")


def test_a_plugin_that_stalls_holds_up_nobody(stage):
    text = (
        "rules: [{name: smile, expression: happy, for: 0, ongoing: 0.01, do: ["
        "{at: [start, ongoing], run: {plugin: 'test_plugins:Recorder', "
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
    "[{run: {plugin: 'test_plugins:Odd'}, at: [start, end]},"
    "{run: {plugin: 'test_plugins:Recorder'}, at: [start, end]}]"
)


@pytest.mark.parametrize(
    ("method", "does", "text"),
    [
        ("handle", fail, "handle() failed for 2 of 2 events: RuntimeError: boom"),
        ("handle", leave, "handle() failed for 2 of 2 events: SystemExit: 3"),
        ("handle", raise_odd, "NoError: without a readable message"),
        ("health", fail, "health() failed: RuntimeError: boom"),
        ("health", leave, "health() failed: SystemExit: 3"),
        ("health", lambda: 7, "health() returned 'int' instead of a string"),
        ("health", lambda: b"ill", "health() returned 'bytes' instead of a string"),
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
    name = "behave: plug-in test_plugins:Odd"
    wait_for(lambda: name in here.diagnostics and text in here.diagnostics[name].message)
    assert here.diagnostics[name].level == (0 if text == "works" else 2)
    assert len(here.diagnostics[name].message) <= 300
    assert here.diagnostics["behave: plug-in test_plugins:Recorder"].level == 0


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


def test_health_that_hangs_is_an_error_after_two_seconds(stage, monkeypatch):
    """With the period of diagnostics and of health it is seen after 3.5 s at the latest."""
    hang, now = threading.Event(), [time.monotonic()]
    monkeypatch.setattr(plugin_runner, "time", SimpleNamespace(monotonic=lambda: now[0]))
    Odd.does = {"health": lambda: hang.wait(60) and ""}
    runner = PluginRunner(
        Run("test_plugins:Odd", {}, Path()), Context(stage(RULE % "").transport, Path())
    )
    wait_for(lambda: runner._asked_since is not None)
    now[0] += 1.9
    assert runner.status("n").level == 0
    now[0] += 0.2
    status = runner.status("n")
    assert (status.level, status.message) == (2, "health() has not returned for 2 s")
    assert node._DIAGNOSTICS_PERIOD + plugin_runner._HEALTH_PERIOD <= 1.5
    hang.set()
    wait_for(lambda: runner.status("n").message == "works")
    runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["handle", "health", "close"])
def test_a_plugin_that_hangs_is_reported_and_left_behind(stage, caplog, method):
    hang = threading.Event()
    Odd.does = {method: lambda: hang.wait(120) and ""}
    here = stage(RULE.replace("[%s]", ODD_AND_GOOD))
    here.see(1.0, a="happy")
    name = "behave: plug-in test_plugins:Odd"
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


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("{plugin: nobody}", "no plug-in 'nobody'; installed: music_player"),
        ("{plugin: 'no_such_module:X'}", "cannot be loaded: ModuleNotFoundError"),
        (
            "{plugin: 'test_plugins:Recorder', options: {bad: 1}}",
            "cannot start: bad is not good",
        ),
        ("{plugin: music_player}", "cannot start: the option 'library' is missing"),
    ],
)
def test_a_plugin_that_cannot_be_made_is_named(stage, run, said):
    with pytest.raises(PluginError) as raised:
        stage(RULE % f"{{run: {run}}}")
    assert said in str(raised.value)
