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

"""What the tests over DDS share; importing it skips them where there is no DDS."""

from __future__ import annotations

import pytest
from transport_tools import (
    BEST_EFFORT,
    EMOTIONS,
    IMAGE,
    LATCHED,
    REPOSITORY,
    STRING,
    Inbox,
    both_ways,
    diagnostics,
    header,
    image,
    peer,
    string,
    text,
    wait_for,
)

from fer_ros.transport.base import TransportError

try:
    import fer_ros.transport.dds.node  # noqa: F401
except TransportError as unavailable:
    pytest.skip(str(unavailable), allow_module_level=True)

__all__ = [
    "BEST_EFFORT", "EMOTIONS", "IMAGE", "LATCHED", "REPOSITORY", "STRING", "Inbox", "both_ways",
    "diagnostics", "header", "image", "peer", "string", "text", "wait_for",
]  # fmt: skip
