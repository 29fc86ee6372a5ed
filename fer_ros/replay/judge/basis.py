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

"""Number of labelled spans and classes behind a metric, and whether they suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.replay.judge.spans import FEWEST_SPANS
from fer_ros.replay.results import RestsOn, SpanRow

_OF_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "baseline", "evaluation")
"""Measures, by the beginning of their names, that say little where only one class was seen."""

_OF_FACES = (
    "detection_rate", "track_switches_per_min", "label_flicker_per_min", "time_to_correct_s",
)  # fmt: skip
"""Measures that rest on labels, but on no classes."""

_COUNTS = ("evaluation.labels.", "evaluation.rests_on.", "evaluation.label_messages_damaged")
_COUNT_ENDS = (".count", ".support", ".never_correct", ".units")


@dataclass(frozen=True)
class Basis:
    """Labels behind a metric."""

    spans: int
    classes: int | None
    """None where the measure is about no classes, or about one alone."""


@dataclass(frozen=True)
class Needed:
    """Labels that a metric needs to be judged."""

    spans: int = FEWEST_SPANS
    classes: int = 2

    def lacking(self, basis: Basis) -> str:
        """Return a message on what is missing; empty when there is enough."""
        spans = f"{basis.spans} labelled span{'' if basis.spans == 1 else 's'}"
        if basis.classes is None:
            enough, has = basis.spans >= self.spans, spans
        else:
            enough = basis.spans >= self.spans and basis.classes >= self.classes
            has = f"{spans} of {basis.classes} class{'' if basis.classes == 1 else 'es'}"
        asked = f"{self.spans} spans"
        asked += f" and {self.classes} classes" if basis.classes is not None else ""
        return "" if enough else f"rests on {has}; {asked} are needed"


def rests_on(spans: Sequence[SpanRow]) -> RestsOn:
    """Return what the measures of all spans together rest on."""
    seen = [span for span in spans if span.detected]
    frames = sum(span.detected for span in seen)
    return RestsOn(len(seen), len({span.label for span in seen}), frames)


def basis(metric: str, spans: Sequence[SpanRow]) -> Basis | None:
    """Return what a measure rests on; None where it needs no labels, or only counts them.

    Args:
        metric: Its dotted name.
        spans: The scored spans.
    """
    first, *rest = metric.split(".")
    if metric.startswith(_COUNTS) or metric.endswith(_COUNT_ENDS):
        return None
    if first == "baseline" and rest and "latency" in rest[0]:
        return None
    about = rest[0] if first == "baseline" and rest else first
    if about in _OF_FACES or "intervals.detection_rate" in metric or "onsets" in rest:
        return Basis(len(spans), None)
    if "per_class" in rest:
        label = rest[rest.index("per_class") + 1]
        return Basis(sum(1 for span in spans if span.label == label and span.detected), None)
    if first in _OF_CLASSES:
        seen = rests_on(spans)
        return Basis(seen.spans, seen.classes)
    return None
