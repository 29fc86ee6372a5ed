"""The thread that answers images: decode, run the pipeline, publish.

It takes the newest image of every camera at once, so that their faces share one batch. Whatever
an image does to it, it counts the image as dropped and goes on with the next.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fer_ros.node.assembly import Assembly
from fer_ros.node.diagnostics import LatencyMonitor
from fer_ros.node.parameters import Settings
from fer_ros.node.stream import Arrival, Stream
from fer_ros.node.throttle import Throttle
from fer_ros.perception import annotate
from fer_ros.perception.images import ImageError
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import Frame, FrameResult
from fer_ros.transport import messages
from fer_ros.transport.base import Publisher, Transport
from fer_ros.transport.codec import DecodeError, encode

_JOIN_TIME = 2.0
"""How long a stop waits for the image at hand [s]."""


@dataclass(frozen=True)
class Camera:
    """One camera as the worker sees it."""

    stream: Stream
    annotated: Publisher | None
    """Where its annotated images go, if they are offered."""


class Worker:
    """Answers the newest images of all cameras together."""

    def __init__(
        self,
        transport: Transport,
        assembly: Assembly,
        emotions: Publisher,
        latency: LatencyMonitor,
        settings: Callable[[], Settings],
    ) -> None:
        """Prepare the thread.

        Args:
            transport: For the clock, the log and the platform's image conversion.
            assembly: The pipeline; this thread alone uses it.
            emotions: Where results go.
            latency: Told what every answer cost.
            settings: Gives the parameters in force.
        """
        self.cameras: list[Camera] = []
        self._transport = transport
        self._assembly = assembly
        self._emotions = emotions
        self._latency = latency
        self._settings = settings
        self._throttle = Throttle()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fer-worker", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def wake(self) -> None:
        """Say that an image has come."""
        self._wake.set()

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
            taken = [(camera, camera.stream.take()) for camera in self.cameras]
            self._answer([(camera, arrival) for camera, arrival in taken if arrival])

    def _answer(self, batch: list[tuple[Camera, Arrival]]) -> None:
        usable: list[tuple[Camera, Frame]] = []
        for camera, arrival in batch:
            with self._failures_counted(camera):
                frame = self._decode(camera.stream, arrival)
                if frame is not None:
                    usable.append((camera, frame))
        results: list[FrameResult] = []
        with self._failures_counted(*(camera for camera, _ in usable)):
            results = self._assembly.pipeline.process([frame for _, frame in usable])
        start = time.perf_counter()
        for (camera, _), result in zip(usable, results):
            if self._stopping.is_set():
                return
            with self._failures_counted(camera):
                self._publish(camera.stream, result, start)
                if camera.annotated is not None and camera.annotated.subscription_count() > 0:
                    self._publish_annotated(camera.annotated, result)

    @contextmanager
    def _failures_counted(self, *cameras: Camera) -> Iterator[None]:
        """Turn whatever is raised into a drop: one image must not end the node."""
        try:
            yield
        except Exception as error:
            for camera in cameras:
                self._give_up(camera.stream, "failed", f"{type(error).__name__}: {error}")

    def _decode(self, stream: Stream, arrival: Arrival) -> Frame | None:
        settings = self._settings()
        if not settings.enabled:
            stream.drop("disabled")
            return None
        start = time.perf_counter()
        try:
            received = messages.read_image(arrival.data, stream.compressed)
            stamp_ns = received.stamp_ns
            if settings.max_age and self._age_ms(stamp_ns) > settings.max_age * 1e3:
                stream.drop("too_old")
                return None
            image = received.pixels(settings.max_image_pixels, self._transport.convert_image)
        except (DecodeError, ImageError) as error:
            self._give_up(stream, "undecodable", str(error))
            return None
        stream.note_stamp(stamp_ns, arrival.received_ns)
        return Frame(
            image=image,
            stamp_ns=stamp_ns,
            frame_id=received.frame_id,
            topic=stream.topic,
            received_ns=arrival.received_ns,
            decode_ms=milliseconds_since(start),
        )

    def _give_up(self, stream: Stream, cause: str, reason: str) -> None:
        stream.drop(cause, reason)
        text = self._throttle.admit(f"{stream.topic} {cause}", f"{stream.topic}: {reason}")
        if text:
            self._transport.log.error(text)

    def _publish(self, stream: Stream, result: FrameResult, start: float) -> None:
        message = messages.emotion_array(result, self._assembly.origin, math.nan)
        message.publish_ms = result.times.publish = milliseconds_since(start)
        message.age_ms = self._age_ms(result.frame.stamp_ns)
        self._emotions.publish(encode(message))
        stream.published()
        self._latency.add(result.times, message.age_ms, len(result.faces))

    def _publish_annotated(self, publisher: Publisher, result: FrameResult) -> None:
        frame = result.frame
        picture = annotate.draw(frame.image, result.faces)
        publisher.publish(encode(messages.image(picture, frame.stamp_ns, frame.frame_id)))

    def _age_ms(self, stamp_ns: int) -> float:
        """Return the age of an image [ms]; NaN without a stamp, or before the first /clock."""
        now_ns = self._transport.now_ns()
        return (now_ns - stamp_ns) / 1e6 if stamp_ns and now_ns else math.nan
