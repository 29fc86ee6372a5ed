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

"""The worker thread: it runs the frame engine and publishes results.

It takes the newest images of several cameras at once, so that their faces share one batch. An image
that fails in any way is counted as dropped, and the next one is processed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_ros.node.backlog import Message
from fer_ros.node.diagnostics import LatencyMonitor
from fer_ros.node.parameters import Settings
from fer_ros.node.pictures import AnnotatedOutput
from fer_ros.node.stream import Stream
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import FrameResult, Origin
from fer_ros.runtime.engine import CameraImage, Drop, FrameEngine
from fer_ros.runtime.throttle import Throttle
from fer_ros.transport import messages
from fer_ros.transport.base import Publisher, Transport
from fer_ros.transport.codec import encode

_BATCH_TIME = 0.05
"""How long the images of one batch may take [s]."""

_COST_WEIGHT = 0.2
"""How fast the estimate of an image's cost follows the measured one."""

_JOIN_TIME = 2.0
"""How long a stop waits for the image at hand [s]."""


@dataclass(frozen=True)
class Camera:
    """One camera as the worker sees it."""

    stream: Stream
    annotated: AnnotatedOutput | None
    """Where its annotated images are made, if they are offered."""


class Worker:
    """Processes the newest images of all cameras together."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        wake: threading.Event,
        transport: Transport,
        engine: FrameEngine[FrameResult],
        origin: Origin,
        emotions: Publisher,
        latency: LatencyMonitor,
        settings: Callable[[], Settings],
    ) -> None:
        """Prepare the thread.

        Args:
            cameras: Where images wait.
            wake: Set by the streams when an image has come.
            transport: For the clock and the log.
            engine: Processes images; this thread alone uses it.
            origin: Networks and detector in use.
            emotions: Where results go.
            latency: Gets the cost of every result.
            settings: Gives the parameters in force.
        """
        self._cameras = cameras
        self._wake = wake
        self._transport = transport
        self._engine = engine
        self._origin = origin
        self._emotions = emotions
        self._latency = latency
        self._settings = settings
        self._throttle = Throttle()
        self._cost = 0.0
        """Of one image, smoothed [s]."""
        self._turn = 0
        self._turns: dict[str, int] = {}
        """When an image of each camera was last processed."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fer-worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> bool:
        """Publish nothing more and end; return whether the thread has ended."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_TIME)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            start = time.perf_counter()
            taken = [(camera, camera.stream.take()) for camera in self._next_cameras()]
            batch = [(camera, message) for camera, message in taken if message]
            self._process(batch)
            if batch:
                cost = milliseconds_since(start) / 1e3 / len(batch)
                self._cost += _COST_WEIGHT * (cost - self._cost)

    def _next_cameras(self) -> list[Camera]:
        """Return the cameras whose newest images are processed now.

        All that wait while time suffices, for their faces share one batch. When it does not, those
        that have waited longest: the others keep their newest image until their
        turn, so that every camera gets its share and no result waits for a long batch.
        """
        waiting = [camera for camera in self._cameras if camera.stream.waiting]
        waiting.sort(key=lambda camera: self._turns.get(camera.stream.topic, 0))
        chosen = waiting[: max(int(_BATCH_TIME / max(self._cost, 1e-4)), 1)]
        for camera in chosen:
            self._turn += 1
            self._turns[camera.stream.topic] = self._turn
        if len(chosen) < len(waiting):
            self._wake.set()
        return chosen

    def _process(self, batch: list[tuple[Camera, Message]]) -> None:
        opened = [(camera, self._open(camera.stream, message)) for camera, message in batch]
        usable = [(camera, image) for camera, image in opened if image is not None]
        outcomes = self._engine.process([image for _, image in usable])
        for (camera, image), outcome in zip(usable, outcomes):
            if not isinstance(outcome, Drop) or outcome.frame is not None:  # it was an image
                camera.stream.note_stamp(image.received.stamp_ns, image.received_ns)
            if isinstance(outcome, Drop):
                self._give_up(camera.stream, outcome)
            elif self._stopping.is_set():
                return
            else:
                self._publish(camera, outcome)

    def _open(self, stream: Stream, message: Message) -> CameraImage | None:
        """Read the header of an image, unless the image is not wanted."""
        settings = self._settings()
        topic, kind = stream.topic, stream.type_name
        if message.torn or not settings.enabled:
            self._engine.interrupt(topic)
        if not settings.enabled:
            stream.drop("disabled")
            return None
        for earlier in message.before:
            self._engine.read(topic, earlier.data, kind, earlier.received_ns)
        image = self._engine.read(topic, message.data, kind, message.received_ns)
        if isinstance(image, Drop):
            self._give_up(stream, image)
            return None
        foreign = self._engine.condition(stream.topic).foreign_ns
        taken_ns = image.received_ns if foreign else image.received.stamp_ns
        if settings.max_age and self._age_ms(taken_ns) > settings.max_age * 1e3:
            stream.drop("too_old")
            return None
        return image

    def _give_up(self, stream: Stream, drop: Drop) -> None:
        stream.drop(drop.cause, drop.reason)
        text = self._throttle.admit(
            f"{stream.topic} {drop.cause}", f"{stream.topic}: {drop.reason}"
        )
        if text and drop.cause == "no_key_frame":  # as whoever joins a stream has at first
            self._transport.log.warning(text)
        elif text:
            self._transport.log.error(text)

    def _publish(self, camera: Camera, result: FrameResult) -> None:
        """Publish a result; whatever goes wrong is a drop, for one image must not end the node."""
        try:
            self._publish_emotions(camera.stream, result)
            if camera.annotated is not None:
                camera.annotated.offer(result)
        except Exception as error:
            self._give_up(camera.stream, Drop("failed", f"{type(error).__name__}: {error}"))

    def _publish_emotions(self, stream: Stream, result: FrameResult) -> None:
        start = time.perf_counter()
        faces = messages.emotions(result)
        result.times.publish = milliseconds_since(start)
        age_ms = self._age_ms(result.frame.stamp_ns)
        self._emotions.publish(encode(messages.emotion_array(result, self._origin, age_ms, faces)))
        stream.published()
        self._latency.add(result.times, age_ms, len(result.faces))

    def _age_ms(self, stamp_ns: int) -> float:
        """Return the age of an image [ms]; NaN without a stamp, or before the first /clock."""
        now_ns = self._transport.now_ns()
        return (now_ns - stamp_ns) / 1e6 if stamp_ns and now_ns else math.nan
