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

"""The environment variables of rmw_zenoh, and the router."""

from __future__ import annotations

import logging
import socket

import pytest
from support import wait_for

from fer_ros.transport.base import TransportError

zenoh = pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")

from fer_ros.transport.zenoh.session import (
    ROUTER,
    SESSION,
    SessionSettings,
    configuration,
    open_router,
    open_session,
    session_settings,
)

LOG = logging.getLogger("test")


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, SessionSettings(0)),
        ({"ROS_DOMAIN_ID": "7"}, SessionSettings(7)),
        ({"ZENOH_ROUTER_CHECK_ATTEMPTS": "0"}, SessionSettings(0, router_checks=0)),
        ({"ZENOH_ROUTER_CHECK_ATTEMPTS": "-1"}, SessionSettings(0, router_checks=None)),
        ({"ZENOH_ROUTER_CHECK_ATTEMPTS": "3"}, SessionSettings(0, router_checks=3)),
        (
            {"ZENOH_SESSION_CONFIG_URI": "/a.json5", "ZENOH_CONFIG_OVERRIDE": 'mode="client"'},
            SessionSettings(0, "/a.json5", 'mode="client"'),
        ),
    ],
)
def test_settings_follow_the_environment(environment, settings):
    assert session_settings(environment) == settings


@pytest.mark.parametrize(
    "environment", [{"ROS_DOMAIN_ID": "233"}, {"ZENOH_ROUTER_CHECK_ATTEMPTS": "often"}]
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(environment):
    (name,) = environment
    with pytest.raises(TransportError, match=name):
        session_settings(environment)


def test_sessions_and_router_stay_on_this_host():
    session, router = configuration(SESSION, "", ""), configuration(ROUTER, "", "")
    assert session.get_json("mode") == '"peer"'
    assert session.get_json("connect/endpoints") == '["tcp/localhost:7447"]'
    assert session.get_json("listen/endpoints") == '["tcp/localhost:0"]'
    assert router.get_json("listen/endpoints") == '["tcp/localhost:7447"]'
    for config in (session, router):
        assert config.get_json("scouting/multicast/enabled") == "false"


def test_overrides_come_after_the_file(tmp_path):
    file = tmp_path / "session.json5"
    file.write_text('{ mode: "client", connect: { endpoints: ["tcp/127.0.0.1:1"] } }')
    config = configuration(SESSION, str(file), 'connect/endpoints=["tcp/127.0.0.1:2"];')
    assert config.get_json("mode") == '"client"'
    assert config.get_json("connect/endpoints") == '["tcp/127.0.0.1:2"]'


@pytest.mark.parametrize(
    ("file", "overrides", "words"),
    [
        ("nowhere.json5", "", "nowhere.json5"),
        ("", "mode", "'mode', which is not of the form key=value"),
        ("", "no/such/key=1", "no/such/key"),
        ("", 'mode="cook"', "mode"),
    ],
)
def test_a_bad_configuration_is_refused_with_what_is_wrong(file, overrides, words):
    with pytest.raises(TransportError, match=words):
        configuration(SESSION, file, overrides)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def test_without_a_router_the_remedy_is_named_and_the_session_opens(caplog):
    overrides = f'connect/endpoints=["tcp/localhost:{free_port()}"]'
    open_session(SessionSettings(0, overrides=overrides), LOG).close()
    assert "fer-ros router" in caplog.text
    caplog.clear()
    open_session(SessionSettings(0, overrides=overrides, router_checks=None), LOG).close()
    assert not caplog.text


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TransportError, match=f"tcp/localhost:{port}"):
            open_router(f"tcp/localhost:{port}")


def test_nodes_meet_through_a_router_that_comes_later():
    port = free_port()
    retry = "{period_init_ms: 100, period_max_ms: 100}"
    overrides = f'connect/endpoints=["tcp/localhost:{port}"];connect/retry={retry}'
    sessions = [
        open_session(SessionSettings(0, overrides=overrides, router_checks=None), LOG)
        for _ in range(2)
    ]
    router = open_router(f"tcp/localhost:{port}")
    try:
        queries = sessions[1].declare_subscriber("0/a/b/c")
        wait_for(lambda: sessions[0].info.peers_zid())
        wait_for(lambda: sessions[0].put("0/a/b/c", b"x") or queries.try_recv())
    finally:
        for session in (*sessions, router):
            session.close()
