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

"""Rules compiled for evaluation: a case for each expression that has events of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_ros.behaviors.conditions import QUANTITIES
from fer_ros.behaviors.episodes import Timing
from fer_ros.behaviors.rules import ANY_EXPRESSION, Rule
from fer_ros.behaviors.tracks import Track
from fer_ros.perception.emotions import KNOWN

_NO_SLACK = np.float32(0)


class Case:
    """A rule, for one of its expressions or for none, ready to be evaluated on a track."""

    def __init__(self, index: int, rule: Rule, label: str) -> None:
        """Compile it.

        Args:
            index: Its place among the cases of the camera.
            rule: The rule.
            label: The expression; empty: the rule names none.
        """
        self.index = index
        self.rule = rule
        self.label = label
        self.timing = Timing.of(rule)
        self.shares_cooldown = rule.cooldown_per == "rule"
        self.possible = True
        """Whether the camera's network knows every expression of the condition."""
        self._certain = bool(label) or (rule.when is not None and rule.when.needs_certainty)
        self._slack = np.float32(rule.hysteresis)
        self._least = np.float32(rule.confidence)
        self._least_to_continue = self._least - self._slack

    def holds(self, track: Track, running: bool) -> bool:
        """Whether what the newest image shows of a track fulfils the rule.

        Args:
            track: The track.
            running: Whether the event runs: then every comparison is relaxed by the hysteresis.
        """
        if running:
            return self._holds(track, self._least_to_continue, self._slack)
        return self._holds(track, self._least, _NO_SLACK)

    def _holds(self, track: Track, least: np.float32, slack: np.float32) -> bool:
        if not track.present or (self.label and track.shown != self.label):
            return False
        if self._certain and not track.shown:
            return False
        if self.rule.confidence > 0 and not track.values["confidence"] >= least:
            return False
        condition = self.rule.when
        if condition is None:
            return True
        return self.possible and condition.holds(track.values, slack)

    def use_labels(self, labels: Sequence[str]) -> bool:
        """Take in what the network distinguishes; return whether the case can ever hold."""
        condition = self.rule.when
        self.possible = condition is None or condition.names <= {*labels, *QUANTITIES}
        named = self.label and self.rule.expressions != (ANY_EXPRESSION,)
        return self.possible and not (named and self.label not in labels)


def cases_of(rules: Sequence[Rule]) -> list[Case]:
    """Return the cases of some rules, in their order."""
    pairs = [(rule, label) for rule in rules for label in _labels_of(rule)]
    return [Case(index, rule, label) for index, (rule, label) in enumerate(pairs)]


def _labels_of(rule: Rule) -> Sequence[str]:
    if rule.expressions == (ANY_EXPRESSION,):
        return sorted(KNOWN)
    return rule.expressions or ("",)
