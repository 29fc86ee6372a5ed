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

"""The ROS 2 lifecycle of a node that runs without rclpy: its states and transitions.

Numbers and labels are those of ``lifecycle_msgs`` and of ``rcl_lifecycle``'s default state machine,
so that ``ros2 lifecycle`` and lifecycle managers find what they expect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fer_ros.node.core import ConfigurationError
from fer_ros.perception.strings import in_one_line
from fer_ros.transport.base import Logger


@dataclass(frozen=True)
class State:
    """A state of the lifecycle."""

    number: int
    label: str


@dataclass(frozen=True)
class Transition:
    """A way from one state to another."""

    number: int
    label: str
    start: State
    goal: State


UNKNOWN = State(0, "unknown")
UNCONFIGURED = State(1, "unconfigured")
INACTIVE = State(2, "inactive")
ACTIVE = State(3, "active")
FINALIZED = State(4, "finalized")
CONFIGURING = State(10, "configuring")
CLEANING_UP = State(11, "cleaningup")
SHUTTING_DOWN = State(12, "shuttingdown")
ACTIVATING = State(13, "activating")
DEACTIVATING = State(14, "deactivating")
ERROR_PROCESSING = State(15, "errorprocessing")

STATES = (
    UNKNOWN, UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED, CONFIGURING, CLEANING_UP, SHUTTING_DOWN,
    ACTIVATING, DEACTIVATING, ERROR_PROCESSING,
)  # fmt: skip


def _outcomes(first: int, passing: State, *goals: State) -> tuple[Transition, ...]:
    """Return how a transition ends that is under way, by success, failure or error."""
    return tuple(
        Transition(first + index, f"transition_{outcome}", passing, goal)
        for index, (outcome, goal) in enumerate(zip(("success", "failure", "error"), goals))
    )


TRANSITIONS = (
    Transition(1, "configure", UNCONFIGURED, CONFIGURING),
    *_outcomes(10, CONFIGURING, INACTIVE, UNCONFIGURED, ERROR_PROCESSING),
    Transition(2, "cleanup", INACTIVE, CLEANING_UP),
    *_outcomes(20, CLEANING_UP, UNCONFIGURED, INACTIVE, ERROR_PROCESSING),
    Transition(3, "activate", INACTIVE, ACTIVATING),
    *_outcomes(30, ACTIVATING, ACTIVE, INACTIVE, ERROR_PROCESSING),
    Transition(4, "deactivate", ACTIVE, DEACTIVATING),
    *_outcomes(40, DEACTIVATING, INACTIVE, ACTIVE, ERROR_PROCESSING),
    Transition(5, "shutdown", UNCONFIGURED, SHUTTING_DOWN),
    Transition(6, "shutdown", INACTIVE, SHUTTING_DOWN),
    Transition(7, "shutdown", ACTIVE, SHUTTING_DOWN),
    *_outcomes(50, SHUTTING_DOWN, FINALIZED, FINALIZED, ERROR_PROCESSING),
    *_outcomes(60, ERROR_PROCESSING, UNCONFIGURED, FINALIZED, FINALIZED),
)
"""The whole graph."""

_SHUTDOWN = 5, 6, 7
_SUCCESS, _FAILURE = 0, 1


class Steps(Protocol):
    """The actions of the transitions; :class:`~fer_ros.node.core.EmotionNode` does it."""

    def configure(self) -> None:
        """Make everything ready; ConfigurationError where that fails."""

    def activate(self) -> None:
        """Begin to work; ConfigurationError where that fails."""

    def deactivate(self) -> None:
        """Stop working."""

    def cleanup(self) -> None:
        """Let everything go."""

    def close(self) -> None:
        """Leave the graph for good."""


class Lifecycle:
    """The state of a node, and its transitions, one at a time."""

    def __init__(
        self, steps: Steps, log: Logger, changed: Callable[[Transition], None] | None = None
    ) -> None:
        """Begin unconfigured.

        Args:
            steps: What the transitions do.
            log: Where a step that fails unexpectedly is reported.
            changed: Called with each transition and outcome as it is entered, on the thread of
                :meth:`change`.
        """
        self._steps = {
            1: steps.configure,
            2: steps.cleanup,
            3: steps.activate,
            4: steps.deactivate,
            **dict.fromkeys(_SHUTDOWN, steps.close),
        }
        self._log = log
        self.on_change = changed
        self._state = UNCONFIGURED
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """The state of now, a passing one while a transition is under way."""
        return self._state

    def available(self) -> tuple[Transition, ...]:
        """Return the transitions that lead away from the state of now."""
        return tuple(each for each in TRANSITIONS if each.start == self._state)

    def change(self, number: int = 0, label: str = "") -> bool:
        """Take a transition and wait for its end.

        Args:
            number: Of the transition; not looked at where there is a label.
            label: E.g. ``configure``.

        Returns:
            Whether it succeeded; also False where the state of now does not allow it, or another
            transition is under way.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            for transition in self.available():
                wanted = transition.label == label if label else transition.number == number
                if wanted and transition.number in self._steps:
                    return self._take(transition)
            return False
        finally:
            self._lock.release()

    def _take(self, transition: Transition) -> bool:
        self._enter(transition)
        outcome = _SUCCESS
        try:
            self._steps[transition.number]()
        except ConfigurationError:  # the node has logged it and undone the step
            outcome = _FAILURE
        except Exception as error:  # whatever it is, the next one can be tried
            self._log.error(f"cannot {transition.label}: {in_one_line(error)}")
            outcome = _FAILURE
        self._enter(self.available()[outcome])
        return outcome == _SUCCESS

    def _enter(self, transition: Transition) -> None:
        self._state = transition.goal
        if self.on_change is not None:
            self.on_change(transition)
