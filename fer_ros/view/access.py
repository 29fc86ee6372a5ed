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

"""Access control of the page.

On loopback everybody on this machine may, but no page of another origin that a browser here happens
to show: it could otherwise open our socket, or come by a name that it makes resolve to 127.0.0.1.
Elsewhere a token is needed, which the printed address carries once and a cookie afterwards.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from fer_ros.perception.strings import shortened

_OPAQUE = "null"
"""What browsers send as the origin of files and sandboxed frames."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[^\s/?#@\\]+")
"""A Host header; what it lacks would end the name in a URL, so that what follows were not seen."""

_TOKEN_BYTES = 16
MIN_TOKEN = 8
"""Shorter tokens are refused [characters]."""


def is_loopback(host: str) -> bool:
    """Return whether a name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused."""

    status: int
    """403, or 400 where a header makes no sense."""
    reason: str
    """For the log, in one line."""


@dataclass(frozen=True)
class Access:
    """The rules of one server."""

    token: str
    """Empty: none is needed, and only names of this machine are served."""

    def check(self, headers: Mapping[str, str], given: Sequence[str]) -> Refusal | None:
        """Return why a request is refused; None where it is not.

        Args:
            headers: Of the request; ``Host`` and ``Origin`` are looked at.
            given: The tokens that came with it, by address and by cookie; one must be right.
        """
        host = headers.get("Host", "")
        if self.token:
            if not any(self.is_right(each) for each in given):
                return Refusal(403, "wrong token" if any(given) else "no token")
        elif not is_loopback(_host_name(host)):
            return Refusal(403, f"the name '{shortened(host)}' is none of this machine's own")
        origin = headers.get("Origin")
        return None if origin is None else _check_origin(origin, host)

    def is_right(self, token: str) -> bool:
        """Return whether a token is this server's; takes equally long for all wrong ones."""
        return hmac.compare_digest(token.encode(errors="replace"), self.token.encode())


def _check_origin(origin: str, host: str) -> Refusal | None:
    """Return why a page of an origin may not use the server that it knows by a host name."""
    shown = shortened(origin)
    try:
        page = urlsplit(origin)
        port = page.port
        server = urlsplit(f"//{host}")
        own = server.hostname, server.port or _DEFAULT_PORTS.get(page.scheme)
    except ValueError:
        return Refusal(400, f"the origin '{shown}' is no URL")
    if origin != _OPAQUE and not (page.scheme and page.hostname):
        return Refusal(400, f"the origin '{shown}' is no URL")
    if (page.hostname, port or _DEFAULT_PORTS.get(page.scheme)) != own:
        return Refusal(403, f"the page '{shown}' is not this server's")
    return None


def _host_name(host: str) -> str:
    """Return the name of ``name:port`` or ``[address]:port``, in lower case; empty for others."""
    if not _HOST.fullmatch(host):
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
