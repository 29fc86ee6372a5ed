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

"""Log lines that come with every frame."""

from __future__ import annotations

from fer_ros.runtime.throttle import Throttle


def test_one_of_a_kind_comes_through_and_the_rest_are_counted():
    throttle = Throttle(period=3600)
    assert [throttle.admit("a", "text") for _ in range(3)] == ["text", None, None]
    assert throttle.admit("b", "other") == "other"
    often = Throttle(period=0)
    assert [often.admit("a", "text") for _ in range(3)] == ["text"] * 3


def test_kinds_that_messages_name_take_bounded_room():
    throttle = Throttle(period=3600)
    for number in range(5000):
        assert throttle.admit(f"/topic{number}", "text") == "text"
    assert len(throttle._kinds) == 1000
    assert throttle.admit("/topic4999", "text") is None
