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

"""The one place that imports Cyclone DDS, so that its absence gives a clear error."""

from __future__ import annotations

from fer_ros.transport.installation import missing

try:
    import cyclonedds.builtin as builtin
    import cyclonedds.core as core
    import cyclonedds.domain as domain
    import cyclonedds.idl as idl
    import cyclonedds.internal as internal
    import cyclonedds.pub as pub
    import cyclonedds.qos as qos
    import cyclonedds.sub as sub
    import cyclonedds.topic as topic
except Exception as error:  # the binding raises classes of its own when its library is missing
    raise missing("Cyclone DDS", "dds", error) from error

__all__ = ["builtin", "core", "domain", "idl", "internal", "pub", "qos", "sub", "topic"]
