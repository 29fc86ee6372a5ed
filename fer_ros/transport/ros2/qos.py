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

"""Quality of service on rclpy: profiles, users' overrides, and endpoints that were refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from fer_ros.transport.base import Logger, Qos, TopicInfo

_OVERRIDABLE = (QoSPolicyKind.DEPTH, QoSPolicyKind.DURABILITY, QoSPolicyKind.RELIABILITY)
"""History is not among them: keep-all can block the node."""


def profile(qos: Qos) -> QoSProfile:
    """Return the rclpy profile of what the node asks for."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )


def topic_info(topic: str, type_name: str, offered: Sequence[QoSProfile]) -> TopicInfo:
    """Return what the publishers of a topic offer together."""
    return TopicInfo(
        name=topic,
        type_name=type_name,
        publishers=len(offered),
        reliable=all(each.reliability == ReliabilityPolicy.RELIABLE for each in offered),
        latched=all(each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered),
    )


def overriding_options(node: Any, topic: str, kind: str) -> QoSOverridingOptions:
    """Return which policies a user overrides with ``qos_overrides.<topic>.<kind>.<policy>``.

    Only those that were given from outside become parameters: rclpy never lets go of one that it
    declared itself, and would hold a reopened endpoint to its first profile.

    Args:
        node: The rclpy node, which has declared the parameters given from outside.
        topic: Fully qualified name.
        kind: ``publisher`` or ``subscription``.
    """
    given = [
        policy
        for policy in _OVERRIDABLE
        if node.has_parameter(f"qos_overrides.{topic}.{kind}.{policy.name.lower()}")
    ]
    return QoSOverridingOptions(given)


class RefusedEndpoints:
    """The QoS policies on which endpoints of one topic were refused.

    The middleware reports a refusal once and never its end, so a reported name is forgotten when
    the graph shows no endpoint any more that does not fit.
    """

    def __init__(
        self, topic: str, log: Logger, others: Callable[[], list[Any]], fits: Callable[[Any], bool]
    ) -> None:
        """Watch one endpoint.

        Args:
            topic: Fully qualified name, for the log.
            log: Where a refusal is reported.
            others: Returns the graph's information on the endpoints at the topic's other side.
            fits: Tells whether the profile of one of them is compatible.
        """
        self._topic = topic
        self._log = log
        self._others = others
        self._fits = fits
        self._names: set[str] = set()

    def on_event(self, event: Any) -> None:
        """Take in the middleware's report."""
        name = qos_policy_name_from_kind(event.last_policy_kind)
        self._names.add(name)
        self._log.warning(
            f"{self._topic}: an endpoint with an incompatible QoS ({name}) was refused; "
            f"see ros2 topic info -v {self._topic}"
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of the policies, spelled as ROS spells them."""
        if self._names and all(self._fits(info.qos_profile) for info in self._others()):
            self._names.clear()
        return tuple(sorted(self._names))


def compatible(publisher: QoSProfile, subscription: QoSProfile) -> bool:
    """Tell whether messages can flow between two profiles."""
    result, _ = qos_check_compatible(publisher, subscription)
    return bool(result != QoSCompatibility.ERROR)
