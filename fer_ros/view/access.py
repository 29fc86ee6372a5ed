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

"""Who may look at the page.

On loopback everybody on this machine may, but no page of another origin that a browser here happens
to show: it could otherwise open our socket, or come by a name that it makes resolve to 127.0.0.1.
Elsewhere a token is needed, which the address given to people carries once and a cookie afterwards.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

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
class Access:
    """The rules of one server."""

    token: str
    """Empty: none is needed, and only names of this machine are answered to."""

    def problem(self, headers: Mapping[str, str], given: str) -> str:
        """Return why a request is refused; nothing where it is not.

        Args:
            headers: Of the request; ``Host`` and ``Origin`` count.
            given: The token that came with it, by cookie or address.
        """
        host = headers.get("Host", "")
        if self.token:
            if not hmac.compare_digest(given.encode(errors="replace"), self.token.encode()):
                return "wrong token" if given else "no token"
        elif not is_loopback(_host_name(host)):
            return f"the name {host!r} is none of this machine's own"
        origin = headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return f"the page {origin!r} is not ours"
        return ""


def _host_name(host: str) -> str:
    """Return the name of ``name:port`` or ``[address]:port``."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
