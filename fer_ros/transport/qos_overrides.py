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

"""Overrides of an endpoint's quality of service by parameters, as in ROS 2.

The parameters are named ``qos_overrides.<topic>.<publisher|subscription>.<policy>``, with the
topic as it is after remapping; policies are ``reliability``, ``durability`` and ``depth``. With
rclpy they are read by rclpy itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fer_ros.transport.base import Logger, Qos, TransportError

_CHOICES = {
    "reliability": ("reliable", "best_effort"),
    "durability": ("volatile", "transient_local"),
}
_MAX_DEPTH = 10_000


def overridden(qos: Qos, topic: str, kind: str, parameters: Mapping[str, Any], log: Logger) -> Qos:
    """Return the QoS of one endpoint with its overrides applied.

    Args:
        qos: What the node asks for.
        topic: Fully qualified, remapped name.
        kind: ``publisher`` or ``subscription``.
        parameters: All values given from outside.
        log: Gets a warning for policies that cannot be overridden.

    Raises:
        TransportError: A value is not valid for its policy.
    """
    prefix = f"qos_overrides.{topic}.{kind}."
    for name, value in parameters.items():
        if not name.startswith(prefix):
            continue
        policy = name.removeprefix(prefix)
        if policy in _CHOICES:
            _check(value in _CHOICES[policy], name, f"one of {', '.join(_CHOICES[policy])}", value)
        elif policy == "depth":
            valid = type(value) is int and 1 <= value <= _MAX_DEPTH
            _check(valid, name, f"a whole number in 1..{_MAX_DEPTH}", value)
        else:
            known = ", ".join((*_CHOICES, "depth"))
            log.warning(f"{name} is ignored; what can be overridden is {known}")
            continue
        qos = replace(qos, **{policy: value})
    return qos


def _check(valid: bool, name: str, wanted: str, value: Any) -> None:
    if not valid:
        raise TransportError(f"{name} must be {wanted}, not {value!r}")
