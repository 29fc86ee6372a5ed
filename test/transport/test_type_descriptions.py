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

"""Descriptions of types against the hashes that are made of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from fer_ros.transport import codec
from fer_ros.transport.base import TransportError
from fer_ros.transport.service_types import service_hash
from fer_ros.transport.type_descriptions import type_description


def plain(individual: Any) -> dict[str, Any]:
    fields = [
        {
            "name": field.name,
            "type": {
                name: getattr(field.type, name)
                for name in ("type_id", "capacity", "string_capacity", "nested_type_name")
            },
        }
        for field in individual.fields
    ]
    return {"type_name": individual.type_name, "fields": fields}


@pytest.mark.parametrize(
    "name",
    [
        "fer_ros/msg/EmotionArray", "sensor_msgs/msg/Image", "std_msgs/msg/Empty",
        "foxglove_msgs/msg/CompressedVideo", "ffmpeg_image_transport_msgs/msg/FFMPEGPacket",
        "shape_msgs/msg/SolidPrimitive", "rcl_interfaces/srv/SetParameters", "std_srvs/srv/Empty",
        "type_description_interfaces/srv/GetTypeDescription",
        "geometry_msgs/msg/PoseWithCovariance",
    ],
)  # fmt: skip
def test_the_hash_of_a_type_is_that_of_its_description(name: str) -> None:
    """REP 2011: RIHS01 is the SHA-256 of the description as JSON, without default values."""
    description = type_description(name)
    text = json.dumps(
        {
            "type_description": plain(description.type_description),
            "referenced_type_descriptions": [
                plain(each) for each in description.referenced_type_descriptions
            ],
        }
    )
    known = service_hash(name) if "/srv/" in name else codec.type_hash(name)
    assert f"RIHS01_{hashlib.sha256(text.encode()).hexdigest()}" == known


@pytest.mark.parametrize("name", ["a_msgs/msg/B", "a_msgs/srv/B", ""])
def test_an_unknown_type_is_refused(name: str) -> None:
    with pytest.raises(TransportError, match="unknown"):
        type_description(name)
