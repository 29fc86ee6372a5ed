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

"""``fer-ros view``: a page in the browser that shows the results live."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import threading
from typing import Any

from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Transport
from fer_ros.transport.opening import open_standalone
from fer_ros.view.access import MIN_TOKEN, Access, is_loopback, new_token

DEFAULT_PORT = 8417


def add_parser(subparsers: Any) -> None:
    """Add the ``view`` command."""
    parser = subparsers.add_parser(
        "view",
        description="Serves a live page: the annotated picture, a timeline of probabilities for "
        "every person, latency, drops, diagnostics and events of the nodes in this domain. The "
        "page is for this machine alone unless --host says otherwise; then a token is needed.",
        epilog="examples:\n"
        "  fer-ros view\n"
        "  fer-ros view --host 0.0.0.0     # prints an address with a token\n"
        "  ssh -L 8417:localhost:8417 robot fer-ros view    # encrypted, from elsewhere",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(func=_view)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``ros2 run`` has as well."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="listen at this address (default: %(default)s, this machine alone)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port; 0 takes a free one (default: "
        "%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--token", metavar="TEXT", help="what the address must carry (default: none on this "
        "machine alone, else made anew at every start)",
    )  # fmt: skip


def _view(args: argparse.Namespace, ros_args: RosArgs) -> int:
    access = access_rules(args)
    with stop_signals() as stop, open_standalone("fer_view", ros_args) as transport:
        serve(transport, access, args.host, args.port, stop)
    return 0


def access_rules(args: argparse.Namespace) -> Access:
    """Return the rules of access, by the options of :func:`add_arguments`.

    Raises:
        ValueError: An option has no sensible value.
    """
    if not 0 <= args.port <= 65535:
        raise ValueError(f"--port must lie in 0..65535, not {args.port}")
    if args.token is not None:
        if len(args.token) < MIN_TOKEN or not args.token.isascii() or not args.token.isprintable():
            raise ValueError(f"--token must have at least {MIN_TOKEN} plain characters")
        return Access(args.token)
    return Access("" if is_loopback(args.host) else new_token())


def page_port() -> int:
    """Return the port for a page that another command shows: the usual one, or 0 where it is taken.

    A server that binds it a moment later may still find it taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return 0
    return DEFAULT_PORT


def shown_name(host: str) -> str:
    """Return a listening address as people write it in a browser."""
    if is_loopback(host):
        return "localhost" if host in ("localhost", "127.0.0.1") else _bracketed(host)
    if host in ("0.0.0.0", "::"):
        return (
            socket.gethostname()
        )  # of all addresses, the name that others have the best chance by
    return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def serve(
    transport: Transport, access: Access, host: str, port: int, stop: threading.Event
) -> None:
    """Serve the page until `stop` is set; prints its address.

    Raises:
        OSError: The address cannot be had.
        ImportError: The library for it is not installed.
    """
    try:
        from fer_ros.view.server import ViewServer
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ImportError(
            "fer-ros view needs aiohttp: pip install 'fer_ros[web]', or apt install python3-aiohttp"
        ) from error

    def ready(at: int) -> None:
        query = f"?token={access.token}" if access.token else ""
        print(
            f"the page is at http://{shown_name(host)}:{at}/{query}  (Ctrl-C ends it)", flush=True
        )
        if not is_loopback(host):
            print(
                "pictures and token cross the network unencrypted; in a network that you do not "
                "trust use an SSH tunnel",
                file=sys.stderr,
            )

    try:
        asyncio.run(ViewServer(transport, access).run(host, port, ready, stop))
    except OSError as error:
        raise OSError(f"cannot listen at {host} port {port}: {error}; see --port") from error
