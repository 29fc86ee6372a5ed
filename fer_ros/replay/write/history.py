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

"""Earlier runs into the same folder, so that a report shows how a recording fared over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fer_ros.replay import records
from fer_ros.replay.verdicts import HistoryRow

KEPT = 200
"""Rows that are kept, the newest ones."""


def read(path: Path) -> tuple[list[HistoryRow], str]:
    """Return the earlier runs, and why there are none of them where there should be."""
    try:
        return (list(records.read_lines(path, HistoryRow)) if path.is_file() else []), ""
    except records.RecordError as error:
        return [], f"the history of earlier runs begins anew: {error}"


def write(path: Path, rows: Sequence[HistoryRow]) -> None:
    """Write the runs."""
    path.write_text("".join(records.line(row) for row in rows[-KEPT:]), encoding="utf-8")
