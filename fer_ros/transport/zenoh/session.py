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

"""The Zenoh session of a node, configured as rmw_zenoh configures its own.

``ROS_DOMAIN_ID``, ``ZENOH_SESSION_CONFIG_URI``, ``ZENOH_CONFIG_OVERRIDE`` and
``ZENOH_ROUTER_CHECK_ATTEMPTS`` mean what they mean there (``docs/design.md``,
``rmw_zenoh_cpp/src/detail/zenoh_config.cpp`` and ``config/`` of the repository ros2/rmw_zenoh).
By default a session is a peer on the loopback interface, which meets others through a router.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fer_ros.files import regular
from fer_ros.transport.base import Logger, TransportError
from fer_ros.transport.domain_id import domain_number
from fer_ros.transport.zenoh.library import zenoh

ROUTER_PORT = 7447
"""Where rmw_zenoh looks for a router."""

_ROUTER_CHECK_PERIOD = 1.0
"""Pause between two looks for a router [s]."""

_COMMON: dict[str, Any] = {
    "scouting/multicast/enabled": False,
    "scouting/gossip/target": {"router": ["router", "peer"], "peer": ["router"]},
    "scouting/gossip/autoconnect_strategy": {
        "peer": {"to_router": "always", "to_peer": "greater-zid"}
    },
    # What is kept for late subscribers is ordered by time.
    "timestamping/enabled": {"router": True, "peer": True, "client": True},
    "queries_default_timeout": 600_000,
    "transport/unicast/open_timeout": 60_000,
    "transport/unicast/accept_timeout": 60_000,
    "transport/unicast/accept_pending": 10_000,
    "transport/unicast/max_sessions": 10_000,
    "transport/link/tx/lease": 60_000,
    "transport/link/tx/keep_alive": 2,
}
"""Where rmw_zenoh's configuration differs from Zenoh's own, for sessions and routers alike."""

SESSION: dict[str, Any] = {
    "mode": "peer",
    "connect/endpoints": [f"tcp/localhost:{ROUTER_PORT}"],
    "connect/timeout_ms": {"router": -1, "peer": -1, "client": 0},
    "connect/exit_on_failure": {"router": False, "peer": False, "client": True},
    "listen/endpoints": ["tcp/localhost:0"],
    **_COMMON,
}
ROUTER: dict[str, Any] = {
    "mode": "router",
    "listen/endpoints": [f"tcp/localhost:{ROUTER_PORT}"],
    **_COMMON,
}
"""Unlike rmw_zenoh's, this router listens on the loopback interface only."""


@dataclass(frozen=True)
class SessionSettings:
    """Configuration of a process's Zenoh session."""

    domain: int
    """ROS domain: the first chunk of all key expressions."""
    config_file: str = ""
    """File of Zenoh's configuration in place of the defaults; empty: none."""
    overrides: str = ""
    """``key=value;key=value``, the values in JSON5."""
    router_checks: int | None = 1
    """How often a router is looked for; 0 without end, None not at all."""


def session_settings(environment: Mapping[str, str]) -> SessionSettings:
    """Return the settings that environment variables ask for.

    Raises:
        TransportError: One of them is not valid.
    """
    text = environment.get("ZENOH_ROUTER_CHECK_ATTEMPTS", "")
    try:
        checks = int(text or "1")
    except ValueError:
        raise TransportError(
            f"ZENOH_ROUTER_CHECK_ATTEMPTS must be a whole number, not {text!r}"
        ) from None
    return SessionSettings(
        domain_number(environment.get("ROS_DOMAIN_ID", "")),
        environment.get("ZENOH_SESSION_CONFIG_URI", ""),
        environment.get("ZENOH_CONFIG_OVERRIDE", ""),
        None if checks < 0 else checks,
    )


def configuration(defaults: Mapping[str, Any], config_file: str, overrides: str) -> Any:
    """Return a ``zenoh.Config``.

    Args:
        defaults: Values by path, :data:`SESSION` or :data:`ROUTER`.
        config_file: Read in place of the defaults where it is named.
        overrides: ``key=value;key=value``, set after that.

    Raises:
        TransportError: The file or an override is not valid.
    """
    if config_file:
        try:
            config = zenoh.Config.from_file(str(regular(config_file)))
        except Exception as error:  # ZError, and others where the file cannot be read
            raise TransportError(
                f"Zenoh's configuration {config_file} cannot be used: {error}"
            ) from error
    else:
        config = zenoh.Config()
        for key, value in defaults.items():
            config.insert_json5(key, json.dumps(value))
    for key, text in _pairs(overrides):
        try:
            config.insert_json5(key, text)
        except zenoh.ZError as error:
            raise TransportError(
                f"ZENOH_CONFIG_OVERRIDE sets {key!r} to {text!r}, which Zenoh refuses: {error}"
            ) from error
    return config


def _pairs(overrides: str) -> Iterator[tuple[str, str]]:
    for pair in filter(str.strip, overrides.split(";")):
        key, given, text = pair.partition("=")
        if not given or not key.strip() or not text.strip():
            raise TransportError(
                f"ZENOH_CONFIG_OVERRIDE holds {pair!r}, which is not of the form key=value"
            )
        yield key.strip(), text.strip()


def open_session(settings: SessionSettings, log: Logger) -> Any:
    """Open a session, and look for a router as often as the settings say.

    Returns:
        A ``zenoh.Session``.

    Raises:
        TransportError: Zenoh refuses the configuration.
    """
    config = configuration(SESSION, settings.config_file, settings.overrides)
    try:
        session = zenoh.open(config)
    except zenoh.ZError as error:
        raise TransportError(
            f"Zenoh cannot be opened: {error}. Look at ZENOH_SESSION_CONFIG_URI and "
            "ZENOH_CONFIG_OVERRIDE"
        ) from error
    if settings.router_checks is not None:
        _look_for_router(session, settings.router_checks, log)
    return session


def _look_for_router(session: Any, checks: int, log: Logger) -> None:
    looked = 0
    while not session.info.routers_zid():
        looked += 1
        if looked == 1:
            log.warning(
                "no Zenoh router was found, and without one nodes do not find each other; start "
                "one with: fer-ros router (or ros2 run rmw_zenoh_cpp rmw_zenohd). It may come later"
            )
        if looked == checks:
            return
        time.sleep(_ROUTER_CHECK_PERIOD)


def open_router(
    listen: str, config_file: str = "", overrides: str = "", connect: tuple[str, ...] = ()
) -> Any:
    """Open a session in router mode, through which the peers of a machine find each other.

    Args:
        listen: Endpoint, e.g. ``tcp/localhost:7447``.
        config_file: As ``ZENOH_ROUTER_CONFIG_URI`` names one; it determines the endpoints then.
        overrides: As ``ZENOH_CONFIG_OVERRIDE`` has them.
        connect: Endpoints of other routers.

    Returns:
        A ``zenoh.Session``; the router runs until it is closed.

    Raises:
        TransportError: The endpoint is taken, or Zenoh refuses the configuration.
    """
    defaults = {**ROUTER, "listen/endpoints": [listen], "connect/endpoints": list(connect)}
    try:
        return zenoh.open(configuration(defaults, config_file, overrides))
    except zenoh.ZError as error:
        raise TransportError(
            f"no router can listen on {listen}: {error}. Does one run already?"
        ) from error
