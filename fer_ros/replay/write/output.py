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

"""Output of every frame: lines of JSON, and messages of a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from fer_ros.perception import annotate
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import STAGES, FrameResult
from fer_ros.replay import records
from fer_ros.replay.judge.matching import Matches
from fer_ros.replay.lines import FaceLine, FrameLine, TrackLine
from fer_ros.replay.read.schedule import Arrival
from fer_ros.transport import messages
from fer_ros.transport.bag import BagError, BagWriter
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.image_topics import camera_of
from fer_ros.transport.messages import Status

RESULTS, TRACKS, METRICS = "results.jsonl", "tracks.jsonl", "metrics.json"
LATENCY, VERDICT, RUN = "latency.json", "verdict.json", "run.json"
HISTORY = "history.jsonl"
REPORT, JUNIT, BAG = "report.html", "junit.xml", "bag"

EMOTIONS_TOPIC = "/fer/emotions"
ANNOTATED_TOPIC = "/fer/image_annotated"
DIAGNOSTICS_TOPIC = "/diagnostics"


class Outputs:
    """The results of every frame: lines of JSON, and messages of a recording."""

    def __init__(
        self, folder: Path, topics: Sequence[str], classes: Sequence[str], annotated: bool
    ) -> None:
        """Open the files.

        Args:
            folder: Where they go.
            topics: Cameras.
            classes: Names of the probabilities, in their order.
            annotated: Whether to write images with the faces drawn in.

        Raises:
            BagError: The disk is full.
        """
        self._annotated = annotated
        self._topics, self._classes = tuple(topics), tuple(classes)
        self._bag = BagWriter(folder / BAG)
        self._results: IO[str] = (folder / RESULTS).open("w", encoding="utf-8")
        self._tracks: IO[str] = (folder / TRACKS).open("w", encoding="utf-8")
        self._bag.add_topic(EMOTIONS_TOPIC, messages.EMOTION_ARRAY, Qos(depth=10))
        self._bag.add_topic(DIAGNOSTICS_TOPIC, messages.DIAGNOSTIC_ARRAY, Qos(depth=10))
        if annotated:
            for topic in topics:
                name = self._annotated_topic(topic)
                self._bag.add_topic(name, messages.COMPRESSED_IMAGE, Qos(depth=1))

    def answered(
        self, arrival: Arrival, result: FrameResult, matches: Matches, message: Any
    ) -> None:
        """Write one frame with a result.

        Args:
            arrival: The image.
            result: What was found in it.
            matches: Its matched labels.
            message: Its EmotionArray; the costs in it are left out of the recording, which would
                differ from run to run otherwise, and are in ``latency.json``.
        """
        height, width = result.frame.image.shape[:2]
        truths = matches.truths()
        self._write_line(
            replace(
                _line(arrival, "answered"),
                width=width,
                height=height,
                age_ms=round(message.age_ms, 3) if math.isfinite(message.age_ms) else None,
                faces=[FaceLine.of(f, self._classes, truths.get(id(f))) for f in result.faces],
                undetected=[label.label for label in matches.undetected] or None,
            )
        )
        for stage in STAGES:
            setattr(message, f"{stage}_ms", math.nan)
        self._bag.write(EMOTIONS_TOPIC, arrival.time_ns, encode(message))
        if self._annotated:
            self._write_annotated(arrival, result)

    def dropped(self, arrival: Arrival, cause: str, reason: str = "") -> None:
        """Write one frame without a result."""
        self._write_line(replace(_line(arrival, cause), reason=reason or None))

    def unreadable(self, index: int, topic: str, recorded_ns: int, reason: str) -> None:
        """Write one message that is no image at all."""
        self._write_line(FrameLine(index, topic, 0, recorded_ns, "undecodable", reason=reason))

    def diagnostics(self, time_ns: int, statuses: Sequence[Status]) -> None:
        """Write one DiagnosticArray."""
        data = encode(messages.diagnostic_array(time_ns, statuses))
        self._bag.write(DIAGNOSTICS_TOPIC, time_ns, data)

    def track(self, track: TrackLine) -> None:
        """Write one finished track."""
        self._tracks.write(records.line(track))

    def close(self) -> None:
        """Finish all files.

        Raises:
            BagError: The disk is full.
        """
        self._results.close()
        self._tracks.close()
        self._bag.close()

    def abort(self) -> None:
        """Close the files of a replay that failed; whatever goes wrong now no longer matters."""
        for close in (self._bag.abort, self._results.close, self._tracks.close):
            try:
                close()
            except (OSError, BagError):
                continue

    def _write_line(self, line: FrameLine) -> None:
        self._results.write(records.line(line))

    def _write_annotated(self, arrival: Arrival, result: FrameResult) -> None:
        picture = annotate.draw(result.frame.image, result.faces)
        frame = result.frame
        message = messages.compressed_image(encode_jpeg(picture), frame.stamp_ns, frame.frame_id)
        self._bag.write(self._annotated_topic(frame.topic), arrival.time_ns, encode(message))

    def _annotated_topic(self, topic: str) -> str:
        own = f"{ANNOTATED_TOPIC}{topic}" if len(self._topics) > 1 else ANNOTATED_TOPIC
        return f"{camera_of(own)}/compressed"


def _line(arrival: Arrival, status: str) -> FrameLine:
    image = arrival.image
    return FrameLine(
        arrival.index, arrival.topic, image.received.stamp_ns, arrival.recorded_ns, status
    )
