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

"""One topic for each face with one field for each number, for tools that plot fields."""

from __future__ import annotations

import math
from typing import Any

from fer_ros.bridges.affect import expected_affect
from fer_ros.bridges.definitions import build
from fer_ros.bridges.faces import FaceTopics
from fer_ros.perception.emotions import KNOWN
from fer_ros.transport.base import Publisher, Qos, Transport
from fer_ros.transport.messages import time_ns

SIGNALS = "fer_ros/msg/FaceSignals"


class PeopleBridge:
    """``fer/people/<track id>/signals``."""

    def __init__(self, transport: Transport) -> None:
        """Wait for faces."""
        self._transport = transport
        self._faces = FaceTopics(self._open)

    def _open(self, track_id: str) -> dict[str, Publisher]:
        topic = f"fer/people/{track_id}/signals"
        return {"signals": self._transport.publisher(topic, SIGNALS, Qos(depth=10))}

    def update(self, array: Any) -> None:
        """Publish the numbers of every face."""
        self._faces.see(
            [face.track_id for face in array.faces], array.source_topic, time_ns(array.header.stamp)
        )
        for face in array.faces:
            if face.track_id in self._faces:
                self._faces.publish(face.track_id, "signals", _signals(face, array))

    def silence(self) -> None:
        """Close the topics of all faces."""
        self._faces.close()

    def close(self) -> None:
        """Leave the topics."""
        self._faces.close()


def _signals(face: Any, array: Any) -> Any:
    given = dict(zip(array.labels, (float(p) for p in face.smoothed_probabilities)))
    affect = expected_affect(array.labels, face.smoothed_probabilities)
    return build(
        SIGNALS,
        header=array.header,
        **{name: given.get(name, math.nan) for name in KNOWN},
        confidence=float(face.confidence),
        prediction_age_ms=float(face.prediction_age_ms),
        valence=affect.valence,
        arousal=affect.arousal,
        size=face.roi.height / max(array.height, 1),
    )
