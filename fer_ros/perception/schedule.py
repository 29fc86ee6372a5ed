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

"""Selection of the faces to classify in each image, given a rate of expressions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fer_ros.perception.filtering import ExpressionFilter

_EARLY = 0.1
"""How much before its time a prediction may be renewed, in periods: images jitter."""


class PredictionSchedule:
    """Chooses the faces of one camera; depends on the sequence of images alone."""

    def __init__(self) -> None:
        """Start before the first image."""
        self._previous_ns: int | None = None

    def choose(self, filters: Sequence[ExpressionFilter], time_ns: int, rate: float) -> list[bool]:
        """Return for each face of an image whether it is classified.

        New faces and those whose label is changing always are. Of the others those whose
        prediction is older than a period, the oldest first; not more in one image than the rate
        asks of it on average, so that faces that came together do not stay due together.

        Args:
            filters: Of the faces' tracks.
            time_ns: When the image belongs in time.
            rate: Predictions of a face a second [Hz]; 0: every image.
        """
        previous_ns, self._previous_ns = self._previous_ns, time_ns
        if rate <= 0 or time_ns == previous_ns:  # a frozen clock gives no ages
            return [True] * len(filters)
        period_ns = 1e9 / rate
        elapsed_ns = period_ns if previous_ns is None else abs(time_ns - previous_ns)
        chosen = [f.last is None or f.changing for f in filters]
        ages = [math.inf if f.last is None else abs(time_ns - f.last.time_ns) for f in filters]
        due = [
            index
            for index in sorted(range(len(filters)), key=lambda index: -ages[index])
            if not chosen[index] and ages[index] >= (1 - _EARLY) * period_ns
        ]
        share = min(elapsed_ns / period_ns, 1.0) * (len(filters) - sum(chosen))
        for index in due[: math.ceil(share - _EARLY)]:
            chosen[index] = True
        return chosen
