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


@pytest.mark.parametrize("host", ["localhost:8417", "127.0.0.1:8417", "[::1]:8417", "localhost"])
def test_on_this_machine_nobody_needs_a_token(host: str) -> None:
    assert HERE.problem({"Host": host, "Origin": f"http://{host}"}, "") == ""


@pytest.mark.parametrize(
    "host", ["evil.example:8417", "10.0.0.1", "", "[", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    assert "none of this machine" in HERE.problem({"Host": host}, "")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9999", ""])
def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    for access in (HERE, ELSEWHERE):
        headers = {"Host": "localhost:8417", "Origin": origin}
        assert "is not ours" in access.problem(headers, "correct-horse")


def test_elsewhere_the_token_decides_and_not_the_name() -> None:
    headers = {"Host": "robot.lan:8417"}
    assert ELSEWHERE.problem(headers, "correct-horse") == ""
    assert ELSEWHERE.problem(headers, "") == "no token"
    for wrong in ("correct-hors", "correct-horse ", "CORRECT-HORSE", "x" * 9999, "\udcff€"):
        assert ELSEWHERE.problem(headers, wrong) == "wrong token"


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
