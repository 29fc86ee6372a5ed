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

"""The DDS domain of this process: its number and configuration, from the ROS environment.

``ROS_DOMAIN_ID``, ``ROS_AUTOMATIC_DISCOVERY_RANGE``, ``ROS_STATIC_PEERS`` and
``ROS_LOCALHOST_ONLY`` mean what they mean to rmw_cyclonedds; ``CYCLONEDDS_URI`` is appended and so
takes precedence. Unlike there, ``LOCALHOST`` confines the process to the loopback interface:
nothing leaves by another one. (Cyclone DDS still binds its receiving sockets to all addresses.)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from fer_ros.files import read_bytes
from fer_ros.transport.base import TransportError
from fer_ros.transport.dds.cyclone import core, domain
from fer_ros.transport.dds.qos import participant_qos
from fer_ros.transport.dds.types import delete
from fer_ros.transport.domain_id import domain_number

MAX_PARTICIPANTS = 32
"""Processes of one machine that find each other without multicast, as in rmw_cyclonedds."""

DISCOVERY_RANGES = ("SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT")

_INTERNAL = (
    # Whole images arrive in bursts: ask for space, and take what the system allows.
    '<SocketReceiveBufferSize max="10MB"/>'
    # A reader that hangs must not hold up the end of the process.
    "<WriterLingerDuration>100ms</WriterLingerDuration>"
)
_COMPATIBILITY = (
    # Fast DDS 3 (Kilted's default) announces descriptions of types that Cyclone DDS 11.0.1 refuses
    # where there is a list or an array in them, so that nothing matches. Without them types are
    # compared by name, as ROS 2 does. 1.15 is eProsima's vendor id; a name is not taken here.
    "<Compatibility><IgnoreTypeInformation>1.15</IgnoreTypeInformation></Compatibility>"
)
_LOOPBACK = '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
_LARGE_FRAGMENTS = (
    # Loopback carries 64 kB at a time. Where the kernel's limit on socket buffers is the usual
    # 208 kB, this makes the difference between losing half of all VGA images and next to none
    # (reliable, 30 Hz).
    "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>32000B</FragmentSize>"
    "<MaxRexmitMessageSize>65500B</MaxRexmitMessageSize>"
)


@dataclass(frozen=True)
class DomainSettings:
    """DDS domain and configuration of a process."""

    number: int
    config: str
    """Cyclone DDS configuration: XML fragments and file addresses, separated by commas."""
    warnings: tuple[str, ...] = ()
    """What in the environment was not understood."""


def domain_settings(environment: Mapping[str, str]) -> DomainSettings:
    """Return the settings that environment variables ask for.

    Raises:
        TransportError: ``ROS_DOMAIN_ID`` is not valid.
    """
    warnings: list[str] = []
    peers = [peer for peer in environment.get("ROS_STATIC_PEERS", "").split(";") if peer]
    if environment.get("ROS_LOCALHOST_ONLY") == "1":
        reach, peers = "LOCALHOST", []
    else:
        reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or "SUBNET"
    if reach not in DISCOVERY_RANGES:
        warnings.append(
            f"ROS_AUTOMATIC_DISCOVERY_RANGE is {reach!r}, which is none of "
            f"{', '.join(DISCOVERY_RANGES)}; staying on this host, as ROS 2 does"
        )
        reach = "LOCALHOST"
    if peers and reach in ("OFF", "SYSTEM_DEFAULT"):
        warnings.append(f"ROS_STATIC_PEERS is ignored: the discovery range is {reach}")
        peers = []
    user_config = environment.get("CYCLONEDDS_URI", "")
    config = _config(reach, peers, _names_interfaces(user_config))
    number = domain_number(environment.get("ROS_DOMAIN_ID", ""))
    return DomainSettings(number, f"{config},{user_config}", tuple(warnings))


def _names_interfaces(user_config: str) -> bool:
    """Return whether a CYCLONEDDS_URI, XML or addresses of files, chooses network interfaces.

    Cyclone DDS refuses an interface that is named twice.
    """
    configs = [user_config]
    for address in user_config.split(","):
        path = Path(address.removeprefix("file://"))
        if "<" not in address and path.is_file():
            configs.append(read_bytes(path).decode(errors="replace"))
    return any("<NetworkInterface" in config for config in configs)


def _config(reach: str, peers: list[str], interfaces_named: bool) -> str:
    general, discovery = "", ""
    if reach == "LOCALHOST":
        if not peers:  # other hosts are not reached from loopback
            general = _LARGE_FRAGMENTS if interfaces_named else _LOOPBACK + _LARGE_FRAGMENTS
        peers = ["127.0.0.1", *peers]
    if reach in ("LOCALHOST", "OFF"):
        general += "<AllowMulticast>false</AllowMulticast>"
    if reach == "OFF":
        tag = f"ros_discovery_off_{os.getpid()}"
        discovery = f"<ParticipantIndex>none</ParticipantIndex><Tag>{tag}</Tag>"
    elif reach != "SYSTEM_DEFAULT":
        discovery = (
            "<ParticipantIndex>auto</ParticipantIndex>"
            f"<MaxAutoParticipantIndex>{MAX_PARTICIPANTS}</MaxAutoParticipantIndex>"
        )
    if peers:
        entries = "".join(f"<Peer address={quoteattr(peer)}/>" for peer in peers)
        discovery += f"<Peers>{entries}</Peers>"
    return (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{discovery}</Discovery>"
        f"{_COMPATIBILITY}<Internal>{_INTERNAL}</Internal></Domain></CycloneDDS>"
    )


@dataclass
class _Shared:
    entity: domain.Domain
    config: str
    users: int = 0


_domains: dict[int, _Shared] = {}
_lock = threading.Lock()


def join_domain(settings: DomainSettings) -> domain.DomainParticipant:
    """Return a new participant; the nodes of a process share its domains.

    Raises:
        TransportError: Cyclone DDS refuses the configuration, has no free place in the domain, or
            another node of this process uses the domain with another configuration.
    """
    with _lock:
        shared = _domains.get(settings.number)
        if shared is None:
            with _explained(f"domain {settings.number} with the configuration {settings.config}"):
                entity = domain.Domain(settings.number, settings.config)
            shared = _domains[settings.number] = _Shared(entity, settings.config)
        elif shared.config != settings.config:
            raise TransportError(
                f"domain {settings.number} is in use with another discovery configuration; all "
                "nodes of a process must share one"
            )
        try:
            with _explained(f"participant in domain {settings.number}"):
                participant = domain.DomainParticipant(settings.number, participant_qos())
            shared.users += 1
        finally:
            _drop_unused(settings.number)
        return participant


def leave_domain(participant: domain.DomainParticipant, number: int) -> None:
    """Delete a participant with all its entities, and its domain after the last one."""
    with _lock:
        delete(participant)
        _domains[number].users -= 1
        _drop_unused(number)


def _drop_unused(number: int) -> None:
    if _domains[number].users == 0:
        delete(_domains.pop(number).entity)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (core.DDSException, UnicodeEncodeError) as error:
        raise TransportError(
            f"Cyclone DDS cannot open {what}: {error}. Look at CYCLONEDDS_URI and the network "
            f"interfaces; at most {MAX_PARTICIPANTS} processes of a host share a domain"
        ) from error
