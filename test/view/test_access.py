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

"""Who may look at the page."""

from __future__ import annotations

import socket

import pytest

from fer_ros.apps.cli import main
from fer_ros.apps.view import shown_name
from fer_ros.view.access import Access, is_loopback, new_token

HERE = Access("")
ELSEWHERE = Access("correct-horse")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.0.4", "robot", "localhost.evil.org", ""]
)
def test_names_that_others_can_reach(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost:8417", "127.0.0.1:8417", "[::1]:8417", "localhost", "LOCALHOST:80"]
)
def test_on_this_machine_nobody_needs_a_token(host: str) -> None:
    assert HERE.check({"Host": host, "Origin": f"http://{host.lower()}"}, ()) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8417",
        "10.0.0.1",
        "",
        "[",
        "127.0.0.1.evil.example",
        "localhost#.evil.example",
        "localhost/.evil.example",
        "localhost?.evil.example",
        "evil.example@localhost",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    assert "none of this machine" in reason(HERE, {"Host": host})


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:9999",
        "http://localhost",
        "https://localhost",
    ],
)
def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    for access in (HERE, ELSEWHERE):
        refusal = access.check({"Host": "localhost:8417", "Origin": origin}, ("correct-horse",))
        assert refusal is not None
        assert refusal.status == 403
        assert "is not this server's" in refusal.reason


@pytest.mark.parametrize(
    "origin",
    ["", "x", "http://", "http://[", "http://[::1", "http://a:b", "http://a:99999",
     "//localhost:8417", "file://", "\x00", "localhost:8417", "http://localhost:8417\udcff"],
)  # fmt: skip
def test_an_origin_that_is_no_url_is_a_bad_request(origin: str) -> None:
    for access in (HERE, ELSEWHERE):
        refusal = access.check({"Host": "localhost:8417", "Origin": origin}, ("correct-horse",))
        assert refusal is not None
        assert refusal.status in (400, 403)
        assert (refusal.status == 400) == ("is no URL" in refusal.reason)
        assert refusal.reason.isprintable()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("robot.lan", "http://robot.lan"), ("robot.lan:80", "http://robot.lan"),
        ("robot.lan:443", "https://robot.lan"), ("robot.lan", "https://robot.lan"),
        ("[fd00::4]:8417", "http://[fd00::4]:8417"), ("Robot.lan:8417", "http://robot.lan:8417"),
    ],
)  # fmt: skip
def test_a_proxy_may_write_the_default_port_or_leave_it_out(host: str, origin: str) -> None:
    assert ELSEWHERE.check({"Host": host, "Origin": origin}, ("correct-horse",)) is None


def test_elsewhere_the_token_decides_and_not_the_name() -> None:
    headers = {"Host": "robot.lan:8417"}
    for given in (("correct-horse", ""), ("", "correct-horse"), ("of-yesterday", "correct-horse")):
        assert ELSEWHERE.check(headers, given) is None
    assert reason(ELSEWHERE, headers, "") == "no token"
    for wrong in ("correct-hors", "correct-horse ", "CORRECT-HORSE", "x" * 9999, "\udcff€"):
        assert reason(ELSEWHERE, headers, wrong) == "wrong token"


def reason(access: Access, headers: dict[str, str], *given: str) -> str:
    refusal = access.check(headers, given)
    assert refusal is not None
    return refusal.reason


def test_made_tokens_differ_and_are_long() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 20


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "localhost"), ("localhost", "localhost"), ("::1", "[::1]"),
        ("127.0.0.2", "127.0.0.2"), ("192.168.0.4", "192.168.0.4"), ("fd00::4", "[fd00::4]"),
        ("robot.lan", "robot.lan"), ("0.0.0.0", socket.gethostname()), ("::", socket.gethostname()),
    ],
)  # fmt: skip
def test_the_printed_address_is_one_for_a_browser(host: str, shown: str) -> None:
    assert shown_name(host) == shown


@pytest.mark.parametrize(
    ("argv", "words"), [(("--token", "short"), "at least 8"), (("--port", "70000"), "0..65535")]
)
def test_a_bad_option_is_named(capsys, argv, words) -> None:
    assert main(["view", *argv]) == 2
    assert words in capsys.readouterr().err
