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

"""The services of `fer-ros run` over Zenoh, called from another process as ros2cli would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from support import wait_for
from transport_tools import Inbox

from fer_ros.node.parameter_services import value_message, value_of
from fer_ros.node.parameters import PARAMETERS
from fer_ros.transport import codec
from fer_ros.transport.base import Qos
from fer_ros.transport.service_types import request_class

pytestmark = pytest.mark.usefixtures("router")

RUN = [
    sys.executable, "-m", "fer_ros", "run", "--ros-args", "-r", "__ns:=/robot",
    "-p", "detector:=fer-face", "-p", "max_faces:=7", "-p", "qos_overrides./x.publisher.depth:=3",
]  # fmt: skip


class Client(SimpleNamespace):
    """Calls the services of /robot/fer."""

    transport: Any

    def __call__(self, name: str, kind: str, **fields: Any) -> Any:
        from fer_ros.transport.zenoh import services

        request = request_class(kind)(**fields)
        return services.call(self.transport, f"/robot/fer/{name}", kind, request)

    def get(self, *names: str) -> list[Any]:
        response = self("get_parameters", "rcl_interfaces/srv/GetParameters", names=list(names))
        return [value_of(value) for value in response.values]

    def set(self, **values: Any) -> list[tuple[bool, str]]:
        response = self(
            "set_parameters", "rcl_interfaces/srv/SetParameters", parameters=parameters(values)
        )
        return [(result.successful, result.reason) for result in response.results]

    def set_atomically(self, **values: Any) -> tuple[bool, str]:
        kind = "rcl_interfaces/srv/SetParametersAtomically"
        result = self("set_parameters_atomically", kind, parameters=parameters(values)).result
        return result.successful, result.reason

    def state(self) -> str:
        state = self("get_state", "lifecycle_msgs/srv/GetState").current_state
        return f"{state.id} {state.label}"

    def change(self, number: int = 0, label: str = "") -> bool:
        transition = codec.message_class("lifecycle_msgs/msg/Transition")(id=number, label=label)
        kind = "lifecycle_msgs/srv/ChangeState"
        return bool(self("change_state", kind, transition=transition).success)


def parameters(values: dict[str, Any]) -> list[Any]:
    kind = codec.message_class("rcl_interfaces/msg/Parameter")
    return [kind(name=name, value=value_message(value)) for name, value in values.items()]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A node in a process of its own, active, and a client of it."""
    pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")
    from fer_ros.transport.opening import private_graph
    from fer_ros.transport.zenoh.node import ZenohTransport

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
        patch.setenv("ROS_DOMAIN_ID", "0")
        patch.setenv("ZENOH_CONFIG_OVERRIDE", "")
        with (
            private_graph(),
            ZenohTransport("tool", rosout=False) as transport,
            subprocess.Popen(RUN, env=dict(os.environ)) as process,
        ):
            try:
                client = Client(transport=transport)
                wait_for(lambda: _is_active(client), 60)
                yield client
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0
            finally:
                process.kill()


def _is_active(client: Client) -> bool:
    from fer_ros.transport.base import TransportError

    try:
        return client.state() == "3 active"
    except TransportError:  # it is not there yet
        return False


def test_parameters_are_listed_and_got(client: Client) -> None:
    kind = "rcl_interfaces/srv/ListParameters"
    names = client("list_parameters", kind, prefixes=[], depth=0).result.names
    assert set(names) == {row.name for row in PARAMETERS} | {
        "use_sim_time", "qos_overrides./x.publisher.depth",
    }  # fmt: skip
    nested = client("list_parameters", kind, prefixes=["qos_overrides"], depth=0).result
    assert nested.names == ["qos_overrides./x.publisher.depth"]
    assert nested.prefixes == ["qos_overrides./x.publisher"]
    shallow = client("list_parameters", kind, prefixes=[], depth=1).result
    assert "qos_overrides./x.publisher.depth" not in shallow.names
    assert client.get("max_faces", "detector", "enabled", "image_topics", "max_rate") == [
        7, "fer-face", True, ("image_raw",), (0.0,),
    ]  # fmt: skip
    assert client.get("max_faces", "no_such") == [], "as in rclpy: nothing where one is missing"
    types = client(
        "get_parameter_types", "rcl_interfaces/srv/GetParameterTypes",
        names=["enabled", "max_faces", "max_age", "detector", "image_rotation", "max_rate"],
    ).types  # fmt: skip
    assert types.tolist() == [1, 2, 3, 4, 7, 8]


def test_parameters_are_described(client: Client) -> None:
    kind = "rcl_interfaces/srv/DescribeParameters"
    faces, transport, sim_time = client(
        "describe_parameters", kind, names=["max_faces", "image_transport", "use_sim_time"]
    ).descriptors
    assert (faces.integer_range[0].from_value, faces.integer_range[0].to_value) == (1, 1000)
    assert transport.additional_constraints == "One of: auto, raw, compressed, ffmpeg, foxglove."
    assert transport.description
    assert (sim_time.read_only, sim_time.type) == (True, 1)


def test_parameters_are_set_and_refused_one_by_one(client: Client) -> None:
    node = client.transport
    events = Inbox()
    subscription = node.subscribe(
        "/parameter_events", "rcl_interfaces/msg/ParameterEvent", Qos(depth=1000), events
    )
    wait_for(lambda: subscription.publisher_count() == 1)
    results = client.set(
        max_age=0.5, tracked_threshold=7.0, no_such=1, image_topics=("/a",), use_sim_time=True
    )
    assert [done for done, _ in results] == [True, False, False, False, False]
    for (_, reason), word in zip(results[1:], ("0", "no parameter", "active", "read at the start")):
        assert word in reason
    assert client.get("max_age", "image_topics") == [0.5, ("image_raw",)]
    event = codec.decode(events.get(), "rcl_interfaces/msg/ParameterEvent")
    assert event.node == "/robot/fer"
    assert [(p.name, value_of(p.value)) for p in event.changed_parameters] == [("max_age", 0.5)]
    subscription.close()


def test_a_refusal_quotes_the_beginning_of_what_was_asked_alone(client: Client) -> None:
    (name, value) = client.set(**{"x" * 5000: 1, "detector": "y" * 5000})
    for done, reason in (name, value):
        assert not done
        assert "5000 characters" in reason or "5002 characters" in reason
        assert len(reason) < 1000


def test_several_parameters_are_set_together_or_not_at_all(client: Client) -> None:
    before = client.get("max_age", "stale_after")
    done, reason = client.set_atomically(stale_after=2.0, max_age=-1.0)
    assert not done
    assert "max_age" in reason
    assert client.get("max_age", "stale_after") == before
    assert client.set_atomically(stale_after=2.5, max_age=0.25) == (True, "")
    assert client.get("max_age", "stale_after") == [0.25, 2.5]
    assert client.set_atomically(max_age=1) == (True, ""), "a whole number serves as a double"


def test_enable_and_its_parameter_agree(client: Client) -> None:
    kind = "std_srvs/srv/SetBool"
    assert client("enable", kind, data=False).success
    assert client.get("enabled") == [False]
    assert client.set(enabled=True) == [(True, "")]
    assert client.get("enabled") == [True]


def test_the_lifecycle_is_shown_and_driven(client: Client) -> None:
    events, node = Inbox(), client.transport
    subscription = node.subscribe(
        "/robot/fer/transition_event", "lifecycle_msgs/msg/TransitionEvent", Qos(), events
    )
    wait_for(lambda: subscription.publisher_count() == 1)
    states = client("get_available_states", "lifecycle_msgs/srv/GetAvailableStates")
    assert len(states.available_states) == 11
    kind = "lifecycle_msgs/srv/GetAvailableTransitions"
    possible = client("get_available_transitions", kind).available_transitions
    assert [each.transition.label for each in possible] == ["deactivate", "shutdown"]
    assert len(client("get_transition_graph", kind).available_transitions) == 25
    assert not client.change(label="configure"), "not from active"
    assert client.change(label="deactivate")
    assert client.state() == "2 inactive"
    assert client.change(number=2)
    assert client.state() == "1 unconfigured"
    assert client.set(image_topics=("/left", "/right")) == [(True, "")]
    assert client.change(number=1)
    assert client.change(number=3)
    assert client.state() == "3 active"
    wait_for(lambda: events.messages.qsize() == 8)
    labels = [
        codec.decode(events.get(), "lifecycle_msgs/msg/TransitionEvent").transition.label
        for _ in range(8)
    ]
    assert labels[::2] == ["deactivate", "cleanup", "configure", "activate"]
    assert set(labels[1::2]) == {"transition_success"}
    subscription.close()


def test_a_step_that_fails_leaves_the_state_and_can_be_tried_again(client: Client) -> None:
    assert client.change(label="deactivate")
    assert client.change(label="cleanup")
    models = client.get("models")[0]
    assert client.set(models=("/no/such/model.onnx",)) == [(True, "")]
    assert not client.change(label="configure")
    assert client.state() == "1 unconfigured"
    assert client.set(models=models) == [(True, "")]
    assert client.change(label="configure")
    assert client.change(label="activate")


def test_types_are_described(client: Client) -> None:
    kind = "type_description_interfaces/srv/GetTypeDescription"
    name = "fer_ros/msg/EmotionArray"
    found = client(
        "get_type_description", kind,
        type_name=name, type_hash=codec.type_hash(name), include_type_sources=False,
    )  # fmt: skip
    assert found.successful
    assert found.type_description.type_description.type_name == name
    other = client(
        "get_type_description", kind,
        type_name=name, type_hash="RIHS01_00", include_type_sources=False,
    )  # fmt: skip
    assert not other.successful
    assert codec.type_hash(name) in other.failure_reason
