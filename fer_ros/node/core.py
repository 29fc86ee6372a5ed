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

"""The emotion node: cameras in, EmotionArray and diagnostics out, on any transport.

Life follows the ROS 2 lifecycle: :meth:`EmotionNode.configure` loads the networks,
:meth:`~EmotionNode.activate` opens the camera subscriptions and starts the worker, and back.
Callbacks only store the newest image; the worker (:mod:`fer_ros.node.worker`) does everything else.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from fer_ros.node.diagnostics import LatencyMonitor, camera_status, state_status
from fer_ros.node.graph_look import GraphLook, MissingCameras
from fer_ros.node.inputs import CameraInput, reliability
from fer_ros.node.parameters import ParameterError, Settings, parameter
from fer_ros.node.pictures import AnnotatedOutput
from fer_ros.node.status_log import StatusLog
from fer_ros.node.worker import Camera, Worker
from fer_ros.perception.association import random_prefix, track_ids
from fer_ros.perception.strings import in_one_line
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import FrameResult
from fer_ros.runtime.assembly import Assembly, assemble
from fer_ros.runtime.engine import CameraCondition, Converter, FrameEngine
from fer_ros.runtime.status import detector_status, model_status
from fer_ros.transport import messages
from fer_ros.transport.base import (
    NO_CLOCK,
    Handle,
    Publisher,
    Qos,
    Transport,
    TransportError,
)
from fer_ros.transport.codec import encode
from fer_ros.transport.image_topics import ANNOTATED, camera_of
from fer_ros.transport.messages import Status

UNCONFIGURED, CONFIGURING, INACTIVE, ACTIVE = "unconfigured", "configuring", "inactive", "active"

_TICK = 0.1
"""How often cameras are checked for a change of level [s]."""


class ConfigurationError(RuntimeError):
    """The node cannot be configured or activated with its parameters; the message says why."""


class EmotionNode:
    """Finds faces in the images of one or several cameras and publishes their expressions.

    Transitions are called one at a time; diagnostics and parameters may meet them at any moment.
    """

    def __init__(
        self, transport: Transport, settings: Settings, convert: Converter | None = None
    ) -> None:
        """Join the graph, unconfigured: so far only diagnostics are published.

        Args:
            transport: The node's place in the graph.
            settings: The parameters.
            convert: The platform's own conversion of raw images, if it has one.
        """
        self.transport = transport
        self._convert = convert
        self.state = UNCONFIGURED
        self._settings = settings
        self._problem = ""
        self._new_track_id = track_ids(random_prefix())
        self._assembly: Assembly | None = None
        self._emotions: Publisher | None = None
        self._annotated: dict[str, AnnotatedOutput] = {}
        self._inputs: dict[str, CameraInput] = {}
        self._latency = LatencyMonitor()
        self._worker: Worker | None = None
        self._engine: FrameEngine[FrameResult] | None = None
        self._graph = GraphLook(transport)
        self._missing = MissingCameras(self._graph, transport.log)
        self._status_log = StatusLog(transport.log)
        self._lock = threading.RLock()  # state, parameters, endpoints
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
            self.state, self._problem = CONFIGURING, ""
            settings = self._settings
        start = time.perf_counter()
        try:
            settings.check()
            # Not under the lock: an engine may be built for minutes, and diagnostics go on.
            assembly = assemble(settings, self._new_track_id)
            with self._lock:
                self._open_outputs(settings)
        except Exception as error:  # whatever it is, the node says so and can be tried again
            self.cleanup()
            raise self._failed("configured", error) from error
        with self._lock:
            assembly.apply(self._settings)  # a dynamic parameter may have changed meanwhile
            self._assembly, self.state = assembly, INACTIVE
        self._report_assembly(assembly, milliseconds_since(start))

    def _failed(self, what: str, error: Exception) -> ConfigurationError:
        text = in_one_line(error)
        self._problem = f"cannot be {what}: {text}"
        self.transport.log.error(self._problem)
        return ConfigurationError(text)

    def _open_outputs(self, settings: Settings) -> None:
        transport = self.transport
        qos = Qos(reliability(settings.emotions_reliability), depth=10)
        self._emotions = transport.publisher("~/emotions", messages.EMOTION_ARRAY, qos)
        if settings.publish_annotated:
            for name in settings.image_topics:
                topic = transport.resolve(name)
                several = len(settings.image_topics) > 1
                own = f"~/{ANNOTATED}{camera_of(topic)}" if several else f"~/{ANNOTATED}"
                self._annotated[topic] = AnnotatedOutput(transport, own)

    def _report_assembly(self, assembly: Assembly, milliseconds: float) -> None:
        log, origin, report = self.transport.log, assembly.origin, assembly.classifier.providers
        log.info(
            f"configured in {milliseconds:.0f} ms: network {origin.model_id} on {report.used[0]}, "
            f"detector {origin.detector}"
        )
        for part, providers in (("network", report), ("detector", assembly.detector.providers)):
            if providers and providers.warning:
                log.warning(f"{part}: {providers.warning}")
        if assembly.remark:
            log.warning(assembly.remark)

    def activate(self) -> None:
        """Subscribe to the cameras and start to process.

        Raises:
            ConfigurationError: A camera topic cannot be subscribed to, or the worker of the time
                before is still busy; the node stays inactive.
        """
        with self._lock:
            assert self._assembly is not None, "configure() comes first"
            assert self._emotions is not None
            settings, self._problem = self._settings, ""
            try:
                if self._worker is not None and not self._worker.stop():
                    raise TransportError("the last image is still being processed; try again")
                self._assembly.pipeline.reset()
                self._latency = LatencyMonitor()
                self._missing = MissingCameras(self._graph, self.transport.log)
                wake = threading.Event()
                cameras = [
                    self._subscribe(index, settings, wake.set)
                    for index in range(len(settings.image_topics))
                ]
            except Exception as error:  # as above
                self._close_subscriptions()
                raise self._failed("activated", error) from error
            self._worker = self._make_worker(cameras, wake, self._assembly, self._emotions)
            self._worker.start()
            self.state = ACTIVE
            topics = ", ".join(self._inputs)
            self.transport.log.info(f"active: {topics} -> {self.transport.resolve('~/emotions')}")

    def _make_worker(
        self, cameras: list[Camera], wake: threading.Event, assembly: Assembly, emotions: Publisher
    ) -> Worker:
        settings = self._settings
        rotations = {
            camera.stream.topic: settings.of_camera(settings.image_rotation, index)
            for index, camera in enumerate(cameras)
        }
        self._engine = FrameEngine(
            assembly.pipeline.process, settings.max_image_pixels, self._convert, rotations
        )
        return Worker(
            cameras, wake, self.transport, self._engine, assembly.origin, emotions, self._latency,
            settings=lambda: self._settings,
        )  # fmt: skip

    def _subscribe(self, index: int, settings: Settings, wake: Callable[[], None]) -> Camera:
        opened = CameraInput(self.transport, self._graph, settings, index, wake)
        topic = opened.stream.topic
        if topic in self._inputs:
            opened.close()
            raise TransportError(f"image_topics names {topic} twice")
        self._inputs[topic] = opened
        return Camera(opened.stream, self._annotated.get(opened.asked_topic))

    def _close_subscriptions(self) -> None:
        for opened in self._inputs.values():
            opened.close()
        self._inputs = {}
        self._status_log.clear()

    def deactivate(self) -> None:
        """Leave the camera topics and stop the worker; networks stay loaded."""
        with self._lock:
            self._close_subscriptions()
            worker = self._worker
            if self.state == ACTIVE:
                self.state = INACTIVE
        if worker is not None:
            worker.stop()

    def cleanup(self) -> None:
        """Close the outputs and let networks and detector go."""
        self.deactivate()
        with self._lock:
            for output in (self._emotions, *self._annotated.values()):
                if output is not None:
                    output.close()
            self._emotions, self._annotated, self._assembly = None, {}, None
            self._worker = None
            self.state, self._problem = UNCONFIGURED, ""

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
        words = "images are processed" if enabled else "images are dropped"
        if self.state != ACTIVE:
            words += f" once the node is active; it is {self.state}"
        self.transport.log.info(words)
        return True, words

    def _diagnose(self) -> None:
        """Publish diagnostics every period, and at once when a camera's level changes."""
        with self._lock:
            cameras = self._camera_statuses()
            for status, opened in zip(cameras, self._inputs.values()):
                published = opened.look() > 0 or bool(opened.other_types())
                self._missing.look(opened.stream.topic, published)
                if published:  # else the line before has named the problem
                    self._status_log.note(status)
            levels = [status.level for status in cameras]
            now = time.monotonic()
            # Timers are not exact: a tick that comes a little early counts as the period's own.
            due = now - self._diagnosed >= self._settings.diagnostics_period - _TICK / 2
            if not due and levels == self._levels:
                return
            statuses = self.diagnose()
            self._levels, self._diagnosed = levels, now
            if not self._problem:  # which was logged when it came up
                self._status_log.note(statuses[0])
        array = messages.diagnostic_array(self.transport.now_ns(), statuses)
        self._diagnostics.publish(encode(array))

    def diagnose(self) -> list[Status]:
        """Return the diagnostics of this moment."""
        with self._lock:
            prefix, assembly = self._prefix, self._assembly
            outputs = [] if self._emotions is None else [self._emotions]
            for annotated in self._annotated.values():
                outputs += annotated.publishers
            incompatible = sorted({name for p in outputs for name in p.incompatible_qos()})
            statuses = [
                state_status(
                    prefix,
                    self._state_words(),
                    self._problems(),
                    incompatible,
                    self._graph.namesakes(),
                )
            ]
            statuses += self._camera_statuses()
            if assembly is not None:
                statuses.append(model_status(prefix, assembly))
                statuses.append(detector_status(prefix, assembly))
                statuses.append(self._latency.status(prefix))
            return statuses

    def _state_words(self) -> str:
        disabled = self.state == ACTIVE and not self._settings.enabled
        return f"{self.state}, disabled" if disabled else self.state

    def _problems(self) -> str:
        no_clock = "" if self.transport.now_ns() else NO_CLOCK
        return "; ".join(filter(None, (self._problem, no_clock)))

    def _camera_statuses(self) -> list[Status]:
        settings = self._settings
        return [
            camera_status(
                self._prefix,
                opened.stream,
                opened.subscription,
                settings,
                CameraCondition() if self._engine is None else self._engine.condition(topic),
                opened.other_types(),
                self.transport.loss_advice(),
            )
            for topic, opened in self._inputs.items()
        ]
