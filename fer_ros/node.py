"""The emotion node: cameras in, EmotionArray and diagnostics out, on any transport.

Life follows the ROS 2 lifecycle: :meth:`EmotionNode.configure` loads the networks,
:meth:`~EmotionNode.activate` opens the camera subscriptions and starts the worker, and back.
Callbacks only store the newest image; one worker thread does everything else.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from fer_ros import annotate, messages
from fer_ros.assembly import Assembly, assemble
from fer_ros.codec import DecodeError, encode
from fer_ros.diagnostics import (
    LatencyMonitor,
    camera_status,
    detector_status,
    model_status,
    state_status,
)
from fer_ros.images import ImageError
from fer_ros.inference import ModelError
from fer_ros.messages import Status
from fer_ros.parameters import ParameterError, Settings, parameter
from fer_ros.stream import Arrival, Stream
from fer_ros.throttle import Throttle
from fer_ros.timing import milliseconds_since
from fer_ros.transport.base import (
    Handle,
    Publisher,
    Qos,
    Subscription,
    Transport,
    TransportError,
)
from fer_ros.types import Frame, FrameResult

UNCONFIGURED, INACTIVE, ACTIVE = "unconfigured", "inactive", "active"

_TICK = 0.1
"""How often cameras are checked for a change of level [s]."""

_JOIN_TIME = 2.0
"""How long a stop waits for the worker to finish the image at hand [s]."""


class ConfigurationError(RuntimeError):
    """The node cannot be configured as its parameters say; the message tells why."""


class EmotionNode:
    """Finds faces in the images of one or several cameras and publishes their expressions."""

    def __init__(self, transport: Transport, settings: Settings) -> None:
        """Join the graph, unconfigured: so far only diagnostics are published."""
        self.transport = transport
        self.state = UNCONFIGURED
        self._settings = settings
        self._problem = ""
        self._assembly: Assembly | None = None
        self._emotions: Publisher | None = None
        self._annotated: dict[str, Publisher] = {}
        self._streams: dict[str, tuple[Stream, Subscription]] = {}
        self._latency = LatencyMonitor()
        self._worker: _Worker | None = None
        self._throttle = Throttle()
        self._lock = threading.RLock()  # transitions, parameters and diagnostics
        self._levels: list[int] = []
        self._diagnosed = -math.inf
        self._prefix = transport.node_name.lstrip("/").replace("/", ".")
        self._diagnostics = transport.publisher(
            "/diagnostics", messages.DIAGNOSTIC_ARRAY, Qos(depth=10)
        )
        self._timer: Handle = transport.timer(_TICK, self._diagnose)

    @property
    def settings(self) -> Settings:
        """The parameters in force."""
        return self._settings

    def configure(self) -> None:
        """Load networks and detector and open the outputs.

        Raises:
            ConfigurationError: Something the parameters name cannot be used. The node stays
                unconfigured, says so in its diagnostics, and can be configured again.
        """
        with self._lock:
            start = time.perf_counter()
            try:
                self._settings.check()
                self._assembly = assemble(self._settings)
                self._open_outputs()
            except (ModelError, ParameterError, TransportError) as error:
                self.cleanup()
                self._problem = f"cannot be configured: {error}"
                self.transport.log.error(self._problem)
                raise ConfigurationError(str(error)) from error
            self._problem = ""
            self.state = INACTIVE
            self._report_assembly(self._assembly, milliseconds_since(start))

    def _open_outputs(self) -> None:
        settings, transport = self._settings, self.transport
        qos = Qos(_reliability(settings.emotions_reliability), depth=10)
        self._emotions = transport.publisher("~/emotions", messages.EMOTION_ARRAY, qos)
        if settings.publish_annotated:
            for name in settings.image_topics:
                topic = transport.resolve(name)
                several = len(settings.image_topics) > 1
                own = f"~/image_annotated{topic}" if several else "~/image_annotated"
                self._annotated[topic] = transport.publisher(own, messages.IMAGE, Qos(depth=1))

    def _report_assembly(self, assembly: Assembly, milliseconds: float) -> None:
        log, origin, report = self.transport.log, assembly.origin, assembly.classifier.providers
        log.info(
            f"configured in {milliseconds:.0f} ms: network {origin.model_id} on {report.used[0]}, "
            f"detector {origin.detector}"
        )
        if report.fell_back:
            log.warning(f"provider {report.asked[0]} is not available, using {report.used[0]}")
        if assembly.detector.warning:
            log.warning(assembly.detector.warning)

    def activate(self) -> None:
        """Subscribe to the cameras and start to process.

        Raises:
            ConfigurationError: A camera topic cannot be subscribed to; the node stays inactive.
        """
        with self._lock:
            assert self._assembly is not None, "configure() comes first"
            settings = self._settings
            qos = Qos(_reliability(settings.image_reliability), depth=settings.image_depth)
            self._assembly.pipeline.reset()
            self._latency = LatencyMonitor()
            self._worker = _Worker(self)
            try:
                for name in settings.image_topics:
                    self._subscribe(name, qos, self._worker)
            except TransportError as error:
                self.deactivate()
                self._problem = f"cannot be activated: {error}"
                self.transport.log.error(self._problem)
                raise ConfigurationError(str(error)) from error
            self._problem = ""
            self._worker.start()
            self.state = ACTIVE
            topics = ", ".join(self._streams)
            self.transport.log.info(f"active: {topics} -> {self.transport.resolve('~/emotions')}")

    def _subscribe(self, name: str, qos: Qos, worker: _Worker) -> None:
        asked = self._settings.image_transport
        compressed = asked == "compressed" or (asked == "auto" and name.endswith("/compressed"))
        source = name if not compressed or name.endswith("/compressed") else f"{name}/compressed"
        topic = self.transport.resolve(name)
        stream = Stream(self.transport.resolve(source), compressed, worker.wake)
        type_name = messages.COMPRESSED_IMAGE if compressed else messages.IMAGE

        def receive(data: bytes) -> None:
            arrival = Arrival(data, self.transport.now_ns())
            stream.put(arrival)

        subscription = self.transport.subscribe(source, type_name, qos, receive)
        worker.streams.append((stream, self._annotated.get(topic)))
        self._streams[stream.topic] = (stream, subscription)

    def deactivate(self) -> None:
        """Leave the camera topics and stop the worker; networks stay loaded."""
        with self._lock:
            for _, subscription in self._streams.values():
                subscription.close()
            self._streams = {}
            worker, self._worker = self._worker, None
            if self.state == ACTIVE:
                self.state = INACTIVE
        if worker is not None:
            worker.stop()

    def cleanup(self) -> None:
        """Close the outputs and let networks and detector go."""
        self.deactivate()
        with self._lock:
            for publisher in (self._emotions, *self._annotated.values()):
                if publisher is not None:
                    publisher.close()
            self._emotions, self._annotated, self._assembly = None, {}, None
            self.state = UNCONFIGURED

    def close(self) -> None:
        """Leave the graph; harmless when called again."""
        self._timer.close()
        self.cleanup()
        self._diagnostics.close()

    def set_parameters(self, changes: Mapping[str, Any]) -> None:
        """Change parameters while the node runs; all of them or none.

        Raises:
            ParameterError: A value does not fit, or the parameter cannot change in this state.
        """
        with self._lock:
            settings = self._settings.with_values(changes)
            for name in changes:
                changed = getattr(settings, name) != getattr(self._settings, name)
                if changed and not parameter(name).dynamic and self.state != UNCONFIGURED:
                    raise ParameterError(
                        f"{name} cannot change while the node is {self.state}; "
                        "clean it up, set it, and configure again"
                    )
            self._settings = settings
            if self._assembly is not None:
                self._assembly.apply(settings)

    def enable(self, enabled: bool) -> tuple[bool, str]:
        """Switch processing on or off; the handler of ``~/enable``."""
        self.set_parameters({"enabled": enabled})
        return True, "images are processed" if enabled else "images are dropped"

    def process(self, batch: list[tuple[Stream, Publisher | None, Arrival]]) -> None:
        """Answer the newest image of each camera that has one (called by the worker)."""
        assembly = self._assembly
        assert assembly is not None
        decoded = []
        for stream, annotated, arrival in batch:
            frame = self._decode(stream, arrival)
            if frame is not None:
                decoded.append((stream, annotated, frame))
        if not decoded:
            return
        try:
            results = assembly.pipeline.process([frame for _, _, frame in decoded])
        except Exception as error:  # an image that breaks the pipeline must not end the node
            for stream, _, _ in decoded:
                self._give_up(stream, "failed", f"{type(error).__name__}: {error}")
            return
        start = time.perf_counter()
        for (stream, annotated, _), result in zip(decoded, results):
            try:
                self._publish(stream, result, assembly, start)
                if annotated is not None and annotated.subscription_count() > 0:
                    self._publish_annotated(annotated, result)
            except Exception as error:  # whatever the middleware raises; the next image may pass
                self._give_up(stream, "failed", f"{type(error).__name__}: {error}")

    def _decode(self, stream: Stream, arrival: Arrival) -> Frame | None:
        settings = self._settings
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
            image = received.pixels(settings.max_image_pixels, self.transport.convert_image)
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
            self.transport.log.error(text)

    def _publish(
        self, stream: Stream, result: FrameResult, assembly: Assembly, start: float
    ) -> None:
        assert self._emotions is not None
        message = messages.emotion_array(result, assembly.origin, math.nan)
        message.publish_ms = result.times.publish = milliseconds_since(start)
        message.age_ms = self._age_ms(result.frame.stamp_ns)
        self._emotions.publish(encode(message))
        stream.published()
        self._latency.add(result.times, message.age_ms, len(result.faces))

    def _age_ms(self, stamp_ns: int) -> float:
        """Return the age of an image [ms]; NaN without a stamp, or before the first /clock."""
        now_ns = self.transport.now_ns()
        return (now_ns - stamp_ns) / 1e6 if stamp_ns and now_ns else math.nan

    def _publish_annotated(self, publisher: Publisher, result: FrameResult) -> None:
        frame = result.frame
        picture = annotate.draw(frame.image, result.faces)
        publisher.publish(encode(messages.image(picture, frame.stamp_ns, frame.frame_id)))

    def _diagnose(self) -> None:
        """Publish diagnostics every period, and at once when a camera's level changes."""
        with self._lock:
            levels = [status.level for status in self._camera_statuses()]
            now = time.monotonic()
            # Timers are not exact: a tick that comes a little early counts as the period's own.
            due = now - self._diagnosed >= self._settings.diagnostics_period - _TICK / 2
            if not due and levels == self._levels:
                return
            self._levels, self._diagnosed = levels, now
            statuses = self.diagnose()
        array = messages.diagnostic_array(self.transport.now_ns(), statuses)
        self._diagnostics.publish(encode(array))

    def diagnose(self) -> list[Status]:
        """Return the diagnostics of this moment."""
        with self._lock:
            prefix, assembly = self._prefix, self._assembly
            outputs = [p for p in (self._emotions, *self._annotated.values()) if p is not None]
            incompatible = sorted({name for p in outputs for name in p.incompatible_qos()})
            problem = self._problem
            if not self.transport.now_ns():
                problem = "use_sim_time is set, but nothing came on /clock yet"
            statuses = [state_status(prefix, self.state, problem, incompatible)]
            statuses += self._camera_statuses()
            if assembly is not None:
                statuses.append(model_status(prefix, assembly))
                statuses.append(detector_status(prefix, assembly))
                statuses.append(self._latency.status(prefix))
            return statuses

    def _camera_statuses(self) -> list[Status]:
        stale_after = self._settings.stale_after
        return [
            camera_status(self._prefix, stream, subscription, stale_after)
            for stream, subscription in self._streams.values()
        ]


class _Worker:
    """The thread that processes the newest images of all cameras together."""

    def __init__(self, node: EmotionNode) -> None:
        self.streams: list[tuple[Stream, Publisher | None]] = []
        self._node = node
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="fer-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_TIME)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopping:
                return
            taken = [(stream, annotated, stream.take()) for stream, annotated in self.streams]
            batch = [(stream, out, arrival) for stream, out, arrival in taken if arrival]
            if batch:
                self._node.process(batch)


def _reliability(name: str) -> Literal["reliable", "best_effort"]:
    return "reliable" if name == "reliable" else "best_effort"
