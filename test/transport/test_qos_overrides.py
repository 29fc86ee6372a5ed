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

"""How a user's QoS parameters change what the node asks for."""

from __future__ import annotations

import logging

import pytest

from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.qos_overrides import overridden

LOG = logging.getLogger("fer")


def override(**values: object) -> Qos:
    given = {f"qos_overrides./image.subscription.{name}": each for name, each in values.items()}
    return overridden(Qos(), "/image", "subscription", given, LOG)


def test_every_policy_can_be_overridden() -> None:
    assert override(reliability="best_effort") == Qos(reliability="best_effort")
    assert override(durability="transient_local", depth=3) == Qos(
        durability="transient_local", depth=3
    )


def test_other_topics_and_directions_are_left_alone() -> None:
    given = {
        "qos_overrides./image.publisher.depth": 3,
        "qos_overrides./image/compressed.subscription.depth": 4,
        "image_depth": 5,
    }
    assert overridden(Qos(), "/image", "subscription", given, LOG) == Qos()


@pytest.mark.parametrize(
    ("policy", "value"),
    [
        ("reliability", "perhaps"),
        ("durability", True),
        ("depth", 0),
        ("depth", "3"),
        ("depth", True),
    ],
)
def test_a_bad_value_is_refused_by_name(policy: str, value: object) -> None:
    with pytest.raises(TransportError, match=f"image.subscription.{policy} must be .*, not "):
        override(**{policy: value})


def test_a_policy_that_cannot_be_overridden_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert override(history="keep_all") == Qos()
    assert "history is ignored; what can be overridden is reliability" in caplog.text
