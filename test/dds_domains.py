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

"""DDS domains for tests, so that several runs on one host neither hear nor disturb each other."""

from __future__ import annotations

import os
import uuid

DOMAINS = 100
"""Their ports lie below the range that Linux gives out to programs (from 32768)."""


def domain_id() -> int:
    """Return the domain of this test run, 1..100: of two runs at once seldom the same."""
    return 1 + os.getpid() % DOMAINS


def loopback_environment() -> dict[str, str]:
    """Return environment variables for one graph, on loopback, that nobody else belongs to.

    Should two runs have the same domain, the tag keeps their participants apart.
    """
    tag = f"<Discovery><Tag>{uuid.uuid4()}</Tag></Discovery>"
    return {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(domain_id()),
        "CYCLONEDDS_URI": f"<CycloneDDS><Domain>{tag}</Domain></CycloneDDS>",
    }
