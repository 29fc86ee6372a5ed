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

"""Actions of events: messages, service calls and plug-ins, each on a thread of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fer_ros.behaviors.plugin_runner import PluginRunner, close_all
from fer_ros.behaviors.plugins import Context, PluginError
from fer_ros.behaviors.rules import Call, Rule, RuleSet, Run, Say
from fer_ros.behaviors.workers import Worker
from fer_ros.perception.strings import shortened
from fer_ros.transport import event_messages
from fer_ros.transport.base import Publisher, Qos, Transport, TransportError
from fer_ros.transport.codec import encode, message_class
from fer_ros.transport.event_messages import Event
from fer_ros.transport.messages import Status

_W = TypeVar("_W", Say, Call, Run)

EVENTS_TOPIC = "fer/events"
RUNNING_EVENTS_TOPIC = "fer/running_events"
STRING = "std_msgs/msg/String"


def actions_of(rule: Rule, event: Event) -> Iterator[Say | Call | Run]:
    """Yield the actions of a rule at an event."""
    for action in rule.actions:
        if event.phase in action.at:
            yield action.what


def in_words(what: Say | Call | Run, event: Event) -> str:
    """Return a description of an action, for people and for tests over a recording."""
    match what:
        case Say():
            return f"say {what.topic}: {what.text_for(event)}"
        case Call(type_name="std_srvs/srv/SetBool"):
            return f"call {what.service}: {str(what.value).lower()}"
        case Call():
            return f"call {what.service}"
        case Run():
            return f"run {what.plugin}"


class Actions:
    """Runs the actions of all rules of a file without blocking the caller."""

    def __init__(self, rules: RuleSet, transport: Transport) -> None:
        """Open the topics and make the plug-ins.

        Args:
            rules: The rules.
            transport: Where messages go and services are called.

        Raises:
            TransportError: A topic cannot be published.
            PluginError: A plug-in is not there, or refuses its options.
        """
        self._rules = {rule.name: rule for rule in rules.rules}
        self._transport = transport
        self._failed: dict[str, str] = {}
        self._running: dict[tuple[str, ...], Event] = {}
        self._told: list[Event] | None = None
        self._plugins: dict[str, PluginRunner] = {}
        self._workers: list[Worker[tuple[Publisher, bytes]] | Worker[Call]] = []
        try:
            qos = Qos("reliable", depth=100)
            self._events = transport.publisher(EVENTS_TOPIC, event_messages.EMOTION_EVENT, qos)
            latched = Qos("reliable", depth=1, durability="transient_local")
            self._running_events = transport.publisher(
                RUNNING_EVENTS_TOPIC, event_messages.RUNNING_EVENTS, latched
            )
            self._strings = {
                topic: transport.publisher(topic, STRING, Qos("reliable", depth=10))
                for topic in sorted({what.topic for what in self._all(Say)})
            }
            for run in self._all(Run):
                if _key(run) not in self._plugins:
                    self._plugins[_key(run)] = PluginRunner(run, Context(transport, run.folder))
        except BaseException:
            self.close()
            raise
        self._out: Worker[tuple[Publisher, bytes]] = Worker(
            "publishing events", lambda item: item[0].publish(item[1]), transport.log
        )
        self._calls: Worker[Call] = Worker("calling services", self._call, transport.log)
        self._workers += [self._out, self._calls]

    def _all(self, kind: type[_W]) -> Iterator[_W]:
        for rule in self._rules.values():
            yield from (a.what for a in rule.actions if isinstance(a.what, kind))

    @property
    def events_topic(self) -> str:
        """Fully qualified name."""
        return self._events.topic

    def handle(self, events: Sequence[Event]) -> None:
        """Run the actions of some events; returns at once."""
        for event in events:
            rule = self._rules[event.rule]
            if rule.publish:
                self._note(rule, event)
                self._out.put((self._events, encode(event_messages.emotion_event(event))))
            for what in actions_of(rule, event):
                match what:
                    case Say():
                        text = message_class(STRING)(data=what.text_for(event))
                        self._out.put((self._strings[what.topic], encode(text)))
                    case Call():
                        self._calls.put(what)
                    case Run():
                        self._plugins[_key(what)].put(event)

    def _note(self, rule: Rule, event: Event) -> None:
        """Keep the starts of events that have not ended."""
        label = event.label if rule.expressions else ""  # the face's own label changes meanwhile
        key = (event.rule, event.source_topic, event.track_id, label)
        if event.phase == "start":
            self._running[key] = event
        elif event.phase == "end":
            self._running.pop(key, None)

    def publish_running(self) -> None:
        """Publish the running events if they have changed; returns at once."""
        running = list(self._running.values())
        if running != self._told:
            self._told = running
            message = encode(event_messages.running_events(running))
            self._out.put((self._running_events, message))

    def _call(self, call: Call) -> None:
        try:
            succeeded, reply = self._transport.call_service(
                call.service, call.type_name, call.value
            )
        except TransportError as error:
            succeeded, reply = False, str(error)
        if succeeded:
            self._failed.pop(call.service, None)
            return
        reply = shortened(reply) or "no reason given"
        if self._failed.get(call.service) != reply:
            self._transport.log.warning(f"service {call.service} failed: {reply}")
        self._failed[call.service] = reply

    def statuses(self, prefix: str) -> list[Status]:
        """Return a line of diagnostics for each plug-in, and for services that fail."""
        return [
            *(runner.status(prefix) for runner in self._plugins.values()),
            *(
                Status(1, f"{prefix}: service {service}", reply, {})
                for service, reply in sorted(self._failed.copy().items())
            ),
        ]

    @property
    def dropped(self) -> int:
        """How many events and strings were not published because a subscriber stalled."""
        return self._out.dropped

    def close(self) -> None:
        """Do what is queued, for a bounded time, and end."""
        for worker in self._workers:
            worker.close()
        close_all(list(self._plugins.values()))


def _key(run: Run) -> str:
    """Rules that run a plug-in with the same options share it."""
    return json.dumps([run.plugin, run.options, str(run.folder)], sort_keys=True, default=str)


def with_options(rules: RuleSet, plugin: str, options: dict[str, object]) -> RuleSet:
    """Return the rules with some options of a plug-in replaced.

    Raises:
        PluginError: No rule runs it.
    """
    found = False

    def changed(rule: Rule) -> Rule:
        nonlocal found
        actions = []
        for action in rule.actions:
            what = action.what
            if isinstance(what, Run) and what.plugin == plugin:
                found = True
                what = replace(what, options={**what.options, **options}, folder=Path.cwd())
            actions.append(replace(action, what=what))
        return replace(rule, actions=tuple(actions))

    result = replace(rules, rules=tuple(changed(rule) for rule in rules.rules))
    if not found:
        raise PluginError(f"no rule runs the plug-in {plugin!r}, whose options are given")
    return result
