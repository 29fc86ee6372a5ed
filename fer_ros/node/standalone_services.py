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

"""The services of a node that runs without rclpy, where the middleware has services.

They are those that rclpy gives a lifecycle node: parameters, transitions, type descriptions, and
the node's own ``~/enable``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fer_ros.node.core import EmotionNode
from fer_ros.node.parameter_services import EVENT_TYPE, EVENTS, EVENTS_QOS, ParameterServices
from fer_ros.node.parameters import PARAMETERS
from fer_ros.node.transitions import STATES, TRANSITIONS, Lifecycle, State, Transition
from fer_ros.transport.base import Handle, Qos, Transport
from fer_ros.transport.codec import encode, message_class
from fer_ros.transport.service_types import SET_BOOL, response_class
from fer_ros.transport.type_descriptions import GET_TYPE_DESCRIPTION
from fer_ros.transport.type_descriptions import respond as describe_type

TRANSITION_EVENTS, TRANSITION_EVENT = "~/transition_event", "lifecycle_msgs/msg/TransitionEvent"

Handler = Callable[[Any], Any]


class ServiceTransport(Transport, Protocol):
    """A transport that may have services."""

    has_services: bool
    """Whether :meth:`service` can be called."""

    def service(self, name: str, type_name: str, handler: Handler) -> Handle:
        """Offer a service of a type that :mod:`fer_ros.transport.service_types` knows."""


def offer_services(
    transport: ServiceTransport, node: EmotionNode, lifecycle: Lifecycle
) -> list[Handle]:
    """Offer all services; none where the middleware has no services.

    Args:
        transport: Of the node.
        node: Whose parameters are got and set.
        lifecycle: Whose transitions are taken.

    Returns:
        What is to be closed before the node.
    """
    if not transport.has_services:
        return []
    own = {row.name for row in PARAMETERS}
    given = transport.parameter_overrides()
    fixed = {"use_sim_time": False, **{n: given[n] for n in given.keys() - own}}
    events = transport.publisher(EVENTS, EVENT_TYPE, EVENTS_QOS)
    parameters = ParameterServices(node, dict(sorted(fixed.items())), events.publish)
    transitions = transport.publisher(TRANSITION_EVENTS, TRANSITION_EVENT, Qos())
    services: dict[str, tuple[str, Handler]] = {
        "~/enable": (SET_BOOL, _enable(node, parameters)),
        "~/get_type_description": (GET_TYPE_DESCRIPTION, describe_type),
        **parameters.handlers(),
        **_lifecycle_handlers(lifecycle),
    }
    opened: list[Handle] = [events, transitions]
    opened += [transport.service(name, kind, handler) for name, (kind, handler) in services.items()]
    lifecycle.on_change = lambda taken: transitions.publish(_event(taken, transport.now_ns()))
    parameters.announce()
    return opened[::-1]


def _enable(node: EmotionNode, parameters: ParameterServices) -> Handler:
    """Handle ``~/enable`` by way of the parameter, so that the two always agree."""

    def respond(request: Any) -> Any:
        reason = parameters.set([("enabled", bool(request.data))])
        success, words = (False, reason) if reason else node.enable(bool(request.data))
        return response_class(SET_BOOL)(success=success, message=words)

    return respond


def _lifecycle_handlers(lifecycle: Lifecycle) -> dict[str, tuple[str, Handler]]:
    def respond(kind: str, **fields: Any) -> Any:
        return response_class(f"lifecycle_msgs/srv/{kind}")(**fields)

    def change(request: Any) -> Any:
        done = lifecycle.change(int(request.transition.id), str(request.transition.label))
        return respond("ChangeState", success=done)

    def transitions(which: Callable[[], Sequence[Transition]]) -> Handler:
        return lambda _: respond(
            "GetAvailableTransitions", available_transitions=[_description(t) for t in which()]
        )

    kinds: dict[str, tuple[str, Handler]] = {
        "get_state": (
            "GetState", lambda _: respond("GetState", current_state=_state(lifecycle.state)),
        ),
        "get_available_states": (
            "GetAvailableStates",
            lambda _: respond("GetAvailableStates", available_states=list(map(_state, STATES))),
        ),
        "change_state": ("ChangeState", change),
        "get_available_transitions": (
            "GetAvailableTransitions", transitions(lifecycle.available),
        ),
        "get_transition_graph": ("GetAvailableTransitions", transitions(lambda: TRANSITIONS)),
    }  # fmt: skip
    return {f"~/{n}": (f"lifecycle_msgs/srv/{kind}", h) for n, (kind, h) in kinds.items()}


def _state(state: State) -> Any:
    return message_class("lifecycle_msgs/msg/State")(id=state.number, label=state.label)


def _transition(transition: Transition) -> Any:
    return message_class("lifecycle_msgs/msg/Transition")(
        id=transition.number, label=transition.label
    )


def _description(transition: Transition) -> Any:
    return message_class("lifecycle_msgs/msg/TransitionDescription")(
        transition=_transition(transition),
        start_state=_state(transition.start),
        goal_state=_state(transition.goal),
    )


def _event(transition: Transition, now_ns: int) -> bytes:
    return encode(
        message_class(TRANSITION_EVENT)(
            timestamp=max(now_ns, 0),
            transition=_transition(transition),
            start_state=_state(transition.start),
            goal_state=_state(transition.goal),
        )
    )
