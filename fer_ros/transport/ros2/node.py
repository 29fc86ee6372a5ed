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

"""The transport over rclpy.

Messages cross as CDR bytes here too: rclpy's raw subscriptions hand them over and its publishers
take them, so the classes generated from ``msg/`` serve for type support alone. They are imported
in this one place.

Publishers are ordinary ones, not gated by the lifecycle, so that diagnostics flow in every state.
Every subscription has a callback group of its own; under a multi-threaded executor its messages
never wait for another callback. Timers run on threads of their own, outside the executor.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.exceptions import InvalidHandle, NameValidationException
from std_srvs.srv import SetBool

from fer_ros.transport.base import Handle, Logger, Qos, TopicInfo, TransportError
from fer_ros.transport.ros2 import middleware
from fer_ros.transport.ros2 import qos as ros_qos
from fer_ros.transport.ros2.services import call_service
from fer_ros.transport.socket_buffers import buffer_advice
from fer_ros.transport.threads import SteadyTimer, guarded

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks


_E = TypeVar("_E", bound=Handle)


def message_type(type_name: str) -> type:
    """Return the generated class of a message type, e.g. ``fer_ros/msg/EmotionArray``.

    Raises:
        TransportError: It cannot be imported.
    """
    package, _, name = type_name.split("/")
    try:
        found: type = getattr(importlib.import_module(f"{package}.msg"), name)
        return found
    except (ImportError, AttributeError) as error:
        if package != "fer_ros":
            raise TransportError(
                f"the message {type_name} cannot be imported ({error}); install its package: sudo "
                f"apt-get install ros-$ROS_DISTRO-{package.replace('_', '-')}"
            ) from error
        raise TransportError(
            f"the generated message {type_name} cannot be imported ({error}); build its package "
            "with colcon, source the install folder, and do not start from the source folder, "
            "whose fer_ros hides the installed one"
        ) from error


class RosTransport:
    """A node's place in the graph, given by an rclpy node.

    The node must have been made with ``automatically_declare_parameters_from_overrides=True``
    where parameters from outside are to be seen, and somebody else spins it.
    """

    def __init__(self, node: Any) -> None:
        """Use a node's name, clock, log and entities; the node stays its maker's to destroy."""
        self._node = node
        self._clock = node.get_clock()
        self._log: Logger = node.get_logger()
        self._open: list[Handle] = []

    @property
    def node_name(self) -> str:
        """Fully qualified name of the node."""
        return str(self._node.get_fully_qualified_name())

    @property
    def log(self) -> Logger:
        """Where the node logs."""
        return self._log

    def now_ns(self) -> int:
        """Return the node's clock [ns]: system time, or /clock under ``use_sim_time``."""
        return int(self._clock.now().nanoseconds)

    def resolve(self, name: str) -> str:
        """Return the fully qualified topic name.

        Raises:
            TransportError: The name is not valid.
        """
        try:
            return str(self._node.resolve_topic_name(name))
        except (NameValidationException, RuntimeError, ValueError) as error:
            raise TransportError(f"{name!r} is no valid topic name: {error}") from error

    def publisher(self, topic: str, type_name: str, qos: Qos) -> RosPublisher:
        """Open an outgoing topic.

        Raises:
            TransportError: Name, type or QoS cannot be used.
        """
        full = self.resolve(topic)
        return self._keep(RosPublisher(self._node, topic, full, type_name, qos))

    def subscribe(
        self, topic: str, type_name: str, qos: Qos, callback: Callable[[bytes], None]
    ) -> RosSubscription:
        """Open an incoming topic.

        Raises:
            TransportError: Name, type or QoS cannot be used.
        """
        full = self.resolve(topic)
        return self._keep(RosSubscription(self._node, topic, full, type_name, qos, callback))

    def timer(self, period: float, callback: Callable[[], None]) -> Handle:
        """Call back every ``period`` seconds of the steady clock."""
        return self._keep(SteadyTimer(period, callback, self._log))

    def set_bool_service(self, name: str, handler: Callable[[bool], tuple[bool, str]]) -> Handle:
        """Offer a std_srvs/SetBool service."""
        return self._keep(RosService(self._node, name, handler))

    def call_service(self, name: str, type_name: str, value: bool = True) -> tuple[bool, str]:
        """Call a std_srvs service and wait for its response.

        Raises:
            TransportError: Nobody offers it, or it takes too long.
        """
        return call_service(self._node, name, type_name, value)

    def namesakes(self) -> int:
        """Return how many other nodes have this node's name now."""
        found = self._node.get_node_names_and_namespaces()
        names = [f"{namespace.rstrip('/')}/{name}" for name, namespace in found]
        return max(names.count(self.node_name) - 1, 0)

    def published_topics(self) -> tuple[TopicInfo, ...]:
        """Return what is published in the graph now, by name."""
        found = []
        for name, kinds in sorted(self._node.get_topic_names_and_types()):
            offers = self._node.get_publishers_info_by_topic(name)
            for kind in kinds:
                offered = [each.qos_profile for each in offers if each.topic_type == kind]
                if offered:
                    found.append(ros_qos.topic_info(name, kind, offered))
        return tuple(found)

    def large_message_advice(self) -> str:
        """Return what to do about socket buffers that are too small for raw images."""
        return "" if middleware.over_tcp() else buffer_advice() or ""

    def loss_advice(self) -> str:
        """Return what helps on this rmw when camera images get lost on the way."""
        return middleware.loss_advice()

    def parameter_overrides(self) -> Mapping[str, Any]:
        """Return the parameter values given from outside; lists become tuples."""
        found = self._node.get_parameters_by_prefix("")
        return {name: _plain(parameter.value) for name, parameter in found.items()}

    def close(self) -> None:
        """Close every entity, the latest first; the node itself remains."""
        entities, self._open = self._open[::-1], []
        for entity in entities:
            entity.close()

    def _keep(self, entity: _E) -> _E:
        """Remember an entity so that :meth:`close` closes it, and forget the closed ones."""
        self._open = [other for other in self._open if not getattr(other, "closed", False)]
        self._open.append(entity)
        return entity


class RosPublisher:
    """One outgoing topic."""

    def __init__(self, node: Any, name: str, topic: str, type_name: str, qos: Qos) -> None:
        """Open it.

        Args:
            node: The rclpy node.
            name: As rclpy is to resolve it; a resolved name would be remapped a second time.
            topic: The name after that.
            type_name: E.g. ``fer_ros/msg/EmotionArray``.
            qos: As the node asks for it.

        Raises:
            TransportError: Type or QoS cannot be used.
        """
        self._node = node
        self.topic = topic
        self.closed = False
        self._refused = ros_qos.RefusedEndpoints(
            topic,
            node.get_logger(),
            others=lambda: node.get_subscriptions_info_by_topic(topic),
            fits=lambda other: ros_qos.compatible(self._publisher.qos_profile, other),
        )
        generated = message_type(type_name)
        try:
            self._publisher = node.create_publisher(
                generated,
                name,
                ros_qos.profile(qos),
                callback_group=MutuallyExclusiveCallbackGroup(),
                event_callbacks=PublisherEventCallbacks(incompatible_qos=self._refused.on_event),
                qos_overriding_options=ros_qos.overriding_options(node, topic, "publisher"),
            )
        except Exception as error:  # a dozen kinds, for names, types and QoS overrides
            raise TransportError(f"{topic} cannot be published: {error!r}") from error

    def publish(self, data: bytes) -> None:
        """Send one message, given as CDR with its encapsulation header."""
        if self.closed:
            return
        try:
            self._publisher.publish(data)
        except InvalidHandle:
            if not self.closed:  # else another thread closed it just now
                raise

    def subscription_count(self) -> int:
        """Return how many matching subscriptions there are."""
        return 0 if self.closed else int(self._publisher.get_subscription_count())

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return the names of the QoS policies on which a subscription was refused."""
        return self._refused.names()

    def close(self) -> None:
        """Leave the topic; harmless when called again."""
        if not self.closed:
            self.closed = True
            self._node.destroy_publisher(self._publisher)


class RosSubscription:
    """One incoming topic."""

    def __init__(
        self,
        node: Any,
        name: str,
        topic: str,
        type_name: str,
        qos: Qos,
        callback: Callable[[bytes], None],
    ) -> None:
        """Open it; the arguments and errors are those of :class:`RosPublisher`."""
        self._node = node
        self.topic = topic
        self._log: Logger = node.get_logger()
        self._callback = callback
        self.closed = False
        self._delivering = threading.RLock()
        self._sent_at, self._repeated, self._lost = 0, 0, 0
        self._refused = ros_qos.RefusedEndpoints(
            topic,
            self._log,
            others=lambda: node.get_publishers_info_by_topic(topic),
            fits=lambda other: ros_qos.compatible(other, self._subscription.qos_profile),
        )
        generated = message_type(type_name)
        try:
            self._subscription = node.create_subscription(
                generated,
                name,
                self._deliver,
                ros_qos.profile(qos),
                callback_group=MutuallyExclusiveCallbackGroup(),
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._refused.on_event, message_lost=self._on_lost
                ),
                qos_overriding_options=ros_qos.overriding_options(node, topic, "subscription"),
                raw=True,
            )
        except Exception as error:  # a dozen kinds, for names, types and QoS overrides
            raise TransportError(f"{topic} cannot be subscribed to: {error!r}") from error

    def publisher_count(self) -> int:
        """Return how many matching publishers there are."""
        if self.closed:
            return 0
        if hasattr(self._subscription, "get_publisher_count"):
            return int(self._subscription.get_publisher_count())
        return int(self._node.count_publishers(self.topic))  # Humble: the unmatched ones as well

    def incompatible_qos(self) -> tuple[str, ...]:
        """Return the names of the QoS policies on which a publisher was refused."""
        return self._refused.names()

    def lost(self) -> int:
        """Return how many messages rmw knows to be lost; not every rmw can tell."""
        return self._lost

    def repeated(self) -> int:
        """Return how many messages were delivered again, or empty, and therefore dropped."""
        return self._repeated

    def close(self) -> None:
        """Leave the topic; no callback runs after it returns."""
        with self._delivering:
            if self.closed:
                return
            self.closed = True
        self._node.destroy_subscription(self._subscription)

    def _on_lost(self, event: Any) -> None:
        self._lost = int(event.total_count)

    def _deliver(self, data: bytes, info: Mapping[str, Any]) -> None:
        with self._delivering:
            if not self.closed and not self._repeats(data, info):
                guarded(self._log, self.topic, self._callback, data)

    def _repeats(self, data: bytes, info: Mapping[str, Any]) -> bool:
        """Tell whether nothing new was taken.

        On Fast DDS rclpy's raw subscriptions hand over an empty message, or the last one again,
        thousands of times a second, when a reliable subscription of some depth waits for a part of
        an image that was lost. The time at which rmw says that the message was sent tells them
        from images that a camera sends twice.
        """
        sent_at = int(info["source_timestamp"])
        repeats = not data or (sent_at != 0 and sent_at == self._sent_at)
        self._sent_at = sent_at
        self._repeated += repeats
        return repeats


class RosService:
    """A std_srvs/SetBool service."""

    def __init__(self, node: Any, name: str, handler: Callable[[bool], tuple[bool, str]]) -> None:
        """Offer it."""
        self._node = node
        self._handler = handler
        self.closed = False
        self._service = node.create_service(SetBool, name, self._respond)

    def close(self) -> None:
        """Withdraw it; harmless when called again."""
        if not self.closed:
            self.closed = True
            self._node.destroy_service(self._service)

    def _respond(self, request: Any, response: Any) -> Any:
        try:
            response.success, response.message = self._handler(request.data)
        except Exception as error:  # without a response its caller would go on waiting
            response.success, response.message = False, str(error)
        return response


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
