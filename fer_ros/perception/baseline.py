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

"""Baseline of a person: the face at rest, subtracted in log probabilities.

Faces differ: one looks sad at rest, another never looks angry to a network. A baseline is the mean
of a person's log probabilities; what exceeds it is the expression. Off by default: it needs
time with a person, and of one who shows little it takes out what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.class_balance import reweighted
from fer_ros.perception.emotions import NEUTRAL

_FLOOR = 1e-4
"""Least probability counted, which bounds how far a baseline can move a result."""
_PRIOR_SECONDS = 5.0
"""Weight of the distribution that a running mean starts from [s]: that of the training's classes,
as far as `class_balance` frees from it, or an even one."""
_CLASS_SECONDS = 10.0
"""Largest weight of one class in a running mean [s]: an expression shown for minutes counts no
more than one shown for this long, so it does not become the baseline."""
_LEAST_SECONDS = 1.0
"""A class counts as shown from here on [s]; before two are, a running mean changes nothing."""
_LONGEST_STEP = 0.5
"""Most that one prediction counts, however long ago the last one was [s]."""
_NEUTRAL_PROBABILITY = 0.65
"""What a neutral face becomes: the geometric mean of fer-base's probability of neutral for the
neutral rows of FER2013's PublicTest."""
_LONGEST_NEUTRAL = 600.0
"""[s]"""

_SPEC = re.compile(r"^neutral:(\d+(?:\.\d+)?)$")


class BaselineError(ValueError):
    """The string is no valid baseline."""


class BaselineKind(Enum):
    """What a track's baseline is the mean of."""

    OFF = "off"
    RUNNING = "running"
    """What the person has shown so far, each expression at most for some seconds."""
    NEUTRAL = "neutral"
    """The first seconds of the track, in which the face is taken to be neutral."""


@dataclass(frozen=True)
class BaselineSettings:
    """Which baseline a track has."""

    kind: BaselineKind = BaselineKind.OFF
    neutral_seconds: float = 0.0
    """Length of the neutral time at the start of a track [s]."""

    @classmethod
    def parse(cls, value: str) -> BaselineSettings:
        """Read ``off``, ``running`` or ``neutral:SECONDS``.

        Raises:
            BaselineError: The string is none of these.
        """
        if value in (BaselineKind.OFF.value, BaselineKind.RUNNING.value):
            return cls(BaselineKind(value))
        match = _SPEC.match(value)
        if match and 0 < float(match[1]) <= _LONGEST_NEUTRAL:
            return cls(BaselineKind.NEUTRAL, float(match[1]))
        raise BaselineError(
            f"baseline must be off, running or neutral:SECONDS (at most {_LONGEST_NEUTRAL:g}, such "
            f"as neutral:3.0), not {value!r}"
        )


NO_BASELINE = BaselineSettings()


class Baseline:
    """The baseline of one person: one a track, or kept by a caller who knows people longer."""

    def __init__(self) -> None:
        """Start without evidence."""
        self._seconds: NDArray[np.float64] | None = None
        self._sums: NDArray[np.float64] | None = None
        self._settings = BaselineSettings()

    def update(
        self,
        probabilities: NDArray[np.float32],
        elapsed: float,
        labels: Sequence[str],
        settings: BaselineSettings,
        quality: float = 1.0,
        weights: Sequence[float] = (),
    ) -> NDArray[np.float32]:
        """Take in a prediction and return it relative to the baseline.

        Args:
            probabilities: Of the network, shape (labels,), sum 1.
            elapsed: Time since the previous prediction [s], at least 0.
            labels: Class names in the order of the probabilities.
            settings: Which baseline; another one than before starts from nothing.
            quality: Of the face [0..1]; a poor one counts less.
            weights: Of the classes, against how frequent each was in the training
                (:func:`fer_ros.perception.class_balance.prior_weights`); empty: 1. They hold
                while there is too little evidence, and a running mean starts from them.

        Returns:
            Probabilities of shape (labels,), sum 1.
        """
        plain = reweighted(probabilities, weights) if weights else probabilities
        if settings.kind is BaselineKind.OFF:
            return plain
        logs = np.log(np.maximum(probabilities.astype(np.float64), _FLOOR))
        if self._settings != settings or self._sums is None or len(self._sums) != len(labels):
            self._settings = settings
            self._seconds, self._sums = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
        self._count(logs, min(elapsed, _LONGEST_STEP) * quality)
        shift = self._shift(labels, weights)
        if shift is None:
            return plain
        moved = np.exp(logs - shift - (logs - shift).max())
        return np.asarray(moved / moved.sum(), np.float32)

    def _count(self, logs: NDArray[np.float64], seconds: float) -> None:
        assert self._seconds is not None
        assert self._sums is not None
        if self._settings.kind is BaselineKind.NEUTRAL:
            seconds = min(seconds, self._settings.neutral_seconds - float(self._seconds.sum()))
            if seconds < 1e-9:
                return
        shown = int(logs.argmax())
        self._seconds[shown] += seconds
        self._sums[shown] += seconds * logs

    def _shift(self, labels: Sequence[str], weights: Sequence[float]) -> NDArray[np.float64] | None:
        """Return what is subtracted from log probabilities; None with too little evidence."""
        assert self._seconds is not None
        assert self._sums is not None
        seconds = self._seconds
        if self._settings.kind is BaselineKind.NEUTRAL:
            total = float(seconds.sum())
            if total < self._settings.neutral_seconds - 1e-6 or NEUTRAL not in labels:
                return None
            rest = (1 - _NEUTRAL_PROBABILITY) / max(len(labels) - 1, 1)
            wanted = [_NEUTRAL_PROBABILITY if label == NEUTRAL else rest for label in labels]
            return np.asarray(self._sums.sum(axis=0) / total - np.log(wanted))
        if (seconds >= _LEAST_SECONDS).sum() < 2:
            return None
        means = self._sums / np.maximum(seconds, 1e-9)[:, None]
        shares = np.minimum(seconds, _CLASS_SECONDS)
        start = np.log(1 / np.asarray(weights or np.ones(len(labels))))
        start -= np.logaddexp.reduce(start)
        return np.asarray(
            (shares @ means + _PRIOR_SECONDS * start) / (shares.sum() + _PRIOR_SECONDS)
        )
