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

"""Diagnostic status of networks and detector, for the live node and for replays."""

from __future__ import annotations

from fer_ros.runtime.assembly import Assembly
from fer_ros.transport.messages import Status

OK, WARN, ERROR = 0, 1, 2
"""Levels of diagnostic_msgs/DiagnosticStatus."""


def model_status(prefix: str, assembly: Assembly) -> Status:
    """Return which networks run, and on what."""
    classifier, report = assembly.classifier, assembly.classifier.providers
    values = {
        "model_id": classifier.model_id,
        "sha256": classifier.model_digest,
        "labels": ", ".join(classifier.labels),
        "fusion": classifier.fusion if len(classifier.networks) > 1 else "",
        "mirror": str(classifier.mirror).lower(),
        **report.values(),
    }
    if report.warning:
        return Status(WARN, f"{prefix}: model", report.warning, values)
    return Status(OK, f"{prefix}: model", f"{classifier.model_id} on {report.used[0]}", values)


def detector_status(prefix: str, assembly: Assembly) -> Status:
    """Return which face detector runs and on what."""
    choice, report = assembly.choice, assembly.detector.providers
    values = {
        "asked": choice.asked,
        "used": choice.detector.name,
        **(report.values() if report else {}),
    }
    name = f"{prefix}: detector"
    if report and report.warning:
        return Status(WARN, name, report.warning, values)
    if assembly.remark:
        return Status(WARN, name, assembly.remark, values)
    return Status(OK, name, choice.detector.name, values)
