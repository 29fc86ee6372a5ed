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

"""One plug-in, isolated: each of its methods may raise, exit or hang without effect on others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from fer_ros.behaviors.plugins import Context, Plugin, PluginError, find
from fer_ros.behaviors.rules import Run
from fer_ros.behaviors.workers import Worker, call_bounded, error_text
from fer_ros.perception.strings import shortened
from fer_ros.transport.event_messages import Event
from fer_ros.transport.messages import Status

START_TIME = 30.0
"""How long importing and constructing a plug-in may take [s]."""

CLOSE_TIME = 5.0
"""How long its ``close`` may take [s]."""

_ALL_CLOSE_TIME = 10.0
"""How long all plug-ins together may take to end [s]."""

_SLOW_TIME = 5.0
"""Duration of one ``handle`` from which diagnostics report it [s]."""

_SLOW_HEALTH_TIME = 2.0
"""The same for ``health``, which does no work [s]."""

_HEALTH_PERIOD = 0.5


class PluginRunner:
    """Constructs a plug-in, hands it events on a thread of its own, and watches its health."""

    def __init__(self, run: Run, context: Context) -> None:
        """Import and construct the plug-in.

        Raises:
            PluginError: It is not there, refuses its options, exits, or takes more than 30 s.
        """
        self._name = shortened(run.plugin)
        self._log = context.log
        title = f"plug-in {self._name}"
        made = call_bounded(title, lambda: find(run.plugin)(run.options, context), START_TIME)
        if isinstance(made.error, PluginError):
            raise made.error
        if made.error is not None:
            # Of the usual errors the message is enough; of others, such as SystemExit, the type
            # matters.
            usual = isinstance(made.error, ValueError | RuntimeError | OSError)
            why = str(made.error) if usual else error_text(made.error)
            raise PluginError(
                f"the plug-in {self._name!r} cannot start: {shortened(why, 1000)}"
            ) from made.error
        if made.timed_out:
            raise PluginError(
                f"the plug-in {self._name!r} has not started within {START_TIME:g} s; "
                "move slow work from its constructor to 'handle'"
            )
        assert made.value is not None
        self._plugin: Plugin = made.value
        self._worker: Worker[Event] = Worker(title, self._plugin.handle, self._log)
        self._problem = ""
        self._asked_since: float | None = None
        self._closing = threading.Event()
        threading.Thread(target=self._watch, name=f"health of {self._name}", daemon=True).start()

    @property
    def plugin(self) -> Plugin:
        """The plug-in itself."""
        return self._plugin

    @property
    def worker(self) -> Worker[Event]:
        """The worker that passes it its events."""
        return self._worker

    def put(self, event: Event) -> None:
        """Queue an event; returns at once."""
        self._worker.put(event)

    def status(self, prefix: str) -> Status:
        """Return its line of diagnostics; never waits for the plug-in."""
        load = self._worker.load()
        since = self._asked_since
        asked_s = 0.0 if since is None else time.monotonic() - since
        level, text = 0, "works"
        if asked_s > _SLOW_HEALTH_TIME:
            level, text = 2, f"health() has not returned for {asked_s:.0f} s"
        elif self._problem:
            level, text = 2, self._problem
        elif load.failing:
            level = 2
            text = f"handle() failed for {load.failed} of {load.done} events: {load.last_error}"
        elif load.busy_s > _SLOW_TIME:
            level, text = 1, f"handle() has not returned for {load.busy_s:.0f} s"
        elif load.failed:
            level = 1
            text = f"works; handle() failed for {load.failed} of {load.done} events"
        values = {
            "events handled": str(load.done),
            "events failed": str(load.failed),
            "events dropped": str(load.dropped),
            "events waiting": str(load.waiting),
        }
        return Status(level, f"{prefix}: plug-in {self._name}", text, values)

    def close(self) -> None:
        """Let queued events be handled, close the plug-in, and end; all for a bounded time."""
        self._closing.set()
        self._worker.close()
        ended = call_bounded(f"close of {self._name}", self._plugin.close, CLOSE_TIME)
        if ended.timed_out:
            self._log.error(
                f"closing failed: plug-in {self._name} has not closed within {CLOSE_TIME:g} s"
            )
        elif ended.error is not None:
            self._log.error(f"closing failed: plug-in {self._name}: {error_text(ended.error)}")

    def _watch(self) -> None:
        while not self._closing.is_set():
            self._asked_since = time.monotonic()
            try:
                self._problem = _health_text(self._plugin.health())
            except BaseException as error:  # sys.exit() included
                self._problem = f"health() failed: {error_text(error)}"
            self._asked_since = None
            self._closing.wait(_HEALTH_PERIOD)


def _health_text(health: object) -> str:
    """Return what a plug-in says of its health, checked and cut to a line; None counts as well."""
    if health is None:
        return ""
    if not isinstance(health, str):
        return f"health() returned {shortened(repr(type(health).__name__))} instead of a string"
    return shortened(health)


def close_all(runners: Sequence[PluginRunner]) -> None:
    """Close plug-ins side by side, in ten seconds at most."""
    threads = [
        threading.Thread(target=runner.close, name="closing", daemon=True) for runner in runners
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _ALL_CLOSE_TIME
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.0))
