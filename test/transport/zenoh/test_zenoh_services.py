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

"""Services over Zenoh, offered and called."""

from __future__ import annotations

import time

import pytest

from fer_ros.transport.base import TransportError
from fer_ros.transport.service_types import response_class
from fer_ros.transport.zenoh.keys import Kind

TRIGGER = "std_srvs/srv/Trigger"
SET_BOOL = "std_srvs/srv/SetBool"

pytestmark = pytest.mark.usefixtures("router")


def test_a_service_is_called_from_another_node(join):
    server, client, heard = join("server"), join("client"), []

    def handle(value: bool) -> tuple[bool, str]:
        heard.append(value)
        return not value, f"it is {value}"

    service = server.set_bool_service("~/enable", handle)
    assert client.call_service("/server/enable", SET_BOOL, True) == (False, "it is True")
    assert client.call_service("/server/enable", SET_BOOL, False) == (True, "it is False")
    assert heard == [True, False]
    service.close()
    service.close()
    with pytest.raises(TransportError, match="nobody offers the service /server/enable"):
        client.call_service("/server/enable", SET_BOOL)


def test_remapping_of_services_counts(join):
    server = join("server", "--ros-args -r ~/enable:=/switch")
    server.set_bool_service("~/enable", lambda value: (value, ""))
    assert join("client").call_service("/switch", SET_BOOL) == (True, "")


def test_a_handler_that_raises_tells_the_client(join):
    server, client = join("server"), join("client")

    def handle(_: object) -> object:
        raise RuntimeError("not today")

    server.service("/poke", TRIGGER, handle)
    with pytest.raises(TransportError, match="not today"):
        client.call_service("/poke", TRIGGER)
    server.set_bool_service("/set", handle)
    assert client.call_service("/set", SET_BOOL) == (False, "not today")


def test_a_slow_service_does_not_delay_another(join):
    server, client = join("server"), join("client")
    response = response_class(TRIGGER)

    def slow(_: object) -> object:
        time.sleep(0.5)
        return response(success=True, message="slow")

    server.service("/slow", TRIGGER, slow)
    server.service("/quick", TRIGGER, lambda _: response(success=True, message="quick"))
    key = next(
        entity.endpoint.key(server.domain)
        for entity in server.graph._of(Kind.SERVICE)
        if entity.endpoint.name == "/slow"
    )
    assert client.call_service("/quick", TRIGGER) == (True, "quick")
    pending = client.session.get(key, payload=b"\0\1\0\0\0", timeout=5)
    assert client.call_service("/quick", TRIGGER) == (True, "quick")
    assert pending.try_recv() is None, "the slow one still works"
    assert next(iter(pending)).ok is not None


def test_requests_that_are_no_message_get_an_error(join):
    server, client = join("server"), join("client")
    server.set_bool_service("/set", lambda value: (value, ""))
    (entity,) = server.graph._of(Kind.SERVICE)
    assert client.call_service("/set", SET_BOOL) == (True, "")
    (reply,) = client.session.get(entity.endpoint.key(server.domain), payload=b"x", timeout=5)
    assert reply.ok is None
    assert b"/set failed" in bytes(reply.err.payload)


def test_requests_larger_than_any_are_refused_in_few_words(join):
    server, client = join("server"), join("client")
    server.set_bool_service("/set", lambda value: (value, ""))
    (entity,) = server.graph._of(Kind.SERVICE)
    assert client.call_service("/set", SET_BOOL) == (True, "")  # waits until it is connected
    for payload, words in ((bytes(70_000), b"70000 bytes, more than 65536"), (b"x", b"1 bytes")):
        (reply,) = client.session.get(entity.endpoint.key(server.domain), payload=payload)
        assert reply.ok is None
        assert words in bytes(reply.err.payload)


def test_the_response_carries_sequence_and_gid_of_the_request(join):
    """By these rmw_zenoh finds the client that asked (``rmw_service_data.cpp``)."""
    from fer_ros.transport.zenoh.attachment import Attachment, read_attachment

    server, client = join("server"), join("client")
    server.set_bool_service("/set", lambda value: (value, ""))
    (entity,) = server.graph._of(Kind.SERVICE)
    assert client.call_service("/set", SET_BOOL) == (True, "")
    asked = Attachment(17, 5, bytes(range(16)))
    (reply,) = client.session.get(
        entity.endpoint.key(server.domain), payload=b"\0\1\0\0\1", attachment=bytes(asked),
        timeout=5,
    )  # fmt: skip
    back = read_attachment(bytes(reply.ok.attachment))
    assert (back.sequence, back.gid) == (17, asked.gid)
    assert back.time_ns > 5
