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

"""Quality of service as rmw_cyclonedds sets it."""

from __future__ import annotations

from fer_ros.transport.base import Qos
from fer_ros.transport.dds.cyclone import qos as dds

MAX_BLOCKING_NS = 50_000_000
"""How long a reliable writer may wait for a reader that does not keep up [ns].

rmw waits without end. With keep-last, Cyclone DDS replaces old samples rather than wait; the
limit is for the cases that are not foreseen.
"""


def endpoint_qos(qos: Qos, user_data: str) -> dds.Qos:
    """Return the DDS QoS of a reader or writer.

    Args:
        qos: What the node asks for.
        user_data: Announced with the endpoint; ROS puts the type's hash there.
    """
    policy = dds.Policy
    policies = [
        policy.History.KeepLast(qos.depth),
        policy.WriterDataLifecycle(autodispose=False),
        policy.DataRepresentation(use_cdrv0_representation=True),
        policy.Userdata(user_data.encode()),
        policy.Reliability.Reliable(MAX_BLOCKING_NS)
        if qos.reliability == "reliable"
        else policy.Reliability.BestEffort,
    ]
    if qos.durability == "transient_local":
        policies += [policy.Durability.TransientLocal, _history_service(qos.depth)]
    return dds.Qos(*policies)


def participant_qos() -> dds.Qos:
    """Return the DDS QoS of a node's participant: it lies in the root enclave."""
    return dds.Qos(dds.Policy.Userdata(b"enclave=/;"))


def _history_service(depth: int) -> dds.BasePolicy:
    """Return the policy from which Cyclone DDS takes how much late joiners get."""
    return dds.Policy.DurabilityService(
        cleanup_delay=0,
        history=dds.Policy.History.KeepLast(depth),
        max_samples=-1,
        max_instances=-1,
        max_samples_per_instance=-1,
    )
